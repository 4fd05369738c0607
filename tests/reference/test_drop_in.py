"""The command that runs a PyTorch model file on tinynet and compares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reference import drop_in

MODEL = """
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


class Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.clamp(min=0)
        ctx.save_for_backward(y)
        return y * 2

    @staticmethod
    def backward(ctx, grad):
        (y,) = ctx.saved_tensors
        return grad * 2 * (y > 0).to(grad.dtype)


class Block(nn.Module):
    def __init__(self, inner, outer, stride=1):
        super(Block, self).__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inner, outer, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outer),
            nn.ReLU(inplace=True),
            nn.Conv2d(outer, outer, 3, padding=1, groups=2, bias=False),
            nn.BatchNorm2d(outer),
        )
        self.squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(outer, outer, 1), nn.Sigmoid())

    def forward(self, x):
        y = self.body(x)
        y = y * self.squeeze(y)
        if y.size(1) != x.size(1):
            x = F.pad(F.avg_pool2d(x, 2), (0, 0, 0, 0, 0, y.size(1) - x.size(1)))
        y += x
        return F.relu(y, inplace=True)


class Net(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = nn.ModuleList([Block(8, 8), Block(8, 16, 2)])
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(16, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, _BatchNorm):
                m.weight.data.fill_(0.9)
                m.bias.data.zero_()

    def forward(self, x):
        x = Gate.apply(self.first(x))
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False)
        b, c, _, _ = x.size()
        x = x.view(b, 2, c // 2, -1).transpose(1, 2).contiguous().view(b, c, -1).mean(2)
        return self.fc(self.drop(torch.flatten(x, 1)))


class Flat(nn.Module):
    # Takes no channels-last input: the memory of its feature maps cannot be viewed as rows.
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4 * 36, 5)

    def forward(self, x):
        x = self.conv(x)
        x = x * torch.bernoulli(torch.full_like(x, 0.5))
        return self.fc(x.view(x.size(0), -1))


def wrong():
    raise RuntimeError("no such network")
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(MODEL)
    return path


def test_a_model_file_written_for_torch_gives_the_same_numbers(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drop_in.main([f"{model}:Net(num_classes=7)", "--input", "2,3,8,8"]) == 0
    header, _, line = capsys.readouterr().out.splitlines()
    assert header.split(" | ")[1:3] == ["outputs, float64", "eval gradients, float64"]
    assert line.startswith("| `net: Net(num_classes=7)` |")
    cells = [float(cell.split()[0]) for cell in line.strip("| ").split(" | ")[1:]]
    assert len(cells) == 8
    assert max(cells[:4]) <= 1e-8
    assert max(cells[4:]) <= 1e-4


def test_a_model_that_cannot_take_channels_last_has_no_difference_from_itself(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drop_in.main([f"{model}:Flat()", "--input", "2,3,8,8"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("| `net: Flat()` | ")
    assert "(" not in line.removeprefix("| `net: Flat()`")


def test_a_model_that_fails_in_torch_itself_is_said_to(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drop_in.main([f"{model}:wrong()"]) == 1
    assert "fails in torch: RuntimeError: no such network" in capsys.readouterr().out


def test_differences_are_found_and_measured() -> None:
    expected = {
        "outputs/eval 0": np.array([4.0, -8.0]),
        "train gradients/w": np.array([0.5]),
        "after a step/w": np.array(1.0),
    }
    found = {name: value.copy() for name, value in expected.items()}
    found["outputs/eval 0"][0] = 4.8
    found["train gradients/w"][0] = 0.25
    assert drop_in.difference(found, expected) == pytest.approx(
        {"outputs": 0.1, "eval gradients": 0.0, "train gradients": 0.25, "after a step": 0.0}
    )
    found["after a step/w"] = np.array(np.nan)
    assert drop_in.difference(found, expected)["after a step"] == np.inf
    with pytest.raises(ValueError, match=r"after a step/w is float32 \(\), in PyTorch float64"):
        drop_in.difference(found | {"after a step/w": np.array(1, np.float32)}, expected)
    with pytest.raises(ValueError, match=r"only one library gives \['after a step/w'\]"):
        drop_in.difference({name: found[name] for name in ("outputs/eval 0", "train gradients/w")}, expected)


def test_infinities_of_a_mask_are_no_difference_and_hide_none() -> None:
    expected = {"after a step/mask": np.array([-np.inf, 0.5])}
    assert drop_in.difference(expected, expected)["after a step"] == 0
    found = {"after a step/mask": np.array([-np.inf, 0.75])}
    assert drop_in.difference(found, expected)["after a step"] == 0.25
    found = {"after a step/mask": np.array([np.inf, 0.5])}
    assert drop_in.difference(found, expected)["after a step"] == np.inf


@pytest.mark.parametrize(
    "target, error", [("net.py", "expected FILE:CALL"), ("nothing.py:Net()", "no file nothing.py")]
)
def test_bad_targets(target: str, error: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        drop_in.main([target])
    assert error in capsys.readouterr().err
