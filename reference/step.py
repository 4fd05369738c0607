"""A training step or a forward pass in PyTorch, ready to be repeated: what the benchmarks time tinynet against."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F

from reference.models import build


def prepare(
    *,
    model: str,
    batch_size: int,
    threads: int,
    mode: str,
    channels_last: bool,
    autocast: bool = False,
    compiled: bool = False,
    seed: int = 0,
) -> Callable[[], None]:
    """Prepare the work and return a function that does it once.

    Args:    model: a name known to `reference.models.build`; batch_size: images; threads: CPU threads
             mode: "train", forward, loss, backward, SGD, zero_grad; "eval", the forward pass under no_grad
             channels_last: memory format of weights and images, else contiguous
             autocast: forward and loss under bfloat16 autocast; compiled: the network through torch.compile
    """
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    network = build(model).to(memory_format=memory_format)  # type: ignore[call-overload]
    network.train(mode == "train")
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    generator = np.random.default_rng(seed)
    images = torch.from_numpy(generator.standard_normal((batch_size, 3, 32, 32), dtype=np.float32))
    images = images.contiguous(memory_format=memory_format)
    labels = torch.from_numpy(generator.integers(0, 10, batch_size))
    forward = torch.compile(network) if compiled else network

    def train() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = F.cross_entropy(forward(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    def infer() -> None:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            forward(images)

    return train if mode == "train" else infer
