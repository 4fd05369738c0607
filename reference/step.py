"""One training step in PyTorch, ready to be repeated: what the benchmarks time tinynet against."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F

from reference.models import build


def train_step(
    *, model: str, batch_size: int, threads: int, channels_last: bool, seed: int = 0
) -> Callable[[], None]:
    """Prepare a training step; return a function that runs it: forward, loss, backward, SGD, zero_grad.

    Args:    model: a name known to `reference.models.build`; batch_size: images; threads: CPU threads
             channels_last: memory format of weights and images, else contiguous
    """
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    network = build(model).to(memory_format=memory_format)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    generator = np.random.default_rng(seed)
    images = torch.from_numpy(generator.standard_normal((batch_size, 3, 32, 32), dtype=np.float32))
    images = images.contiguous(memory_format=memory_format)
    labels = torch.from_numpy(generator.integers(0, 10, batch_size))

    def step() -> None:
        loss = F.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step
