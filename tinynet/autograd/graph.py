"""What happens to tensors between forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinynet.grad_mode import thread


class saved_tensors_hooks:
    """Hand every tensor that is saved for backward inside the block to pack_hook, and get it back by unpack_hook.

    Args:    pack_hook: Tensor -> anything, called during forward
             unpack_hook: what pack_hook returned -> a Tensor of the same values, called during backward
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.hooks = pack_hook, unpack_hook
        self.before: list[Any] = []

    def __enter__(self) -> None:
        self.before.append(thread.state.saved_tensors_hooks)
        thread.state.saved_tensors_hooks = self.hooks

    def __exit__(self, *exception: object) -> None:
        thread.state.saved_tensors_hooks = self.before.pop()
