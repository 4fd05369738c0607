from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import tinynet
from tests import fake_cupy
from tinynet import nn

BOTH = pytest.mark.parametrize("library", [tinynet, torch], ids=["tinynet", "torch"])
LIBRARIES = (tinynet, torch)
ORDERS = [2, 2.0, 1, 3, 0.5, 0, -1, math.inf, -math.inf, "inf"]


def parameters(lib, dtype="float64", scale=1.0):
    """Return three parameters, two of them with gradients, one transposed in memory."""
    rng = np.random.default_rng(0)
    made = []
    for shape in ((3, 4), (5,), (2, 2, 2)):
        parameter = lib.nn.Parameter(lib.tensor(rng.standard_normal(shape).astype(dtype)))
        gradient = (scale * rng.standard_normal(shape[::-1])).astype(dtype).T
        parameter.grad = lib.tensor(gradient)
        made.append(parameter)
    made[1].grad = None
    return made


def gradients(made):
    return [None if p.grad is None else p.grad.numpy() for p in made]


def assert_close(ours, theirs, rtol=1e-12):
    for a, b in zip(ours, theirs, strict=True):
        if b is None:
            assert a is None
        else:
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=rtol)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("bound", [0.3, 1e3])
def test_clip_grad_norm_equals_torch(order, bound, dtype):
    made = [parameters(lib, dtype) for lib in LIBRARIES]
    totals = [
        lib.nn.utils.clip_grad_norm_(p, bound, norm_type=float(order))
        for lib, p in zip(LIBRARIES, made, strict=True)
    ]
    rtol = 1e-12 if dtype == "float64" else 1e-5
    assert_close([totals[0].numpy()], [totals[1].numpy()], rtol)
    assert tuple(totals[0].shape) == ()
    assert_close(*map(gradients, made), rtol)


@BOTH
def test_clip_grad_norm_takes_anything_with_gradients(library):
    clip = library.nn.utils.clip_grad_norm_
    assert clip([], 1.0).item() == 0
    assert clip(library.ones(2), 1.0).item() == 0
    (parameter, *_) = parameters(library)
    assert abs(clip(parameter, 0.5).item()) > 0.5
    assert math.isclose(np.linalg.norm(parameter.grad.numpy()), 0.5, rel_tol=1e-5)
    assert clip((p for p in parameters(library)), 1e9).item() > 0


@BOTH
def test_infinite_gradients(library):
    made = parameters(library)
    made[0].grad.numpy()[0, 0] = math.inf
    with pytest.raises(RuntimeError, match=r"order 2.0 .*non-finite"):
        library.nn.utils.clip_grad_norm_(made, 1.0, error_if_nonfinite=True)
    assert math.isinf(library.nn.utils.clip_grad_norm_(made, 1.0).item())
    assert math.isnan(made[0].grad.numpy()[0, 0])
    assert (made[2].grad.numpy() == 0).all()


def test_half_precision_is_added_up_in_float32():
    parameter = nn.Parameter(tinynet.zeros(70000, dtype=np.float16))
    parameter.grad = tinynet.ones(70000, dtype=np.float16)
    assert math.isclose(nn.utils.clip_grad_norm_([parameter], 1.0).item(), math.sqrt(70000), rel_tol=1e-5)
    assert parameter.grad.dtype == np.float16


@pytest.mark.parametrize("order", [2.0, 1.0, 3.0, math.inf])
@pytest.mark.usefixtures("gpu")
def test_clipping_does_not_wait_for_the_device(order):
    host, device = parameters(tinynet, "float32"), parameters(tinynet, "float32")
    for parameter in device:
        parameter.data = parameter.data.to("cuda")
        parameter.grad = None if parameter.grad is None else parameter.grad.to("cuda")
    fake_cupy.waits.clear()
    total = nn.utils.clip_grad_norm_(device, 0.5, order)
    nn.utils.clip_grad_value_(device, 0.01)
    assert fake_cupy.waits == []
    assert total.device.type == "cuda"
    expected = nn.utils.clip_grad_norm_(host, 0.5, order)
    nn.utils.clip_grad_value_(host, 0.01)
    assert math.isclose(total.item(), expected.item(), rel_tol=1e-6)
    assert_close([None if p.grad is None else p.grad.cpu().numpy() for p in device], gradients(host), 1e-6)


@BOTH
def test_the_old_name_warns(library):
    with pytest.warns(FutureWarning, match="clip_grad_norm_"):
        library.nn.utils.clip_grad_norm(parameters(library), 1.0)


def test_clip_grad_value_and_parts_equal_torch(dtype):
    made = [parameters(lib, dtype) for lib in LIBRARIES]
    for lib, p in zip(LIBRARIES, made, strict=True):
        assert lib.nn.utils.clip_grad_value_(p, 0.4) is None
        norm = lib.nn.utils.get_total_norm([p[0].grad, p[2].grad], 1.0)
        lib.nn.utils.clip_grads_with_norm_(p, 0.1, norm)
    assert_close(*map(gradients, made), 1e-5)


# One vector


@BOTH
def test_parameters_become_a_vector_and_back(library):
    model = library.nn.Sequential(library.nn.Linear(2, 3), library.nn.Linear(3, 1))
    vector = library.nn.utils.parameters_to_vector(model.parameters())
    assert tuple(vector.shape) == (13,)
    vector.sum().backward()
    assert (model[0].weight.grad.numpy() == 1).all()
    before = [p.detach().numpy().copy() for p in model.parameters()]
    library.nn.utils.vector_to_parameters(vector * 2, model.parameters())
    for p, old in zip(model.parameters(), before, strict=True):
        assert p.is_leaf
        assert p.requires_grad
        np.testing.assert_array_equal(p.detach().numpy(), 2 * old)


@pytest.mark.parametrize("vector", [lambda lib: [1.0], lambda lib: lib.ones(3)])
def test_a_wrong_vector_is_refused(vector, same_error):
    same_error(
        lambda lib: lib.nn.utils.vector_to_parameters(vector(lib), lib.nn.Linear(2, 3).parameters()),
        match="expected Tensor|too few",
    )


# Weight and spectral normalisation


def twins(build):
    """Build a module in both libraries, with the same random float64 state."""
    modules = [build(lib.nn).double() for lib in LIBRARIES]
    rng = np.random.default_rng(3)
    state = {name: rng.standard_normal(tuple(v.shape)) for name, v in modules[1].state_dict().items()}
    modules[0].load_state_dict(state)
    modules[1].load_state_dict({name: torch.tensor(v) for name, v in state.items()})
    return modules


def trained(module, lib, x, steps=3):
    """Return output and gradients of the last of some steps of gradient descent."""
    for _ in range(steps):
        module.zero_grad()
        y = module(lib.tensor(x))
        (y * y).sum().backward()
        with lib.no_grad():
            for p in module.parameters():
                p -= 0.01 * p.grad
    return [y.detach().numpy(), *(p.grad.numpy() for p in module.parameters())]


LAYERS = {
    "linear": (lambda nn: nn.Linear(3, 4), (2, 3)),
    "conv": (lambda nn: nn.Conv2d(3, 4, (2, 3)), (2, 3, 4, 5)),
}


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("dim", [0, 1, None, -1])
@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
def test_weight_norm_equals_torch(kind, dim, draw):
    build, shape = LAYERS[kind]
    modules = twins(build)
    for lib, module in zip(LIBRARIES, modules, strict=True):
        assert lib.nn.utils.weight_norm(module, dim=dim) is module
    assert [(n, tuple(p.shape)) for n, p in modules[0].named_parameters()] == [
        (n, tuple(p.shape)) for n, p in modules[1].named_parameters()
    ]
    assert_close(*(trained(m, lib, draw(shape)) for m, lib in zip(modules, LIBRARIES, strict=True)), 1e-9)
    for lib, module in zip(LIBRARIES, modules, strict=True):
        lib.nn.utils.remove_weight_norm(module)
    assert list(modules[0].state_dict()) == list(modules[1].state_dict())
    assert_close(*(trained(m, lib, draw(shape)) for m, lib in zip(modules, LIBRARIES, strict=True)), 1e-9)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("options", [{}, {"n_power_iterations": 3, "dim": 1}])
def test_spectral_norm_equals_torch(kind, options, draw):
    build, shape = LAYERS[kind]
    modules = twins(build)
    for lib, module in zip(LIBRARIES, modules, strict=True):
        assert lib.nn.utils.spectral_norm(module, **options) is module
    state = modules[0].state_dict()
    assert sorted(state) == sorted(modules[1].state_dict())
    modules[1].load_state_dict({name: torch.tensor(v.numpy()) for name, v in state.items()})
    assert_close(*(trained(m, lib, draw(shape)) for m, lib in zip(modules, LIBRARIES, strict=True)), 1e-9)
    for lib, module in zip(LIBRARIES, modules, strict=True):
        module.eval()
        module(lib.tensor(draw(shape)))
        lib.nn.utils.remove_spectral_norm(module)
    assert_close(*(trained(m, lib, draw(shape)) for m, lib in zip(modules, LIBRARIES, strict=True)), 1e-9)


def test_spectral_norm_finds_the_largest_singular_value():
    layer = nn.utils.spectral_norm(nn.Linear(5, 4).double(), n_power_iterations=100)
    layer(tinynet.ones(1, 5, dtype=np.float64))
    assert math.isclose(np.linalg.norm(layer.weight.detach().numpy(), 2), 1, rel_tol=1e-6)


@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm"])
@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
def test_normalisation_refuses(name, same_error):
    def twice(lib):
        apply = getattr(lib.nn.utils, name)
        apply(apply(lib.nn.Linear(1, 1)))

    same_error(twice, match=f"two {name} hooks on the same parameter weight")
    same_error(
        lambda lib: getattr(lib.nn.utils, f"remove_{name}")(lib.nn.Linear(1, 1)), match="'weight' not found"
    )


def test_spectral_norm_needs_an_iteration(same_error):
    same_error(
        lambda lib: lib.nn.utils.spectral_norm(lib.nn.Linear(1, 1), n_power_iterations=0), match="n_power.*=0"
    )


# Fusion


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_fused_convolution_equals_both(bias, affine, draw):
    def build(lib_nn):
        return lib_nn.Sequential(
            lib_nn.Conv2d(3, 4, 3, bias=bias), lib_nn.BatchNorm2d(4, eps=1e-3, affine=affine)
        ).eval()

    model = build(nn).double()
    rng = np.random.default_rng(0)
    model.load_state_dict({k: rng.uniform(0.5, 2, v.shape) for k, v in model.state_dict().items()})
    theirs = build(torch.nn).double()
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in model.state_dict().items()})
    fused = nn.utils.fuse_conv_bn_eval(*model)
    expected = torch.nn.utils.fuse_conv_bn_eval(*theirs)
    x = tinynet.tensor(draw((2, 3, 5, 6)))
    np.testing.assert_allclose(fused(x).detach().numpy(), model(x).detach().numpy(), rtol=1e-10)
    for name, value in expected.state_dict().items():
        np.testing.assert_allclose(fused.state_dict()[name].numpy(), value.numpy(), rtol=1e-12)
    assert fused is not model[0]
    assert isinstance(fused.weight, nn.Parameter)


def test_fused_transposed_weights_are_torchs():
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(0.5, 2, shape) for shape in ((3, 4, 2, 2), (4,), (4,), (4,), (4,), (4,))]

    def fuse(lib):
        w, b, mean, var, scale, shift = (lib.tensor(a) for a in arrays)
        return lib.nn.utils.fuse_conv_bn_weights(w, b, mean, var, 1e-5, scale, shift, transpose=True)

    assert_close(*([p.detach().numpy() for p in fuse(lib)] for lib in LIBRARIES))


def test_fused_linear_equals_both(draw):
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double().eval()
    rng = np.random.default_rng(0)
    model.load_state_dict({k: rng.uniform(0.5, 2, v.shape) for k, v in model.state_dict().items()})
    x = tinynet.tensor(draw((5, 3)))
    fused = nn.utils.fuse_linear_bn_eval(*model)
    np.testing.assert_allclose(fused(x).detach().numpy(), model(x).detach().numpy(), rtol=1e-10)


def test_fusion_refuses():
    with pytest.raises(RuntimeError, match="only for eval"):
        nn.utils.fuse_conv_bn_eval(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
    with pytest.raises(RuntimeError, match="without running statistics"):
        nn.utils.fuse_conv_bn_eval(
            nn.Conv2d(1, 1, 1).eval(), nn.BatchNorm2d(1, track_running_stats=False).eval()
        )
    with pytest.raises(ValueError, match="3 and 2"):
        nn.utils.fuse_linear_bn_eval(nn.Linear(1, 3).eval(), nn.BatchNorm1d(2).eval())
