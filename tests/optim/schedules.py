"""Schedules to compare, and the two optimisers, tinynet's and torch's, that they act on."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

import tinynet
from tinynet import nn, optim

STEPS = 300
WITHOUT_CHANGE = ("linear to zero steps", "constant 1", "restarts of 1")
RATES = (0.1, 0.03, 2.0)


class Damped:
    """A callable with attributes, which a state dict keeps."""

    def __init__(self, gamma=0.97):
        self.gamma = gamma

    def __call__(self, x):
        return self.gamma**x


def linear_and_cosine(schedulers, optimizer):
    """Two schedules at once on one optimiser."""
    warmup = schedulers.LinearLR(optimizer, start_factor=0.1, total_iters=20)
    return [warmup, schedulers.CosineAnnealingLR(optimizer, T_max=STEPS)]


def linear_then_cosine(schedulers, optimizer):
    return [
        schedulers.SequentialLR(
            optimizer,
            [
                schedulers.LinearLR(optimizer, start_factor=0.01, total_iters=10),
                schedulers.CosineAnnealingLR(optimizer, T_max=STEPS - 10, eta_min=1e-4),
            ],
            milestones=[10],
        )
    ]


def five_in_turn(schedulers, optimizer):
    return [
        schedulers.SequentialLR(
            optimizer,
            [
                schedulers.ConstantLR(optimizer, factor=0.1, total_iters=7),
                schedulers.ExponentialLR(optimizer, gamma=0.9),
                schedulers.CosineAnnealingWarmRestarts(optimizer, T_0=5, T_mult=2),
                schedulers.StepLR(optimizer, step_size=4, gamma=0.5),
                schedulers.MultiplicativeLR(optimizer, lr_lambda=lambda epoch: 0.99),
            ],
            milestones=[7, 20, 100, 101],
        )
    ]


def chained(schedulers, optimizer):
    return [
        schedulers.ChainedScheduler(
            [
                schedulers.ConstantLR(optimizer, factor=0.1, total_iters=20),
                schedulers.ExponentialLR(optimizer, gamma=0.99),
                schedulers.PolynomialLR(optimizer, total_iters=200, power=0.5),
            ]
        )
    ]


def chain_then_step(schedulers, optimizer):
    chain = schedulers.ChainedScheduler(
        [
            schedulers.LinearLR(optimizer, total_iters=20),
            schedulers.ExponentialLR(optimizer, gamma=0.99),
        ],
        optimizer=optimizer,
    )
    optimizer.step()  # the sequence lets the chain step again, and that comes after one of the optimiser
    return [schedulers.SequentialLR(optimizer, [chain], milestones=[])]


def single(name, **options):
    return lambda schedulers, optimizer: [getattr(schedulers, name)(optimizer, **options)]


one_cycle = partial(single, "OneCycleLR")
cyclic = partial(single, "CyclicLR")
restarts = partial(single, "CosineAnnealingWarmRestarts")
SCHEDULES = {
    "step": single("StepLR", step_size=7, gamma=0.9),
    "step of 1": single("StepLR", step_size=1, gamma=0.99),
    "multistep": single("MultiStepLR", milestones=[120, 30, 30, 200], gamma=0.3),
    "multistep from 0": single("MultiStepLR", milestones=[0, 1], gamma=0.5),
    "cosine": single("CosineAnnealingLR", T_max=STEPS),
    "cosine with a floor": single("CosineAnnealingLR", T_max=STEPS, eta_min=0.01),
    "cosine up and down again": single("CosineAnnealingLR", T_max=40, eta_min=0.001),
    "cosine of 1": single("CosineAnnealingLR", T_max=1),
    "linear": single("LinearLR"),
    "linear down": single("LinearLR", start_factor=1.0, end_factor=0.0, total_iters=200),
    "linear up": single("LinearLR", start_factor=0.05, end_factor=0.7, total_iters=250),
    "one cycle": one_cycle(max_lr=0.5, total_steps=STEPS),
    "one cycle by epochs": one_cycle(max_lr=[0.5, 0.1, 1.0], epochs=30, steps_per_epoch=10, pct_start=0.1),
    "one cycle linear": one_cycle(max_lr=0.5, total_steps=STEPS, anneal_strategy="linear", div_factor=10.0),
    "one cycle in three phases": one_cycle(
        max_lr=0.5, total_steps=STEPS, three_phase=True, pct_start=0.4, final_div_factor=100.0
    ),
    "one cycle of the rate only": one_cycle(max_lr=0.5, total_steps=STEPS, cycle_momentum=False),
    "one cycle of momenta": one_cycle(
        max_lr=0.5, total_steps=STEPS, base_momentum=[0.5, 0.6, 0.7], max_momentum=[0.8, 0.9, 0.99]
    ),
    "linear to zero steps": single("LinearLR", total_iters=0),
    "constant": single("ConstantLR"),
    "constant for long": single("ConstantLR", factor=0.3, total_iters=200),
    "constant 1": single("ConstantLR", factor=1.0, total_iters=1),
    "exponential": single("ExponentialLR", gamma=0.97),
    "exponential up": single("ExponentialLR", gamma=1.01),
    "polynomial": single("PolynomialLR"),
    "polynomial slow": single("PolynomialLR", total_iters=STEPS, power=0.9),
    "polynomial steep": single("PolynomialLR", total_iters=250, power=3),
    "restarts": restarts(T_0=10),
    "restarts of 1": restarts(T_0=1),
    "restarts longer": restarts(T_0=7, T_mult=2, eta_min=1e-3),
    "restarts three times as long": restarts(T_0=3, T_mult=3),
    "lambda": single("LambdaLR", lr_lambda=lambda epoch: 0.95**epoch),
    "lambdas": single("LambdaLR", lr_lambda=[lambda e: 1 / (1 + e), Damped(), lambda e: min(1, e / 30)]),
    "lambdas in a tuple": single("LambdaLR", lr_lambda=(Damped(0.9), Damped(), Damped())),
    "multiplicative": single("MultiplicativeLR", lr_lambda=lambda epoch: 0.95),
    "multiplicatives": single(
        "MultiplicativeLR", lr_lambda=[lambda e: 0.9 if e % 20 == 0 else 1.0, Damped(), lambda e: 0.99]
    ),
    "cyclic": cyclic(base_lr=0.01, max_lr=0.1, step_size_up=20),
    "cyclic, slow fall": cyclic(base_lr=0.01, max_lr=0.1, step_size_up=10, step_size_down=33),
    "cyclic per group": cyclic(base_lr=[0.01, 0.02, 0.03], max_lr=[0.1, 0.3, 0.2], step_size_up=7),
    "cyclic, halving": cyclic(base_lr=0.01, max_lr=0.1, step_size_up=13, mode="triangular2"),
    "cyclic, exponential": cyclic(base_lr=0.01, max_lr=0.1, step_size_up=9, mode="exp_range", gamma=0.99),
    "cyclic, own scale": cyclic(
        base_lr=0.01, max_lr=0.1, step_size_up=9, scale_fn=lambda x: 0.5 ** (x - 1), mode="none"
    ),
    "cyclic, own scale of batches": cyclic(
        base_lr=0.01, max_lr=0.1, step_size_up=9, scale_fn=Damped(), scale_mode="iterations"
    ),
    "cyclic, rate only": cyclic(base_lr=0.01, max_lr=0.1, step_size_up=9, cycle_momentum=False),
    "cyclic momenta": cyclic(
        base_lr=0.01, max_lr=1.0, step_size_up=8, base_momentum=[0.5, 0.6, 0.7], max_momentum=0.95
    ),
    "linear and cosine": linear_and_cosine,
    "linear then cosine": linear_then_cosine,
    "five in turn": five_in_turn,
    "chained": chained,
    "a chain in a sequence": chain_then_step,
}
COMBINED = ("linear and cosine", "linear then cosine", "five in turn", "chained", "a chain in a sequence")
LIBRARIES = [(optim, optim.lr_scheduler), (torch.optim, torch.optim.lr_scheduler)]
OPTIMIZERS = {"SGD": {"momentum": 0.9}, "Adam": {}}


def make_optimizer(library, name="SGD", rates=RATES):
    if library is optim:
        params = [nn.Parameter(tinynet.Tensor(np.ones(2))) for _ in rates]
    else:
        params = [torch.nn.Parameter(torch.ones(2)) for _ in rates]
    groups = [{"params": [p], "lr": lr} for p, lr in zip(params, rates, strict=True)]
    return getattr(library, name)(groups, lr=1.0, **OPTIMIZERS[name])


def settings(optimizer):
    """What schedules may change, of every group."""
    return [(g["lr"], g.get("momentum"), g.get("betas")) for g in optimizer.param_groups]


def advance(optimizer, schedules):
    optimizer.step()
    for schedule in schedules:
        schedule.step()
