"""The floor under the speed of a body.

Rule: only the time that the wire takes counts, never that of whoever takes the bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["at_least"]

#: A body slower than this many bytes over this many seconds counts as stalled. Without a floor, a
#: byte now and then keeps a connection alive for ever.
_FLOOR_BYTES: Final = 64 * 1024
_FLOOR_SECONDS: Final = 60.0


def at_least(chunks: Iterator[bytes], clock: Callable[[], float]) -> Iterator[bytes]:
    """Pass chunks on while they come fast enough; the time that their taker needs isn't counted.

    Raises:
        httpx.ReadTimeout: they don't.
    """
    waited = 0.0
    gained = 0
    before = clock()
    for chunk in chunks:
        waited += clock() - before
        gained += len(chunk)
        if gained >= _FLOOR_BYTES:
            waited, gained = 0.0, 0
        elif waited > _FLOOR_SECONDS:
            raise httpx.ReadTimeout(f"only {gained} bytes in {waited:.0f} s")
        yield chunk
        before = clock()
