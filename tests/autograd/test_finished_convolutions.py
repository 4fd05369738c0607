"""Convolutions in evaluation wait for batch norm, the shortcut and ReLU; results and order of events are as without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet import nn, run_ahead
from tinynet.autograd import Function, delayed, expressions
from tinynet.nn import functional as F

pytestmark = pytest.mark.usefixtures("fusion")


class Net(nn.Module):
    """A stem, so that what follows is memory of its own, and a way to use a convolution and its batch norm."""

    def __init__(self, use: Callable[[Any, tn.Tensor], Any]) -> None:
        super().__init__()
        tn.manual_seed(0)
        self.stem, self.conv = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
        self.norm, self.second = nn.BatchNorm2d(16), nn.Conv2d(16, 16, 1, bias=False)
        self.other = nn.BatchNorm2d(16)
        self.use = use
        rng = np.random.default_rng(1)
        for norm in (self.norm, self.other):
            for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                tensor.detach().copy_(tn.tensor(rng.uniform(0.5, 1.5, 16).astype(np.float32)))

    def forward(self, x: tn.Tensor) -> Any:
        return self.use(self, F.relu(self.stem(x)))


def norm_of(m: Any, x: tn.Tensor) -> tn.Tensor:
    return m.norm(m.conv(x))


def result_and_norm(m: Any, x: tn.Tensor) -> tn.Tensor:
    h = m.conv(x)
    return F.relu(m.norm(h)) + h


def norm_twice(m: Any, x: tn.Tensor) -> tn.Tensor:
    z = norm_of(m, x)
    return F.relu(z) + F.sigmoid(z) * z


def two_norms(m: Any, x: tn.Tensor) -> tn.Tensor:
    h = m.conv(x)
    return F.relu(m.norm(h)) + F.relu(m.other(h))


def changed_weight(m: Any, x: tn.Tensor) -> tn.Tensor:
    h = m.conv(x)
    m.conv.weight.mul_(2.0)
    y = F.relu(m.norm(h))
    m.conv.weight.mul_(0.5)
    return y


def changed_norm(m: Any, x: tn.Tensor) -> tn.Tensor:
    y = []
    for tensor in (m.norm.weight, m.norm.bias, m.norm.running_mean, m.norm.running_var):
        z = norm_of(m, x)
        tensor.mul_(2.0)
        y.append(F.relu(z) + norm_of(m, x))
        tensor.mul_(0.5)
    return tn.cat(y)


def reset_norm(m: Any, x: tn.Tensor) -> tn.Tensor:
    z = norm_of(m, x)
    before = {name: tensor.clone() for name, tensor in m.norm.state_dict().items()}
    m.norm.reset_running_stats()
    y = F.relu(z) + norm_of(m, x)
    m.norm.load_state_dict(before)
    return y + norm_of(m, x)


def moved_statistics(m: Any, x: tn.Tensor) -> tn.Tensor:
    mode, y = m.norm.training, x
    for momentum in (0.1, None):
        z = norm_of(m, x)
        m.norm.momentum = momentum
        m.norm.train()(x)
        m.norm.train(mode)
        y = y + F.relu(z) + norm_of(m, x)
    return y


def changed_input(m: Any, x: tn.Tensor) -> tn.Tensor:
    y = norm_of(m, x)
    x.add_(1.0)
    return F.relu(y) + x


def changed_result(m: Any, x: tn.Tensor) -> tn.Tensor:
    h = m.conv(x)
    z = m.norm(h)
    h.zero_()
    return F.relu(z) + h


USES: dict[str, Callable[[Any, tn.Tensor], Any]] = {
    "norm": norm_of,
    "norm, relu": lambda m, x: F.relu(norm_of(m, x)),
    "norm, relu in place": lambda m, x: F.relu(norm_of(m, x), inplace=True),
    "shortcut": lambda m, x: F.relu(norm_of(m, x) + x),
    "shortcut in place": lambda m, x: F.relu(norm_of(m, x).add_(x)),
    "shortcut first": lambda m, x: F.relu(x + norm_of(m, x)),
    "projection": lambda m, x: F.relu(norm_of(m, x) + m.other(m.second(x))),
    "shortcut that waits": lambda m, x: F.relu(norm_of(m, x) + m.second(x)),
    "no norm": lambda m, x: F.relu(m.conv(x)),
    "pooled": lambda m, x: F.max_pool2d(m.conv(x), 2),
    "reshaped": lambda m, x: m.conv(x).flatten(1),
    "result and norm": result_and_norm,
    "norm twice": norm_twice,
    "two norms": two_norms,
    "changed weight": changed_weight,
    "changed norm": changed_norm,
    "reset norm": reset_norm,
    "moved statistics": moved_statistics,
    "changed input": changed_input,
    "changed result": changed_result,
    "two results": lambda m, x: (m.conv(x), norm_of(m, x)),
}


def values(net: Net, x: tn.Tensor) -> list[np.ndarray]:
    with tn.no_grad():
        y = net(x)
    return [t.numpy() for t in (y if isinstance(y, tuple) else (y,))]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("use", USES)
def test_bits_are_those_without_delay(use: str, training: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    x = tn.tensor(np.random.default_rng(0).standard_normal((2, 3, 16, 12)).astype(np.float32))
    found = values(Net(USES[use]).train(training), x)
    monkeypatch.setattr(delayed, "enabled", False)
    for a, b in zip(found, values(Net(USES[use]).train(training), x), strict=True):
        np.testing.assert_array_equal(a, b)


def test_bits_of_images_of_one_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    def use(m: Any, x: tn.Tensor) -> tn.Tensor:
        y = m.other(m.norm(m.second(F.relu(m.conv(x)))))
        return F.relu(y) + y

    x = tn.tensor(np.random.default_rng(0).standard_normal((500, 3, 1, 1)).astype(np.float32))
    [found] = values(Net(use).eval(), x)
    monkeypatch.setattr(delayed, "enabled", False)
    np.testing.assert_array_equal(found, *values(Net(use).eval(), x))


def test_a_shortcut_of_slices_and_zeros_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []

    def use(m: Any, x: tn.Tensor) -> tn.Tensor:
        y = F.relu(m.norm(m.conv(x)))
        finish = run_ahead._finish
        monkeypatch.setattr(run_ahead, "_finish", lambda: (waits.append(1), finish()))
        y = F.relu(m.norm(m.conv(y)))
        shortcut = F.pad(y.narrow(2, 1, 31)[:, :, ::2, ::2], (0, 0, 0, 0, 8, 8))
        assert not waits
        return shortcut * shortcut.sum()

    with tn.no_grad():
        Net(use).eval()(tn.tensor(np.random.default_rng(0).standard_normal((4, 3, 32, 32), dtype=np.float32)))
    assert waits


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What else each convolution did."""
    noted: list[dict[str, Any]] = []
    original = expressions.Convolved._run

    def run(self: Any, y: Any, ending: Any) -> Any:
        noted.append(dict(zip(("scale", "shift", "statistics", "other", "relu"), ending, strict=True)))
        return original(self, y, ending)

    monkeypatch.setattr(expressions.Convolved, "_run", run)
    return noted


@pytest.mark.parametrize(
    "use, scaled, added, relu",
    [
        ("norm, relu", True, False, True),
        ("shortcut", True, True, True),
        ("norm", True, False, False),
        ("result and norm", False, False, False),
    ],
)
def test_one_kernel_does_it_all(
    use: str, scaled: bool, added: bool, relu: bool, runs: list[dict[str, Any]]
) -> None:
    values(Net(USES[use]).eval(), tn.ones(2, 3, 16, 12))
    stem, last = runs
    assert [stem["scale"], stem["other"], stem["relu"]] == [None, None, False], (
        "its ReLU is a pass of its own"
    )
    assert [last["scale"] is not None, last["other"] is not None, last["relu"]] == [scaled, added, relu]
    assert (last["statistics"] is not None) == scaled


def test_nothing_waits_for_a_convolution_when_the_model_returns(runs: list[dict[str, Any]]) -> None:
    net = Net(USES["two results"]).eval()
    with tn.no_grad():
        first, second = net(tn.ones(2, 3, 16, 12))
    assert len(runs) == 3
    before = first.clone(), second.clone()
    net.conv.weight.array[...] = 0
    np.testing.assert_array_equal(first.numpy(), before[0].numpy())
    np.testing.assert_array_equal(second.numpy(), before[1].numpy())
    assert len(runs) == 3


class Convolution(Function):
    """Records what a convolution without recording has computed."""

    @staticmethod
    def forward(ctx: Any, x: tn.Tensor, weight: tn.Tensor) -> tn.Tensor:
        return F.conv2d(x, weight, padding=1)

    @staticmethod
    def backward(ctx: Any, grad: tn.Tensor) -> tuple[tn.Tensor, None]:
        return grad, None


STARTS: dict[str, Callable[[Any, tn.Tensor], tn.Tensor]] = {
    "requires_grad_ of a frozen layer's result": lambda m, x: m.conv(x).requires_grad_(),
    "a function of one's own": lambda m, x: Convolution.apply(x.detach().requires_grad_(), m.conv.weight),
}


@pytest.mark.parametrize("start", STARTS)
def test_a_gradient_may_begin_at_a_convolution_that_waits(
    start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = tn.tensor(np.random.default_rng(2).standard_normal((2, 16, 16, 12)).astype(np.float32))
    gradients = []

    def use(m: Any, x: tn.Tensor) -> tn.Tensor:
        m.map = STARTS[start](m, x)
        m.map.retain_grad()
        return F.relu(m.norm(m.map))

    for enabled in (None, False):
        monkeypatch.setattr(delayed, "enabled", enabled)
        net = Net(use).eval().requires_grad_(False)
        net(tn.ones(2, 3, 16, 12)).backward(upstream)
        assert net.map.grad is not None
        gradients.append(net.map.grad.numpy())
    assert gradients[0].any()
    np.testing.assert_array_equal(*gradients)


def test_with_gradients_nothing_waits(runs: list[dict[str, Any]]) -> None:
    net = Net(USES["shortcut"]).eval()
    net(tn.ones(2, 3, 16, 12)).sum().backward()
    assert runs == []
    assert net.conv.weight.grad is not None


class Stem(nn.Module):
    """A convolution of what the user gave, and batch norm; in between, something happens."""

    def __init__(self, happens: Callable[[], None]) -> None:
        super().__init__()
        tn.manual_seed(0)
        self.conv, self.norm = nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.happens = happens

    def forward(self, x: tn.Tensor) -> tn.Tensor:
        h = self.conv(x)
        self.happens()
        h = self.norm(h)
        return F.relu(h)


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 3, 1, 2)], ids=["planes", "pixels"])
def test_the_first_convolution_reads_what_the_image_was(
    batch: int, axes: tuple[int, ...], runs: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = (batch, 3, 17, 21) if axes == (0, 1, 2, 3) else (batch, 17, 21, 3)
    numbers = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    image, memory = tn.from_numpy(numbers.transpose(axes)), numbers.copy()
    with tn.no_grad():
        found = Stem(lambda: numbers.fill(0)).eval()(image).numpy()
        assert len(runs) == (1 if batch == 1 else 0), "many images are not copied"
        assert all(run["scale"] is not None and run["relu"] for run in runs)
        monkeypatch.setattr(delayed, "enabled", False)
        expected = Stem(lambda: None).eval()(tn.from_numpy(memory.transpose(axes))).numpy()
    np.testing.assert_array_equal(found, expected)


def test_a_block_waits_even_if_what_is_left_to_do_at_its_end_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[bool] = []

    def fail() -> None:
        raise MemoryError("no memory")

    monkeypatch.setattr(run_ahead, "_at_end", fail)
    monkeypatch.setattr(run_ahead, "wait", lambda: waited.append(run_ahead.allowed()))
    with pytest.raises(MemoryError, match="no memory"), run_ahead.block():
        pass
    assert waited == [True]
    assert run_ahead.is_free()
