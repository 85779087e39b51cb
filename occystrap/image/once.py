"""Layers that are made once for all images of a run that need them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from occystrap.oci.descriptor import Descriptor

__all__ = ["Once"]


@final
@dataclass(slots=True)
class _Place:
    lock: threading.Lock = field(default_factory=threading.Lock)
    made: Descriptor | None = None


@final
class Once:
    """What was made, by keys that say of what and how; used by many threads at once."""

    def __init__(self) -> None:
        self._places: dict[Hashable, _Place] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Descriptor]) -> tuple[Descriptor, bool]:
        """Return what there is, and whether it was made just now; who comes meanwhile waits.

        When `make` raises an error, the next who asks has to make it.
        """
        with self._lock:
            place = self._places.setdefault(key, _Place())
        with place.lock:
            if place.made is not None:
                return place.made, False
            place.made = make()
            return place.made, True
