"""Code written for PyTorch runs on tinynet: its imports find tinynet's own modules, once each."""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap

import pytest
import torch

import tinynet
from tinynet import as_torch, nn


def run(code, *arguments):
    """Run code in a process in which the real torch is not imported, and return what it prints."""
    done = subprocess.run(
        [sys.executable, *(arguments or ("-c", textwrap.dedent(code)))],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


MODEL = """
import math
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.utils.model_zoo as model_zoo
import torch.backends.cudnn as cudnn
from torch import Tensor, optim
from torch.autograd import Function, Variable
from torch.nn import init
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.utils import _pair
from torch.nn.parameter import Parameter
from torch.optim.lr_scheduler import StepLR
from torch.optim.optimizer import Optimizer
from torch.utils.checkpoint import checkpoint
from torch.utils.data.dataset import Dataset, IterableDataset
from torch.utils.data.sampler import Sampler
import torch.utils.data as data


class Double(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        return grad * 2


class Gate(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.scale = Parameter(torch.ones(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, _pair(3), padding=1, bias=False)
        self.bn = nn.BatchNorm2d(4)
        self.gate = Gate(4)
        self.head = nn.Linear(4, 10)
        for m in self.modules():
            if isinstance(m, _ConvNd):
                init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, _BatchNorm):
                init.constant_(m.weight, 1)

    def forward(self, x):
        x = checkpoint(lambda y: F.relu(self.bn(self.conv(y))), x, use_reentrant=False)
        x = Double.apply(self.gate(x))
        return self.head(x.mean(3).mean(2))
"""

TRAIN = """
import sys
import torch
from net import *

cudnn.benchmark = True
device = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(0)
net = torch.nn.DataParallel(Net().to(device))
optimizer = optim.SGD(net.parameters(), lr=0.1)
schedule = StepLR(optimizer, 1)
assert isinstance(optimizer, Optimizer)
images = Variable(torch.randn(8, 3, 6, 5))
labels = torch.arange(8)
loader = data.DataLoader(data.TensorDataset(images, labels), batch_size=4, shuffle=True)
assert isinstance(loader.dataset, Dataset)
for x, y in loader:
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
schedule.step()
print(torch.__name__, sys.argv[1:], len(net.state_dict()), loss.item() > 0)
"""

ALIASES = """
    import sys
    import tinynet
    for name in ("", ".nn", ".nn.functional", ".nn.init", ".optim", ".optim.lr_scheduler", ".utils.data"):
        sys.modules["torch" + name] = sys.modules["tinynet" + name]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "net.py").write_text(MODEL)
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path


def test_a_script_runs_on_tinynet(folder):
    out = run(None, "-m", "tinynet.as_torch", str(folder / "train.py"), "--lr", "3")
    assert out == "tinynet ['--lr', '3'] 9 True"


@pytest.mark.parametrize("arguments, code", [([], 2), (["--help"], 0), (["nothing.py"], 2)])
def test_the_command_explains_itself(arguments, code, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tinynet.as_torch", *arguments], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == code
    assert "tinynet.as_torch" in done.stdout + done.stderr


def test_a_few_aliases_are_enough(folder):
    code = (
        ALIASES
        + """
    sys.path.insert(0, "FOLDER")
    import train
    """.replace("FOLDER", str(folder))
    )
    assert run(code) == "tinynet [] 9 True"


def test_aliased_imports_give_the_same_objects(folder):
    code = (
        ALIASES
        + """
    sys.path.insert(0, "FOLDER")
    import net, tinynet.autograd.function, tinynet.optim.optimizer, tinynet.utils.data.dataset
    import torch.nn.utils.weight_norm, torch.cuda.amp, torch.nn.modules
    assert net.Parameter is tinynet.nn.Parameter
    assert net.Function is tinynet.autograd.Function
    assert net._BatchNorm is tinynet.nn.modules.batchnorm._BatchNorm
    assert issubclass(tinynet.nn.BatchNorm2d, net._BatchNorm)
    assert net._ConvNd is tinynet.nn.modules.conv._ConvNd
    assert net.Optimizer is tinynet.optim.Optimizer
    assert net.Dataset is tinynet.utils.data.Dataset
    assert net.IterableDataset is tinynet.utils.data.IterableDataset
    assert net.model_zoo is tinynet.utils.model_zoo
    assert net.cudnn is tinynet.backends.cudnn
    assert net.checkpoint is tinynet.utils.checkpoint.checkpoint
    assert torch.utils is tinynet.utils
    assert torch.nn.modules is tinynet.nn.modules
    assert sys.modules["torch.cuda"] is tinynet.cuda
    for name in [n for n in sys.modules if n.startswith("torch.")]:
        assert sys.modules[name] is sys.modules[name.replace("torch", "tinynet", 1)], name
        assert sys.modules[name].__name__ == sys.modules[name].__spec__.name, name
    try:
        import torch.fx
    except ModuleNotFoundError as error:
        print(error)
    """.replace("FOLDER", str(folder))
    )
    assert run(code) == "No module named 'torch.fx'"


def test_installing_and_uninstalling():
    code = """
    import sys
    from tinynet import as_torch
    with as_torch.installed() as torch_name:
        import torch, torch.nn.modules.linear
        assert torch is torch_name
        assert torch.nn.modules.linear.Linear is torch.nn.Linear
    print([name for name in sys.modules if name.split(".")[0] == "torch"])
    as_torch.install()
    import torch
    print(torch.__name__)
    """
    assert run(code).split("\n") == ["[]", "tinynet"]


def test_the_real_torch_is_not_replaced_unless_forced():
    with pytest.raises(as_torch.TorchAlreadyImported, match="force=True"):
        as_torch.install()
    assert sys.modules["torch"] is torch
    with as_torch.installed(force=True):
        assert importlib.import_module("torch") is tinynet
        assert importlib.import_module("torch.nn.functional") is nn.functional
    assert importlib.import_module("torch") is torch
    assert importlib.import_module("torch.nn") is torch.nn
    assert torch.nn.Linear(1, 1)(torch.ones(1, 1)).shape == (1, 1)
