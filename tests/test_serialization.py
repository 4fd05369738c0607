"""What tinynet saves PyTorch loads, and the other way; a failure leaves the file as it was."""

from __future__ import annotations

import io
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tinynet as tn
from tinynet.errors import DataError

DTYPES = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")


def checkpoint(lib: Any) -> dict[str, Any]:
    """Return what a training script saves, and values of every kind."""
    lib.manual_seed(0)
    model = lib.nn.Sequential(lib.nn.Conv2d(3, 4, 3), lib.nn.BatchNorm2d(4), lib.nn.ReLU())
    optimizer = lib.optim.Adam(model.parameters(), lr=0.01)
    scheduler = lib.optim.lr_scheduler.StepLR(optimizer, 2)
    model(lib.ones(2, 3, 5, 5)).pow(2).sum().backward()
    optimizer.step()
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": {k: v for k, v in scheduler.state_dict().items() if isinstance(v, int | float | list)},
        "plain": [
            "text é\ud800",
            ("b", None, True, False, ()),
            {1: -1.5, "": []},
            2**70,
            -(2**70),
            -5,
            255,
            2**31,
        ],
        "ordered": OrderedDict(a=1, b=OrderedDict()),
        "tensors": {name: lib.tensor([[0, 1], [2, 3]]).to(getattr(lib, name)) for name in DTYPES},
        "shapes": [
            lib.zeros(0, 3),
            lib.tensor(2.5),
            lib.arange(12).reshape(3, 4).t(),
            lib.ones(1).expand(2, 3),
        ],
        "parameter": model[0].weight,
    }


def plain(value: Any) -> Any:
    """Return the same with lists and dtypes in place of tensors."""
    if isinstance(value, tn.Tensor | torch.Tensor):
        return str(value.dtype).removeprefix("torch."), tuple(value.shape), value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return type(value)(map(plain, value)) if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("weights_only", [True, False])
def test_torch_loads_what_tinynet_saves(weights_only: bool, tmp_path: Path) -> None:
    saved = checkpoint(tn)
    tn.save(saved, tmp_path / "x.pth")
    loaded = torch.load(tmp_path / "x.pth", weights_only=weights_only)
    assert plain(loaded) == plain(saved)
    assert type(loaded["model"]) is type(loaded["ordered"]) is OrderedDict
    assert type(loaded["parameter"]) is torch.nn.Parameter
    assert loaded["parameter"].requires_grad
    twin = checkpoint(torch)
    torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).load_state_dict(loaded["model"])
    assert plain(twin["model"]).keys() == plain(loaded["model"]).keys()


@pytest.mark.parametrize("new", [True, False])
def test_tinynet_loads_what_torch_saves(new: bool, tmp_path: Path) -> None:
    saved = checkpoint(torch)
    torch.save(saved, tmp_path / "x.pth", _use_new_zipfile_serialization=new)
    loaded = tn.load(tmp_path / "x.pth", map_location="cpu", weights_only=False)
    assert plain(loaded) == plain(saved)
    assert type(loaded["tensors"]["float64"]) is tn.Tensor


def test_training_goes_on_from_a_file() -> None:
    stream = io.BytesIO()
    tn.save(checkpoint(tn), stream)
    stream.seek(0)
    loaded = tn.load(stream)
    model = tn.nn.Sequential(tn.nn.Conv2d(3, 4, 3), tn.nn.BatchNorm2d(4), tn.nn.ReLU())
    optimizer = tn.optim.Adam(model.parameters(), lr=0.5)
    model.load_state_dict(loaded["model"])
    optimizer.load_state_dict(loaded["optimizer"])
    again = checkpoint(tn)
    assert plain(model.state_dict()) == plain(again["model"])
    assert plain(optimizer.state_dict()) == plain(again["optimizer"])


def test_the_same_memory_is_written_once(tmp_path: Path) -> None:
    x = tn.ones(1000)
    tn.save([x, x, x.detach()], tmp_path / "once")
    tn.save([x, tn.ones(1000)], tmp_path / "twice")
    sizes = [(tmp_path / name).stat().st_size for name in ("once", "twice")]
    assert sizes[0] < 4000 + 2000 < sizes[1]
    first, second, _ = torch.load(tmp_path / "once")
    assert first.data_ptr() == second.data_ptr()


class Other:
    """Nothing that can be saved."""


NESTED: list[Any] = []
NESTED.append(NESTED)


@pytest.mark.parametrize(
    "value, error, words",
    [
        (tn.nn.Linear(2, 2), TypeError, r"the object is a Linear, .*save model\.state_dict\(\)"),
        ({"a": [1, {"b": Other()}]}, TypeError, r"save: a\[1\]\.b is a Other, and only tensors"),
        ({"x": np.ones(2)}, TypeError, "save: x is a ndarray"),
        ({Other(): 1}, TypeError, "a key of the object is a Other"),
        (
            {"x": tn.Tensor(np.zeros(2, np.uint16))},
            TypeError,
            "x is of dtype uint16: give one of bool, uint8",
        ),
        (2**3000, TypeError, "a whole number of 376 bytes"),
        (NESTED, ValueError, "contains itself"),
    ],
)
def test_what_cannot_be_saved_is_named_and_the_file_stays(
    value: Any, error: type[Exception], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(b"precious")
    with pytest.raises(error, match=words):
        tn.save(value, path)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("x.pth", b"precious")]


def test_where_nothing_can_be_written_or_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tn.save({}, tmp_path / "gone/x.pth")
    with pytest.raises(DataError, match="No such file"):
        tn.load(tmp_path / "x.pth")
    with pytest.raises(DataError, match="the stream is empty"):
        tn.load(io.BytesIO())
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pth")
    with pytest.raises(DataError, match="perhaps a whole model"):
        tn.load(tmp_path / "model.pth")
    tn.save(tn.ones(2), tmp_path / "x.pth")
    with pytest.raises(NotImplementedError, match="map_location must be a device"):
        tn.load(tmp_path / "x.pth", map_location=lambda storage, place: storage)
