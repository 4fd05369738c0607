"""Hooks on gradients, as methods of Tensor."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

_hook_ids = itertools.count()


class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook away, as does the end of a `with` block."""

    def __init__(self, hooks: dict[int, Any], hook: Any) -> None:
        self.hooks, self.id = hooks, next(_hook_ids)
        hooks[self.id] = hook

    def remove(self) -> None:
        """Take the hook away; a second time nothing happens."""
        self.hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


class HookMethods:
    """Hooks on the gradient, and keeping it."""

    _hooks: dict[int, Any] | None = None
    _post_accumulate_hooks: dict[int, Any] | None = None

    def register_hook(self: Any, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Call hook(gradient) whenever the tensor's gradient is known; what it returns, if anything, replaces it.

        Raises:  RuntimeError: the tensor does not require a gradient
        """
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        node = self.grad_fn
        if node is None:
            if self._hooks is None:
                self._hooks = {}
            return RemovableHandle(self._hooks, hook)
        if node.hooks is None:
            node.hooks = {}
        return RemovableHandle(node.hooks.setdefault(self.output_index, {}), hook)

    def register_post_accumulate_grad_hook(self: Any, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Call hook(leaf) whenever backward has added to the leaf's `.grad`.

        Raises:  RuntimeError: the tensor does not require a gradient, or is no leaf
        """
        if not self.requires_grad or not self.is_leaf:
            raise RuntimeError("post accumulate grad hooks need a leaf tensor that requires gradient")
        if self._post_accumulate_hooks is None:
            self._post_accumulate_hooks = {}
        return RemovableHandle(self._post_accumulate_hooks, hook)

    def retain_grad(self: Any) -> None:
        """Let backward leave the gradient in `.grad`, as it does for leaves.

        Raises:  RuntimeError: the tensor does not require a gradient
        """
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        node = self.grad_fn
        if node is not None:
            if node.retained is None:
                node.retained = {}
            # Weak: the tensor holds its node.
            node.retained[self.output_index] = weakref.ref(self)

    @property
    def retains_grad(self: Any) -> bool:
        """Whether backward will leave the gradient of this result in `.grad`."""
        node = self.grad_fn
        return node is not None and node.retained is not None and self.output_index in node.retained
