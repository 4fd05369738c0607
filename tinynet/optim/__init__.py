"""Optimisers and learning-rate schedules with torch.optim's names, defaults and arithmetic."""

from tinynet.optim import lr_scheduler
from tinynet.optim.adagrad import Adagrad
from tinynet.optim.adam import Adam, AdamW
from tinynet.optim.muon import Muon
from tinynet.optim.nadam import NAdam
from tinynet.optim.optimizer import Optimizer
from tinynet.optim.rmsprop import RMSprop
from tinynet.optim.sgd import SGD

__all__ = ["Adagrad", "Adam", "AdamW", "Muon", "NAdam", "Optimizer", "RMSprop", "SGD", "lr_scheduler"]
