"""The code path of the GPU, walked on a stand-in for CuPy: every array where it belongs, and no step waits.

Where there is a GPU, all runs once more on that, and gives the CPU's values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinynet as tn
import tinynet.nn.functional as F
from tests import fake_cupy
from tests.ops.op import Op, Sample
from tests.ops.table import OPS
from tinynet import nn, ops
from tinynet.backend import asnumpy

pytestmark = pytest.mark.usefixtures("gpu")


def on_device(array: np.ndarray) -> tn.Tensor:
    return tn.Tensor(array.copy()).to("cuda")


def test_the_stand_in_has_walls(gpu: str) -> None:
    x = on_device(np.ones(2))
    assert x.device == "cuda:0"
    with pytest.raises(TypeError, match="Unsupported type"):
        x.array + np.ones(2)
    if gpu == "stand-in":  # CuPy's own arrays take NumPy's functions, and compute them on the device
        with pytest.raises(TypeError, match="exp on a CuPy array"):
            np.exp(x.array)
    with pytest.raises(TypeError, match="Implicit conversion"):
        np.asarray(x.array)
    with pytest.raises(RuntimeError, match="at least two devices, cpu and cuda:0"):
        x + tn.ones(2)
    assert fake_cupy.waits == []
    assert bool((x.sum() > 1).array)
    assert x.sum().item() == 2
    assert fake_cupy.waits == (["__bool__", "item"] if gpu == "stand-in" else [])


class OnDevice:
    """tinynet, with what its creation functions make on the device."""

    def __getattr__(self, name: str) -> Any:
        made = getattr(tn, name)
        if name not in ops.creation.__all__ + ops.values.__all__:
            return made
        return lambda *args, **kwargs: made(*args, **kwargs).to("cuda")


def as_tuple(outputs: Any) -> tuple[Any, ...]:
    return tuple(outputs) if isinstance(outputs, tuple | list) else (outputs,)


WAIT = {
    "Tensor.__getitem__": (
        *("bounds are tensors", "index is a tensor", "tensor number, axis, list", "0-d mask"),
        *("row mask", "column mask", "mask and list", "mask of two axes", "mask", "mask of nothing"),
    ),
    "Tensor.__setitem__": ("mask", "mask, one each"),
    "masked_select": ("mask", "broadcast", "0-d"),
    "index_put": ("mask",),
    "repeat_interleave": ("numbers", "one number", "known size"),
    "tensor_split": ("a tensor",),
    "nn.functional.one_hot": ("found",),
    "narrow": ("tensor",),
    "reshape": ("sizes are tensors",),
    "tensor": ("tensors", "tensors in rows"),
    **dict.fromkeys(("zeros", "ones", "full"), ("tensor",)),
    **dict.fromkeys(("arange", "linspace"), ("tensors",)),
}
"""Samples whose result's size, or a Python number in them, depends on values on the device: only they wait."""
CALLS = [pytest.param(op, sample, id=f"{op}-{sample}") for op in OPS for sample in op.samples]


@pytest.mark.parametrize("op, sample", CALLS)
def test_every_operation_stays_on_the_device(
    op: Op, sample: Sample, rng: np.random.Generator, gpu: str
) -> None:
    arrays = sample.make(rng)
    host = [tn.Tensor(array, requires_grad=op.differentiable) for array in arrays]
    device = [on_device(array).requires_grad_(op.differentiable) for array in arrays]
    outputs, found = as_tuple(sample.call(tn, *host)), as_tuple(sample.call(OnDevice(), *device))
    upstream = [np.asarray(rng.standard_normal(y.shape)) for y in outputs]
    roots = [i for i, y in enumerate(outputs) if y.requires_grad]
    if roots:
        tn.autograd.backward([outputs[i] for i in roots], [tn.Tensor(upstream[i]) for i in roots])
        tn.autograd.backward([found[i] for i in roots], [on_device(upstream[i]) for i in roots])
    waits = gpu == "stand-in" and sample.kind in WAIT.get(op.name, ())
    assert bool(fake_cupy.waits) == waits, fake_cupy.waits
    for a, b in (
        *zip(outputs, found, strict=True),
        *((x.grad, z.grad) for x, z in zip(host, device, strict=True)),
    ):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(asnumpy(b.array), a.array, rtol=1e-12, atol=1e-12)


class Net(nn.Module):
    """Every layer, BatchNorm2d with a running mean over all batches too.

    No bias right before a batch norm, which takes it off again: its gradient is rounding alone, and AdamW would
    make whole steps of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(4, 4, 3, padding="same", groups=2, bias=False),
            nn.BatchNorm2d(4, momentum=None),
            nn.AvgPool2d(2, 1),
            nn.Conv2d(4, 4, 1),
            nn.Dropout(0.2),
            nn.AdaptiveAvgPool2d((2, 3)),
            nn.Flatten(),
            nn.Linear(24, 3),
        )

    def forward(self, x: tn.Tensor) -> Any:
        return self.body(x)


OPTIMIZERS = {
    "sgd": lambda p: tn.optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adamw": lambda p: tn.optim.AdamW(p, 0.01, amsgrad=True),
    "adam": lambda p: tn.optim.Adam(p, 0.01, weight_decay=1e-3),
    "nadam": lambda p: tn.optim.NAdam(p, 0.01, weight_decay=1e-3),
    "rmsprop": lambda p: tn.optim.RMSprop(p, 0.01, momentum=0.9, centered=True, eps=1e-2),
    "adagrad": lambda p: tn.optim.Adagrad(p, 0.01, lr_decay=0.1, initial_accumulator_value=0.1),
    "muon": lambda p: tn.optim.Muon([q for q in p if q.ndim == 2], 0.01),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_training_step_never_waits_for_the_device(
    name: str, weighted: bool, rng: np.random.Generator
) -> None:
    """Design rule 11; and the weights are those of the same steps on the CPU."""
    images, labels = rng.standard_normal((4, 2, 8, 10)), np.array([0, 2, -100, 1])
    weights = {}
    for place in ("cpu", "cuda"):
        tn.manual_seed(0)
        model = Net().double().to(place)
        optimizer = OPTIMIZERS[name](model.parameters())
        scheduler = tn.optim.lr_scheduler.OneCycleLR(
            optimizer, 0.1, total_steps=4, cycle_momentum=name != "adagrad"
        )
        x, target = tn.Tensor(images).to(place), tn.Tensor(labels).to(place)
        class_weight = tn.tensor([0.5, 1.0, 2.0], dtype=tn.float64).to(place) if weighted else None
        for _ in range(3):
            loss = F.cross_entropy(model(x), target, class_weight, label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
        model.eval()(x)
        assert fake_cupy.waits == []
        weights[place] = {key: asnumpy(value.array) for key, value in model.state_dict().items()}
        fake_cupy.waits.clear()
    for key, expected in weights["cpu"].items():
        np.testing.assert_allclose(weights["cuda"][key], expected, rtol=1e-10, atol=1e-12, err_msg=key)


def test_initialisation_and_state_move_between_devices() -> None:
    tn.manual_seed(0)
    host = Net()
    tn.manual_seed(0)
    device = Net().to("cuda")
    for name, value in device.state_dict().items():
        np.testing.assert_array_equal(asnumpy(value.array), host.state_dict()[name].array)
    device.body[0].reset_parameters()
    host.load_state_dict(device.state_dict())
    device.load_state_dict(host.state_dict())
    np.testing.assert_array_equal(host.body[0].weight.array, asnumpy(device.body[0].weight.array))
    with pytest.raises(TypeError, match="can't convert cuda:0 tensor to numpy"):
        device.body[0].weight.detach().numpy()
    assert "device='cuda:0'" in repr(device.body[7].bias)
