"""What tests of fused chains need, whatever the environment says."""

from __future__ import annotations

import pytest

from tinynet.autograd import delayed
from tinynet.kernels import registry


@pytest.fixture
def fusion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fuse chains by accelerated kernels."""
    monkeypatch.setattr(registry, "_use_accelerated", True)
    monkeypatch.setattr(delayed, "enabled", True)
