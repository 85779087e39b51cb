"""What every output offers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol, final, runtime_checkable

if TYPE_CHECKING:
    from occystrap.image.checks import CheckResults
    from occystrap.image.element import ImageElement
    from occystrap.oci.manifest import Index, Manifest

__all__ = ["ImageOutput", "IndexOutput", "ManifestOutput", "Moved"]


@final
class Moved:
    """What an output has written: layers, the bytes that moved, and layers that had not to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.layers = 0
        self.size = 0
        self.skipped = 0

    def count(self, *, layers: int = 0, size: int = 0, skipped: int = 0) -> None:
        """Add to the counts; safe from any thread."""
        with self._lock:
            self.layers += layers
            self.size += size
            self.skipped += skipped


class ImageOutput(Protocol):
    """A place that an image is written to.

    `close` ends it on every way out; before `finalize` has returned it also removes whatever was
    written.
    """

    @property
    def moved(self) -> Moved:
        """What has been written so far."""
        ...

    @property
    def requires_ordered_layers(self) -> bool:
        """Whether layers have to come lowest first."""
        ...

    def fetch_callback(self, digest: str) -> bool:
        """Whether the layer of this name is wanted."""
        ...

    def process_image_element(self, element: ImageElement) -> None:
        """Take the config or a layer; may return before its bytes have moved.

        Raises:
            OccystrapError: this or an earlier element failed.
        """
        ...

    def finalize(self) -> None:
        """Wait for all bytes, and let the image appear under its final name."""
        ...

    def verify(self, *, full: bool = False) -> CheckResults:
        """Look at what was written; `full` reads all of it again."""
        ...

    def close(self) -> None:
        """Give up what the output holds; may be called twice."""
        ...


@runtime_checkable
class ManifestOutput(Protocol):
    """A place that keeps manifests; `manifest` is what was stored."""

    manifest: Manifest | Index | None


@runtime_checkable
class IndexOutput(ImageOutput, ManifestOutput, Protocol):
    """A place that keeps indexes as well, and what they list."""

    def store_index(self, index: Index) -> None:
        """Store an index, byte for byte; everything that it lists has to be there."""
        ...
