"""New tensors like this one, as methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet import ops

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


class CreationMethods:
    """New tensors of this one's dtype and device, if no others are given."""

    __slots__ = ()

    def new(self: Any, *values: Any) -> Tensor:
        """Return a tensor of undefined values of a size, new(2, 3), or one of given values, new([2, 3])."""
        if len(values) == 1 and not isinstance(values[0], int):
            return self.new_tensor(values[0])
        return self.new_empty(values or (0,))

    def new_tensor(self: Any, data: Any, **options: Any) -> Tensor:
        """Return a leaf with a copy of `data`."""
        return ops.tensor(data, **_options(self, options))

    def new_zeros(self: Any, *sizes: Any, **options: Any) -> Tensor:
        """Return a tensor of zeros."""
        return ops.zeros(*sizes, **_options(self, options))

    def new_ones(self: Any, *sizes: Any, **options: Any) -> Tensor:
        """Return a tensor of ones."""
        return ops.ones(*sizes, **_options(self, options))

    def new_empty(self: Any, *sizes: Any, **options: Any) -> Tensor:
        """Return a tensor of undefined values."""
        return ops.empty(*sizes, **_options(self, options))

    def new_full(self: Any, size: Any, fill_value: Any, **options: Any) -> Tensor:
        """Return a tensor filled with a value."""
        return ops.full(size, fill_value, **_options(self, options))


def _options(x: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Complete dtype and device by those of a tensor."""
    given = {name: value for name, value in options.items() if value is not None}
    return {"dtype": x.dtype, "device": x.device, **given}
