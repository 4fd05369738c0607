"""The roofline's parts: ceilings, the trace of a step, the work of a call, and the tables."""

from __future__ import annotations

import numpy as np
import pytest

import tinynet
from benchmarks import peak, roofline, work
from benchmarks.peak import Peak
from benchmarks.roofline import Row, Step
from benchmarks.tracing import traced
from benchmarks.work import Work, describe
from tinynet import kernels, models, nn
from tinynet.autograd import Function
from tinynet.kernels.cpu.codegen import convolution
from tinynet.kernels.cpu.codegen.program import lanes, whole
from tinynet.kernels.cpu.codegen.team import Team
from tinynet.kernels.registry import Kernel
from tinynet.nn import functional as F

CEILING = Peak(threads=2, flops=100e9, dram=10e9, l3=50e9, l3_bytes=1 << 20)


pytestmark = pytest.mark.usefixtures("accelerated")


@pytest.fixture
def tiny_peak(monkeypatch):
    monkeypatch.setattr(roofline.peak, "measure", lambda threads: CEILING)


@pytest.mark.parametrize("threads", [1, 2])
def test_ceilings_are_measured(threads):
    found = peak.measure(threads, turns=1000, tries=1, dram=1 << 20)
    assert found.threads == threads
    assert 1e8 < found.flops < 1e14
    assert 1e7 < found.dram < 1e14
    assert 1e7 < found.l3 < 1e14
    assert found.l3_bytes >= 1 << 20


def test_arrays_that_fit_in_l3_have_its_bandwidth():
    assert CEILING.bandwidth(1 << 20) == 50e9
    assert CEILING.bandwidth((1 << 20) + 1) == 10e9


def trace_step(describe=None):
    tinynet.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * 64, 10)),
    )
    images = tinynet.randn(8, 3, 16, 16).contiguous(memory_format=tinynet.channels_last)
    with traced(describe) as trace:
        F.cross_entropy(model(images), tinynet.arange(8)).backward()
    return trace


def test_a_trace_names_every_kernel_and_operation_in_order():
    trace = trace_step(lambda name, *_: name)
    first = ["conv2d", "batch_norm_coefficients", "channel_affine", "max_pool2d"]
    assert trace.calls[:4] == first
    assert trace.calls.index("Linear") < trace.calls.index("MatMul")
    assert trace.calls[-1] == "conv2d_grad_weight"
    assert "Conv2d" not in trace.calls, "its time is that of its kernel"
    assert len(trace.seconds) == len(trace.calls)
    assert all(seconds > 0 for seconds in trace.seconds)


def test_tracing_leaves_nothing_behind():
    before = Kernel.select, Team.run, Function.__dict__["apply"]
    with pytest.raises(ZeroDivisionError), traced():
        raise ZeroDivisionError
    assert before == (Kernel.select, Team.run, Function.__dict__["apply"])


def test_values_are_the_same_while_a_step_is_traced():
    def gradient():
        tinynet.manual_seed(0)
        model = models.build("resnet8")
        F.cross_entropy(model(tinynet.randn(4, 3, 16, 16)), tinynet.arange(4)).backward()
        return np.concatenate([weight.grad.numpy().ravel() for weight in model.parameters()])

    plain = gradient()
    with traced(describe):
        found = gradient()
    assert np.any(plain)
    assert np.array_equal(plain, found)


def kernel_work(name, shape, weight, grad, **options):
    x, y, w = (np.zeros(s, np.float32) for s in (shape, grad, weight))
    geometry = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1} | options
    if name == "conv2d":
        return describe(name, (x, w, None), geometry, y)
    if name == "conv2d_grad_input":
        return describe(name, (y, w), geometry | {"image": shape[2:]}, x)
    return describe(name, (x, y), geometry | {"kernel_size": weight[2:]}, w)


CONVOLUTIONS = ("conv2d", "conv2d_grad_input", "conv2d_grad_weight")


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_winograd_makes_36_products_where_a_convolution_has_144(name, monkeypatch):
    monkeypatch.setattr(convolution, "use_winograd", True)
    found = kernel_work(name, (2, 16, 8, 12), (32, 16, 3, 3), (2, 32, 8, 12))
    assert found.flop == 2 * 2 * 96 * 9 * 16 * 32
    assert found.made == found.flop / 4
    assert found.bytes == 4 * (2 * 16 * 96 + 32 * 16 * 9 + 2 * 32 * 96)
    assert found.shape == "3x3, 16 to 32, 8x12"
    monkeypatch.setattr(convolution, "use_winograd", False)
    assert kernel_work(name, (2, 16, 8, 12), (32, 16, 3, 3), (2, 32, 8, 12)).made == found.flop


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_winograd_of_stride_2_makes_81(name, monkeypatch):
    monkeypatch.setattr(convolution, "use_winograd", True)
    found = kernel_work(name, (3, 16, 16, 16), (32, 16, 3, 3), (3, 32, 8, 8), stride=(2, 2))
    assert found.flop == 2 * 3 * 64 * 9 * 16 * 32
    assert found.made == found.flop * 81 / 144


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_places_outside_of_a_small_image_are_not_multiplied(name):
    found = kernel_work(name, (16, 32, 2, 2), (32, 32, 3, 3), (16, 32, 2, 2))
    assert found.flop == 2 * 16 * 4 * 9 * 32 * 32
    assert found.made == 2 * 16 * 16 * 32 * 32


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_vectors_are_filled_up(name):
    L = lanes()
    found = kernel_work(name, (1, 3, 8, 8), (17, 3, 3, 3), (1, 17, 4, 4), stride=(2, 2))
    assert found.flop == 2 * 16 * 9 * 3 * 17
    if name == "conv2d_grad_input":
        assert found.made == 2 * 16 * 9 * L * whole(17, L)
    else:
        assert found.made == 2 * 16 * 9 * 3 * whole(17, L)
    assert found.shape == "3x3/2, 3 to 17, 8x8"


def test_both_gradients_are_counted():
    x, y, w = (np.zeros(s, np.float32) for s in ((2, 16, 8, 12), (2, 32, 8, 12), (32, 16, 3, 3)))
    geometry = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    found = describe("conv2d_gradients", (x, y, w), geometry, (x, w))
    alone = kernel_work("conv2d_grad_input", x.shape, w.shape, y.shape)
    assert (found.flop, found.made) == (2 * alone.flop, 2 * alone.made)
    assert found.bytes == 2 * x.nbytes + y.nbytes + 2 * w.nbytes


def test_what_finishes_a_convolution_is_counted():
    x, y, w, scale = (np.zeros(s, np.float32) for s in ((2, 16, 8, 12), (2, 32, 8, 12), (32, 16, 3, 3), 32))
    geometry = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    ending = {"bias": None, "scale": scale, "shift": scale, "other": y, "relu": True}
    by_position = scale, scale, None, y, True
    found = describe("conv2d_finished_", (y,), {"x": x, "weight": w, **ending, **geometry}, None)
    plain = kernel_work("conv2d", x.shape, w.shape, y.shape)
    assert found.flop == plain.flop + 3 * y.size
    assert found.made == plain.made + 3 * y.size
    assert found.bytes == plain.bytes + 4 * (2 * 32 + y.size)
    assert found.shape == plain.shape
    assert found == describe("conv2d_finished_", (y, x, w, None, *geometry.values(), *by_position), {}, None)


def test_what_changes_in_place_is_read_and_written():
    arrays = [[np.zeros(n, np.float32) for n in (10, 6)] for _ in range(3)]
    options = {"params": arrays[0], "grads": arrays[1], "momentum_buffers": arrays[2], "weight_decay": 0.1}
    found = describe("sgd_all_", (), options, None)
    assert found.bytes == 16 * 4 * 5
    assert found.flop == 16 * 8


def test_a_linear_layer_multiplies_matrices():
    arrays = [np.zeros(shape, np.float32) for shape in ((5, 7), (3, 7), (3,), (5, 3))]
    found = describe("Linear", tuple(arrays[:3]), {}, (arrays[3],))
    assert found.flop == pytest.approx(2 * 5 * 7 * 3)
    assert found.bytes == 4 * (35 + 21 + 3 + 15)


def test_every_kernel_of_the_cpu_has_a_row():
    accelerated = {name for name, entry in kernels.kernels().items() if entry.accelerated}
    assert accelerated <= work.KINDS.keys()


def test_a_row_says_which_limit_is_nearer():
    kernel = Work("convolution", "3x3", flop=4e6, made=1e6, bytes=100_000)
    fast = roofline.line(Row((kernel, kernel), 0.001), CEILING)
    assert fast == "| convolution | 3x3 | 2 | 1.00 | 0.008 | 0.002 | 8 | 2% | 0.2 | 0 | 0% | FLOP |"
    stream = Work("ReLU", "16, 8x8", flop=None, made=None, bytes=2 << 20)
    slow = roofline.line(Row((stream,), 0.001), CEILING)
    assert slow == "| ReLU | 16, 8x8 | 1 | 1.00 |  |  |  |  | 2.1 | 2 | 21% | bytes |"


def test_rows_and_rest_add_up_to_the_step():
    rows = (Row((Work("batch norm", "", 1.0, 1.0, 8),), 0.25), Row((Work("SGD", "", 1.0, 1.0, 8),), 0.125))
    step = Step(rows, traced=1.0, plain=0.5)
    assert step.rest == 0.625
    text = roofline.table("net", 1, step, CEILING)
    assert "A step: 500.0 ms. Traced, with nothing running beside Python, 1000.0:" in text
    assert "convolutions 0.0, batch norm 250.0, other operations 125.0, Python 625.0" in text


def test_a_step_that_changes_is_refused():
    counts = iter((1, 1, 1, 1, 1, 2))
    x = tinynet.randn(2, 2)

    def step():
        for _ in range(next(counts)):
            x.exp()

    with pytest.raises(RuntimeError, match="a step made 2 calls, the one before 1"):
        roofline.measure(step, steps=1)


def run(*flags):
    roofline.main(["--models", "resnet8", "--batch-size", "2", "--threads", "1", "--steps", "2", *flags])


def test_the_table_through_the_command_line(capsys, tiny_peak):
    run()
    out = capsys.readouterr().out
    assert "Peak: 100 GFLOP/s; 50 GB/s where a call's arrays fit in L3 (1 MiB), 10 GB/s where not" in out
    lines = [line for line in out.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {13}
    assert any(line.startswith("| convolution | 3x3, 16 to 16, 32x32 | 2 |") for line in lines)
    for kind in (
        "convolution, gradient of input",
        "convolution, gradient of weight",
        "batch norm: statistics",
        "SGD",
    ):
        assert any(line.startswith(f"| {kind} |") for line in lines)
    assert lines[-1].startswith(f"| {roofline.REST} |")


def test_the_tables_go_between_the_markers(tmp_path, capsys, tiny_peak):
    document = tmp_path / "performance.md"
    document.write_text(f"above\n{roofline.BEGIN}\nold\n{roofline.END}\nbelow\n")
    run("--write", "--document", str(document))
    text = document.read_text()
    assert text.startswith(f"above\n{roofline.BEGIN}\n")
    assert text.endswith(f"\n{roofline.END}\nbelow\n")
    assert "### resnet8, batch 2" in text
    assert "old" not in text
    assert f"written into {document}" in capsys.readouterr().out


def test_a_document_without_markers_is_named(tmp_path):
    document = tmp_path / "performance.md"
    document.write_text(f"{roofline.BEGIN}\n")
    with pytest.raises(ValueError, match=r"performance\.md has no lines"):
        roofline.insert(document, "text")


def test_the_document_has_the_markers():
    text = roofline.DOCUMENT.read_text()
    assert text.index(roofline.BEGIN) < text.index(roofline.END)


def test_a_gradient_that_is_added_touches_only_what_is_read():
    x, y, w = (np.zeros(shape, np.float32) for shape in ((2, 16, 8, 8), (2, 32, 4, 4), (32, 16, 1, 1)))
    geometry = {"stride": (2, 2), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    found = describe("conv2d_grad_input_add_", (x,), {"grad_y": y, "weight": w, **geometry}, None)
    assert found.flop == found.made == 2 * 2 * 16 * 32 * 16
    assert found.bytes == y.nbytes + w.nbytes + x.nbytes // 4 * 2


def test_pixels_that_are_added_touch_only_what_is_read():
    x, y = (np.zeros(shape, np.float32) for shape in ((2, 16, 8, 8), (2, 16, 4, 4)))
    found = describe("add_at_", (x, y), {"index": np.s_[:, :, ::2, ::2]}, None)
    assert found.bytes == 3 * y.nbytes
