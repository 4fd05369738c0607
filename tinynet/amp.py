"""Automatic mixed precision: the names that training scripts use, for scripts that have switched it off."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

from tinynet.backend import cuda_is_available
from tinynet.backend import device as device_of_name


class autocast(contextlib.ContextDecorator):
    """Context in which nothing is cast: enabled=False, or device_type "cuda" without a GPU, as in torch.

    Raises:  NotImplementedError: it is enabled; tensors are converted by .half() or .to(dtype) only
    """

    def __init__(
        self,
        device_type: str = "cuda",
        dtype: Any = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        self.device, self.fast_dtype = device_type, dtype
        self._enabled = _possible(enabled, device_type, "autocast")

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave: there is nothing to restore."""


class GradScaler:
    """Gradient scaler that does not scale: enabled=False, or device "cuda" without a GPU, as in torch.

    Raises:  NotImplementedError: it is enabled
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._enabled = _possible(enabled, device, "GradScaler")

    def scale(self, outputs: Any) -> Any:
        """Return the outputs."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Leave the gradients as they are."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the optimizer's step."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Leave the scale as it is."""

    def get_scale(self) -> float:
        """Return 1."""
        return 1.0

    def is_enabled(self) -> bool:
        """Return False."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """Return an empty dictionary."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load nothing."""


def _possible(enabled: bool, device: str, name: str) -> bool:
    """Return False, the only state there is. Raises RuntimeError for an unknown device type."""
    if not enabled:
        return False
    device_of_name(device)
    if device == "cuda" and not cuda_is_available():
        warnings.warn(f"{name}: there is no GPU, mixed precision is disabled", stacklevel=3)
        return False
    raise NotImplementedError(
        f"{name}: mixed precision is not supported; pass enabled=False, or convert model and data with .half()"
    )
