"""Automatic mixed precision under the names of torch.cuda.amp."""

from __future__ import annotations

from typing import Any

from tinynet import amp


class autocast(amp.autocast):
    """tinynet.amp.autocast for device_type "cuda"."""

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """tinynet.amp.GradScaler for device "cuda"."""

    def __init__(
        self,
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        super().__init__("cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled)
