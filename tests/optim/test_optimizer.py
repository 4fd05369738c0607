from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch

import tinynet
from tests.optim.conftest import MATRICES, SHAPES
from tinynet import nn, optim

CASES = [
    ("SGD", {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True}),
    ("Adam", {"lr": 0.02, "amsgrad": True, "weight_decay": 0.01}),
    ("AdamW", {"lr": 0.02, "betas": (0.8, 0.99)}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.8, "centered": True, "eps": 1e-3}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.1}),
    ("NAdam", {"lr": 0.02, "momentum_decay": 0.01, "weight_decay": 0.01}),
    ("Muon", {"lr": 0.02, "adjust_lr_fn": "match_rms_adamw"}),
]
all_cases = pytest.mark.parametrize("name, options", CASES, ids=[name for name, _ in CASES])


pytestmark = pytest.mark.usefixtures("torch_muon_in_full_precision")


def shapes_for(name):
    return MATRICES if name == "Muon" else SHAPES


def both(name, pair, *args, **kwargs):
    ours = getattr(optim, name)(pair.ours, *args, **kwargs)
    return ours, getattr(torch.optim, name)(pair.torch, *args, **kwargs)


def groups_of(params, options):
    """Three groups, two with options of their own."""
    return [
        {"params": params[:2], **options[0]},
        {"params": params[2], **options[1]},
        {"params": iter(params[3:])},
    ]


def as_arrays(torch_state):
    """Return a state dict of torch with NumPy arrays in place of tensors."""
    state = {
        i: {key: value.numpy().copy() for key, value in s.items()} for i, s in torch_state["state"].items()
    }
    return {"state": state, "param_groups": torch_state["param_groups"]}


def as_torch(our_state):
    state = {
        i: {key: torch.from_numpy(value.array.copy()) for key, value in s.items()}
        for i, s in our_state["state"].items()
    }
    return {"state": state, "param_groups": our_state["param_groups"]}


@all_cases
def test_groups_follow_torch(twins, name, options):
    pair = twins("float64", shapes=shapes_for(name))
    group_options = [{"lr": 0.1, "weight_decay": 0.2}, {"lr": 0.001, "maximize": True}]
    ours = getattr(optim, name)(groups_of(pair.ours, group_options), **options)
    theirs = getattr(torch.optim, name)(groups_of(pair.torch, group_options), **options)
    pair.step(ours, theirs, steps=5)
    for optimizer in (ours, theirs):
        optimizer.param_groups[0]["lr"] = 0.03
    pair.step(ours, theirs, steps=20)
    pair.assert_equal(rtol=1e-13, atol=1e-15)


@all_cases
def test_step_keeps_arrays_and_gradients(twins, name, options):
    pair = twins("float32", shapes=shapes_for(name))
    optimizer = getattr(optim, name)(pair.ours, **options)
    for _ in range(3):
        pair.set_gradients()
        arrays = [p.array for p in pair.ours]
        before = [p.array.copy() for p in pair.ours]
        gradients = [p.grad.array.copy() for p in pair.ours]
        optimizer.step()
        for p, array, old, gradient in zip(pair.ours, arrays, before, gradients, strict=True):
            assert p.array is array
            assert p.numel() == 0 or not np.array_equal(array, old)
            np.testing.assert_array_equal(p.grad.array, gradient)


@all_cases
def test_parameters_without_gradient_are_skipped(twins, name, options):
    pair = twins("float64", shapes=shapes_for(name))
    ours, theirs = both(name, pair, **options)
    before = pair.ours[1].array.copy()
    for skipped in [(1,), (1, 2), (1,)]:
        pair.set_gradients(skip=skipped)
        ours.step()
        theirs.step()
    np.testing.assert_array_equal(pair.ours[1].array, before)
    assert (1 in ours.state_dict()["state"]) == (1 in theirs.state_dict()["state"]) == (name == "Adagrad")
    pair.step(ours, theirs, steps=3)
    pair.assert_equal(rtol=1e-13, atol=1e-15)


@all_cases
@pytest.mark.parametrize("convert", [as_arrays, copy.deepcopy], ids=["arrays", "torch tensors"])
def test_takes_over_from_torch(twins, name, options, convert):
    pair = twins("float64", shapes=shapes_for(name))
    theirs = getattr(torch.optim, name)(pair.torch, **options)
    for _ in range(5):
        pair.set_gradients()
        theirs.step()
    for p, q in zip(pair.ours, pair.torch, strict=True):
        p.array[...] = q.detach().numpy()
    ours = getattr(optim, name)(pair.ours, lr=0.7)
    ours.load_state_dict(convert(theirs.state_dict()))
    pair.step(ours, theirs, steps=10)
    pair.assert_equal(rtol=1e-13, atol=1e-15)


@all_cases
def test_hands_over_to_torch(twins, name, options):
    pair = twins("float64", shapes=shapes_for(name))
    ours = getattr(optim, name)(pair.ours, **options)
    for _ in range(5):
        pair.set_gradients()
        ours.step()
    with torch.no_grad():
        for p, q in zip(pair.ours, pair.torch, strict=True):
            q.copy_(torch.from_numpy(p.array))
    theirs = getattr(torch.optim, name)(pair.torch, lr=0.7)
    theirs.load_state_dict(as_torch(ours.state_dict()))
    pair.step(ours, theirs, steps=10)
    # torch goes on with NAdam's mu_product, float32 before, in the dtype of the parameter.
    pair.assert_equal(
        **({"rtol": 1e-9, "atol": 1e-10} if name == "NAdam" else {"rtol": 1e-13, "atol": 1e-15})
    )


@all_cases
def test_state_dict_has_torchs_form(twins, name, options):
    pair = twins("float32", shapes=shapes_for(name))
    ours, theirs = both(name, pair, **options)
    pair.step(ours, theirs)
    saved, expected = ours.state_dict(), theirs.state_dict()
    assert saved["param_groups"] == expected["param_groups"]
    assert list(saved["state"]) == list(expected["state"])
    for i, buffers in expected["state"].items():
        assert {key: (value.shape, str(value.dtype)) for key, value in saved["state"][i].items()} == {
            key: (tuple(value.shape), str(value.numpy().dtype)) for key, value in buffers.items()
        }


@all_cases
def test_round_trip_continues_bit_for_bit(twins, name, options):
    pair = twins("float32", shapes=shapes_for(name))
    optimizer = getattr(optim, name)(pair.ours, **options)
    pair.set_gradients()
    optimizer.step()
    saved = optimizer.state_dict()
    saved["param_groups"] = json.loads(json.dumps(saved["param_groups"]))
    copies = [nn.Parameter(tinynet.Tensor(p.array.copy())) for p in pair.ours]
    resumed = getattr(optim, name)(copies, lr=0.7)
    resumed.load_state_dict(saved)
    for _ in range(3):
        pair.set_gradients()
        for p, q in zip(pair.ours, copies, strict=True):
            q.grad = tinynet.Tensor(p.grad.array.copy())
        optimizer.step()
        resumed.step()
    for p, q in zip(pair.ours, copies, strict=True):
        np.testing.assert_array_equal(p.array, q.array)
    assert repr(resumed) == repr(optimizer)


def test_options_are_loaded_as_a_copy(twins):
    optimizer = optim.SGD(twins("float32").ours)
    saved = optimizer.state_dict()
    saved["param_groups"][0]["notes"] = ["a"]
    optimizer.load_state_dict(saved)
    saved["param_groups"][0]["notes"].append("b")
    assert optimizer.param_groups[0]["notes"] == ["a"]


def test_buffers_are_loaded_in_the_parameters_dtype(twins):
    single, double = twins("float32"), twins("float64")
    source = optim.Adam(double.ours)
    double.set_gradients()
    source.step()
    target = optim.Adam(single.ours)
    target.load_state_dict(source.state_dict())
    buffers = target.state[single.ours[0]]
    assert {key: value.dtype for key, value in buffers.items()} == dict.fromkeys(buffers, np.dtype("float32"))


@pytest.mark.parametrize(
    "spoil, message",
    [
        (
            lambda saved: saved["param_groups"].append({"params": []}),
            "different number of parameter groups: 2",
        ),
        (lambda saved: saved["param_groups"][0]["params"].pop(), "group 0 has 4 parameters.* has 5"),
        (lambda saved: saved["state"].update({9: {}}), "state for parameter 9"),
        (
            lambda saved: saved["state"][0].update(momentum_buffer=0.0),
            "'momentum_buffer', which Adam does not keep",
        ),
        (
            lambda saved: saved["state"][0].update(exp_avg=np.zeros((4, 3))),
            r"'exp_avg' has shape \(4, 3\), its parameter \(4, 3, 3, 2\)",
        ),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(twins, spoil, message):
    pair = twins("float64")
    optimizer = optim.Adam(pair.ours, lr=0.1)
    pair.set_gradients()
    optimizer.step()
    saved = copy.deepcopy(as_arrays(as_torch(optimizer.state_dict())))
    saved["param_groups"][0]["lr"] = 0.7
    spoil(saved)
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert optimizer.state[pair.ours[0]]["step"].item() == 1


@all_cases
@pytest.mark.parametrize("named", [False, True])
def test_repr_is_torchs(twins, name, options, named):
    pair = twins("float32", shapes=shapes_for(name))
    if named:
        pair.ours = [(f"p{i}", p) for i, p in enumerate(pair.ours)]
        pair.torch = [(f"p{i}", p) for i, p in enumerate(pair.torch)]
    ours, theirs = both(name, pair, **options)
    assert repr(ours) == repr(theirs)
    assert ours.state_dict()["param_groups"] == theirs.state_dict()["param_groups"]


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad(twins, set_to_none):
    pair = twins("float32")
    optimizer = optim.SGD(pair.ours)
    pair.set_gradients(skip=(1,))
    gradient = pair.ours[0].grad
    kept = gradient.array.copy()
    optimizer.zero_grad(set_to_none)
    assert pair.ours[1].grad is None
    for i, p in enumerate(pair.ours):
        if set_to_none:
            assert p.grad is None
        elif i != 1:
            assert p.grad.dtype == p.dtype
            np.testing.assert_array_equal(p.grad.array, np.zeros(p.shape))
    # Whoever kept the gradient still has its values.
    np.testing.assert_array_equal(gradient.array, kept)


def test_step_runs_the_closure_with_gradients_on(twins):
    pair = twins("float32")
    optimizer = optim.SGD(pair.ours, lr=0.5)
    before = pair.ours[0].array.copy()
    seen = []

    def closure():
        seen.append(tinynet.is_grad_enabled())
        pair.set_gradients()
        return "loss"

    with tinynet.no_grad():
        assert optimizer.step(closure) == "loss"
    assert seen == [True]
    np.testing.assert_allclose(pair.ours[0].array, before - 0.5 * pair.ours[0].grad.array, rtol=1e-6)
    assert optimizer.step() is None


def test_descends_a_parabola_as_the_closed_form_says():
    start, goal = np.array([3.0, -1.0, 0.5]), np.array([1.0, 2.0, -2.0])
    x = nn.Parameter(tinynet.Tensor(start.copy()))
    optimizer = optim.SGD([x], lr=0.1)
    for _ in range(20):
        optimizer.zero_grad()
        ((x - tinynet.Tensor(goal)) ** 2).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(x.array, goal + 0.8**20 * (start - goal), rtol=1e-12)


@all_cases
def test_a_graph_from_before_the_step_is_refused(twins, name, options):
    pair = twins("float64", shapes=shapes_for(name))
    for p, optimizer in zip((pair.ours[0], pair.torch[0]), both(name, pair, **options), strict=True):
        loss = (p * p).sum()
        loss.backward(retain_graph=True)
        optimizer.step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_add_param_group_copies_and_steps(twins):
    pair = twins("float64")
    ours, theirs = optim.SGD(pair.ours[:2], lr=0.1), torch.optim.SGD(pair.torch[:2], lr=0.1)
    given = {"params": pair.ours[2:], "lr": 0.01}
    ours.add_param_group(given)
    theirs.add_param_group({"params": pair.torch[2:], "lr": 0.01})
    assert set(given) == {"params", "lr"}
    pair.step(ours, theirs, steps=3)
    pair.assert_equal(rtol=1e-13, atol=1e-15)


def test_duplicates_in_one_group_warn(twins):
    p = twins("float32").ours[0]
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optim.SGD([p, p])


def test_a_switch_that_torch_saved_on_does_not_matter(twins):
    pair = twins("float64")
    theirs = torch.optim.Adam(pair.torch, lr=0.3, foreach=True)
    ours = optim.Adam(pair.ours)
    ours.load_state_dict(theirs.state_dict())
    assert (ours.param_groups[0]["lr"], ours.param_groups[0]["foreach"]) == (0.3, None)
