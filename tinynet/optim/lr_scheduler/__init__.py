"""Learning-rate schedules: after each epoch or batch, `step()` sets `lr` of every parameter group.

Most compute the next rate from the present one, as torch's chainable forms do, so that several can act on one
optimiser and a rate changed by hand stays changed. The arithmetic is torch's, value for value.
"""

from tinynet.optim.lr_scheduler.base import LRScheduler, _LRScheduler
from tinynet.optim.lr_scheduler.combined import ChainedScheduler, SequentialLR
from tinynet.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from tinynet.optim.lr_scheduler.cyclic import CyclicLR, OneCycleLR
from tinynet.optim.lr_scheduler.decay import (
    ConstantLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from tinynet.optim.lr_scheduler.plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
