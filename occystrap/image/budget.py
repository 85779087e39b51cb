"""How much an image may take on the disk.

Rule: what a few bytes promise to become is counted while it comes, and stops the run before it
fills a disk: the bytes of tars, the holes of sparse files, and a block for every entry.
"""

from __future__ import annotations

import threading
from typing import Final, final

from occystrap.errors import ImageInputError

__all__ = ["DEFAULT_LIMIT", "Budget"]

#: More than the largest images that people pull, and less than most disks.
DEFAULT_LIMIT: Final = 64 * 1024**3
#: What an entry without content takes: a block of a file system, and about as much of its tables.
_ENTRY: Final = 4096


@final
class Budget:
    """So many bytes for all layers of an image; used by several threads at once."""

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._taken = 0
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        """Take some.

        Raises:
            ImageInputError: there aren't so many.
        """
        with self._lock:
            self._taken += count
            taken = self._taken
        if taken > self._limit:
            raise ImageInputError(
                f"the image takes more than {self._limit} bytes on the disk"
                " (max_bytes=N at the destination allows N)"
            )

    def take_entry(self) -> None:
        """Take what every entry needs."""
        self.take(_ENTRY)
