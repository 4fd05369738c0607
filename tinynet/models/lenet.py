"""LeNet for 32x32 colour images."""

from __future__ import annotations

from tinynet import Tensor, nn
from tinynet.nn import functional as F


class LeNet(nn.Module):
    """Classify images by two convolutions and three linear layers, 62,006 parameters for 10 classes.

    Shapes:  input (N, 3, 32, 32); returns (N, num_classes), logits
    Differs: ReLU and max-pooling in place of the paper's tanh and trainable subsampling, as usual on CIFAR;
             the layers keep their default initialisation
    Source:  LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition"
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, num_classes)."""
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # (N, 6, 14, 14)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)  # (N, 16, 5, 5)
        x = x.flatten(1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)
