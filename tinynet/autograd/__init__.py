"""Reverse-mode differentiation: recorded functions, and the walk back through them.

Every differentiable operation is a `Function`: `forward` computes, `backward` maps the gradient of its outputs to
the gradients of its inputs, written with operations on Tensors. Applying one leaves a `Node` behind each output.
`backward` hands gradients from node to node, latest created first: an operation is always created after its
inputs, so creation order is a topological order and the walk needs neither recursion nor a second pass to count
uses. Only of leaves uses are counted, while they are recorded: what a single operation has used, as most parameters
are, is given its gradient at once. Recorded while it runs (`create_graph=True`), it can be differentiated again.

Read node.py (what is kept of an operation), function.py (how one is applied), engine.py (the walk), and
views.py (what becomes of memory that several tensors share).
"""

from typing import Any

from tinynet.autograd import graph
from tinynet.autograd.anomaly import detect_anomaly, is_anomaly_enabled, set_detect_anomaly
from tinynet.autograd.engine import backward, grad
from tinynet.autograd.function import Function, once_differentiable, quietly
from tinynet.autograd.node import Node
from tinynet.grad_mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from tinynet.tensor.core import Variable

__all__ = [
    "Function",
    "Node",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "graph",
    "inference_mode",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "no_grad",
    "once_differentiable",
    "quietly",
    "set_detect_anomaly",
    "set_grad_enabled",
]


def __getattr__(name: str) -> Any:
    """Find gradcheck and gradgradcheck, which are built on this package, when they are asked for."""
    if name in ("gradcheck", "gradgradcheck"):
        from tinynet import gradcheck

        return getattr(gradcheck, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
