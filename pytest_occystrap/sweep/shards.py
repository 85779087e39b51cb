"""The shards of a sweep as parameters of a test, so that workers share it among them."""

from __future__ import annotations

from typing import Any

import pytest

__all__ = ["sweep_shards"]


def sweep_shards(count: int) -> list[Any]:
    """Return (1, count) to (count, count) for `@pytest.mark.parametrize("shard", ...)`.

    Raises:
        ValueError: there is no sweep in less than one part.
    """
    if count < 1:
        raise ValueError(f"a sweep is one shard or more, not {count}")
    return [pytest.param((part, count), id=f"{part}/{count}") for part in range(1, count + 1)]
