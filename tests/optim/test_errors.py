from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch

import tinynet
from tinynet import optim

ERRORS = {
    "negative lr": (lambda o, p: o.SGD(p, lr=-1), ValueError, "Invalid learning rate: -1"),
    "adam lr": (lambda o, p: o.Adam(p, lr=-0.5), ValueError, "Invalid learning rate: -0.5"),
    "nan lr": (lambda o, p: o.Adam(p, lr=float("nan")), ValueError, "Invalid learning rate: nan"),
    "momentum": (lambda o, p: o.SGD(p, momentum=-1), ValueError, "Invalid momentum value: -1"),
    "decay": (lambda o, p: o.SGD(p, weight_decay=-1), ValueError, "Invalid weight_decay value: -1"),
    "adamw decay": (lambda o, p: o.AdamW(p, weight_decay=-1), ValueError, "Invalid weight_decay value: -1"),
    "eps": (lambda o, p: o.Adam(p, eps=-1), ValueError, "Invalid epsilon value: -1"),
    "beta1": (lambda o, p: o.Adam(p, betas=(1.0, 0.9)), ValueError, "Invalid beta parameter at index 0: 1.0"),
    "beta2": (
        lambda o, p: o.Adam(p, betas=(0.9, -0.1)),
        ValueError,
        "Invalid beta parameter at index 1: -0.1",
    ),
    "rmsprop lr": (lambda o, p: o.RMSprop(p, lr=-1), ValueError, "Invalid learning rate: -1"),
    "rmsprop alpha": (lambda o, p: o.RMSprop(p, alpha=-0.1), ValueError, "Invalid alpha value: -0.1"),
    "rmsprop eps": (lambda o, p: o.RMSprop(p, eps=-1), ValueError, "Invalid epsilon value: -1"),
    "rmsprop momentum": (lambda o, p: o.RMSprop(p, momentum=-1), ValueError, "Invalid momentum value: -1"),
    "rmsprop decay": (
        lambda o, p: o.RMSprop(p, weight_decay=-1),
        ValueError,
        "Invalid weight_decay value: -1",
    ),
    "adagrad lr": (lambda o, p: o.Adagrad(p, lr=-1), ValueError, "Invalid learning rate: -1"),
    "adagrad lr_decay": (lambda o, p: o.Adagrad(p, lr_decay=-1), ValueError, "Invalid lr_decay value: -1"),
    "adagrad decay": (
        lambda o, p: o.Adagrad(p, weight_decay=-1),
        ValueError,
        "Invalid weight_decay value: -1",
    ),
    "adagrad start": (
        lambda o, p: o.Adagrad(p, initial_accumulator_value=-1),
        ValueError,
        "Invalid initial_accumulator_value value: -1",
    ),
    "adagrad eps": (lambda o, p: o.Adagrad(p, eps=-1), ValueError, "Invalid epsilon value: -1"),
    "nadam lr": (lambda o, p: o.NAdam(p, lr=-1), ValueError, "Invalid learning rate: -1"),
    "nadam eps": (lambda o, p: o.NAdam(p, eps=-1), ValueError, "Invalid epsilon value: -1"),
    "nadam beta1": (lambda o, p: o.NAdam(p, betas=(-0.1, 0.9)), ValueError, "parameter at index 0: -0.1"),
    "nadam beta2": (lambda o, p: o.NAdam(p, betas=(0.9, 1.0)), ValueError, "parameter at index 1: 1.0"),
    "nadam decay": (lambda o, p: o.NAdam(p, weight_decay=-1), ValueError, "Invalid weight_decay value: -1"),
    "nadam momentum_decay": (
        lambda o, p: o.NAdam(p, momentum_decay=-1),
        ValueError,
        "Invalid momentum_decay value: -1",
    ),
    "muon lr": (lambda o, p: o.Muon(p[:1], lr=-1), ValueError, "Invalid learning rate: -1"),
    "muon decay": (lambda o, p: o.Muon(p[:1], weight_decay=-1), ValueError, "Invalid weight_decay value: -1"),
    "muon momentum": (lambda o, p: o.Muon(p[:1], momentum=-1), ValueError, "Invalid momentum value: -1"),
    "muon adjustment": (
        lambda o, p: o.Muon(p[:1], adjust_lr_fn="none"),
        ValueError,
        "Adjust learning rate function none is not supported",
    ),
    "muon on a vector": (lambda o, p: o.Muon(p), ValueError, r"Muon only supports 2D parameters.*\(5,\)"),
    "required": (
        lambda o, p: o.Optimizer(p, {"lr": importlib.import_module(f"{o.__name__}.optimizer").required}),
        ValueError,
        "didn't specify a value of required optimization parameter lr",
    ),
    "nesterov": (lambda o, p: o.SGD(p, nesterov=True), ValueError, "Nesterov momentum requires a momentum"),
    "dampened nesterov": (
        lambda o, p: o.SGD(p, momentum=0.9, dampening=0.1, nesterov=True),
        ValueError,
        "zero dampening",
    ),
    "text for lr": (lambda o, p: o.SGD(p, lr="0.1"), TypeError, "expected a number, but got str '0.1'"),
    "no parameters": (lambda o, p: o.SGD([]), ValueError, "optimizer got an empty parameter list"),
    "one tensor": (lambda o, p: o.SGD(p[0]), TypeError, "should be an iterable of Tensors or dicts"),
    "a number": (lambda o, p: o.SGD([3.0]), TypeError, "one of the params is float"),
    "a set": (lambda o, p: o.SGD([{"params": set(p)}]), TypeError, "ordered collections"),
    "not a group": (
        lambda o, p: o.SGD(p[:1]).add_param_group(p[1:]),
        TypeError,
        "param_group must be a dict",
    ),
    "twice": (
        lambda o, p: o.SGD([{"params": p}, {"params": p[1:2]}]),
        ValueError,
        "some parameters appear in more than one parameter group",
    ),
    "non-leaf": (lambda o, p: o.SGD([p[0] * 2]), ValueError, "can't optimize a non-leaf Tensor"),
    "half named": (lambda o, p: o.SGD([("a", p[0]), p[1]]), ValueError, "Some param names are missing"),
    "half of the groups named": (
        lambda o, p: o.SGD([{"params": [("a", p[0])]}, {"params": p[1:]}]),
        ValueError,
        "all optimizer param groups should be with/without names",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_bad_arguments_raise_as_in_torch(twins, case):
    act, error, message = ERRORS[case]
    pair = twins("float32", shapes=[(3, 2), (5,)])
    with pytest.raises(error, match=message):
        act(optim, pair.ours)
    with pytest.raises(error):
        act(torch.optim, pair.torch)


OWN_ERRORS = {
    "lr of a group": (
        lambda p: optim.SGD([{"params": p, "lr": -1}]),
        ValueError,
        "Invalid learning rate: -1",
    ),
    "nan for SGD": (lambda p: optim.SGD(p, lr=float("nan")), ValueError, "Invalid learning rate: nan"),
    "tensor lr": (lambda p: optim.SGD(p, lr=tinynet.Tensor(np.ones(()))), TypeError, "got Tensor"),
    "three betas": (lambda p: optim.Adam(p, betas=(0.1, 0.2, 0.3)), ValueError, "expected two numbers"),
    "nan for alpha": (lambda p: optim.RMSprop(p, alpha=float("nan")), ValueError, "Invalid alpha value: nan"),
    "beta of a group": (
        lambda p: optim.NAdam([{"params": p, "betas": (0.9, 2)}]),
        ValueError,
        "Invalid beta parameter at index 1: 2",
    ),
    "two coefficients": (
        lambda p: optim.Muon(p[:1], ns_coefficients=(1.0, 2.0)),
        ValueError,
        r"three numbers, but got \(1.0, 2.0\)",
    ),
    "a text for a coefficient": (
        lambda p: optim.Muon(p[:1], ns_coefficients=(1.0, "2", 3.0)),
        TypeError,
        "Invalid ns_coefficients at index 1: expected a number, but got str '2'",
    ),
    "100 iterations": (lambda p: optim.Muon(p[:1], ns_steps=100), ValueError, "Invalid ns_steps value: 100"),
    "half an iteration": (
        lambda p: optim.Muon(p[:1], ns_steps=2.5),
        TypeError,
        "expected an int, but got 2.5",
    ),
    "muon eps": (lambda p: optim.Muon(p[:1], eps=-1), ValueError, "Invalid epsilon value: -1"),
    "a vector added to muon": (
        lambda p: optim.Muon(p[:1]).add_param_group({"params": p[1:]}),
        ValueError,
        r"only supports 2D parameters.*\(5,\)",
    ),
    "capturable rmsprop": (lambda p: optim.RMSprop(p, capturable=True), ValueError, "capturable=True is not"),
    "fused adagrad": (lambda p: optim.Adagrad(p, fused=True), ValueError, "fused=True is not available"),
    "foreach nadam": (lambda p: optim.NAdam(p, foreach=True), ValueError, "foreach=True is not available"),
    "fused": (lambda p: optim.Adam(p, fused=True), ValueError, "fused=True is not available"),
    "foreach": (lambda p: optim.SGD(p, foreach=True), ValueError, "foreach=True is not available"),
    "capturable": (lambda p: optim.AdamW(p, capturable=True), ValueError, "capturable=True is not available"),
    "differentiable": (lambda p: optim.SGD(p, differentiable=True), ValueError, "differentiable=True is not"),
}


@pytest.mark.parametrize("case", OWN_ERRORS)
def test_what_is_lacking_or_stricter_than_torch_is_refused(twins, case):
    act, error, message = OWN_ERRORS[case]
    with pytest.raises(error, match=message):
        act(twins("float32", shapes=[(3, 2), (5,)]).ours)
