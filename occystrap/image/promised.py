"""How large a layer will be once it is inflated, told by its end.

Rule: it is a promise and no more. Of several gzip members the end knows only the last, its four
bytes are too few for 4 GiB, and nothing of it is verified.
Spec: https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from occystrap.image.layer import StoredLayer
from occystrap.oci.media_types import Compression, lookup

if TYPE_CHECKING:
    from occystrap.image.layer import Layer

__all__ = ["HasEnd", "is_brief", "promised_size", "promises"]

#: Stored layers below are there as soon as an answer about their end would be.
_BRIEF: Final = 2 * 1024 * 1024
#: The tars of those above may well have more bytes than the end can tell.
_MOST: Final = 1024 * 1024 * 1024
_SIZE_FIELD: Final = 4
_TAR_BLOCK: Final = 512


@runtime_checkable
class HasEnd(Protocol):
    """A source whose last bytes can be had before all others."""

    def read_end(self, count: int) -> bytes:
        """Read so many bytes from the end, unverified; none where that isn't possible."""
        ...


def promises(layer: Layer) -> bool:
    """Whether the end of a layer can be asked for the size of its tar."""
    if not isinstance(layer, StoredLayer) or not isinstance(layer.source, HasEnd):
        return False
    known = lookup(layer.stored.media_type)
    gzip = known is not None and known.compression is Compression.GZIP
    return gzip and layer.diff_id is not None and layer.stored.size <= _MOST


def is_brief(layer: Layer) -> bool:
    """Whether a layer is fetched as soon as asked."""
    return layer.stored is not None and layer.stored.size < _BRIEF


def promised_size(layer: Layer) -> int | None:
    """Ask the end of a layer; None for what can't be the size of its tar."""
    if not isinstance(layer, StoredLayer) or not isinstance(layer.source, HasEnd):
        return None
    end = layer.source.read_end(_SIZE_FIELD)
    size = int.from_bytes(end, "little")
    # What can't be compressed becomes a little larger; what is much smaller is a last member.
    possible = 0 < layer.stored.size <= size + size // 100 and size % _TAR_BLOCK == 0
    return size if possible else None
