"""Reading layers while somebody looks: what is shown is how much of the stored bytes has moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from occystrap.image.layer import StoredLayer, UnnamedLayer
from occystrap.image.progress import tracked, tracked_tar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from occystrap.image.layer import Layer
    from occystrap.image.progress import Progress

__all__ = ["open_stored", "open_tar"]

#: `sha256:` and the twelve digits that docker shows.
_LABEL: Final = 19


def open_tar(layer: Layer, number: int, progress: Progress) -> Iterator[bytes]:
    """Read the tar of a layer, which is the one at place `number` from 0."""
    return tracked_tar(layer, progress, _label(layer, number))


def open_stored(layer: Layer, number: int, progress: Progress) -> Iterator[bytes]:
    """Read the stored bytes of a layer."""
    size = layer.source.size if isinstance(layer, StoredLayer | UnnamedLayer) else None
    task = progress.task(_label(layer, number), size)
    try:
        yield from tracked(layer.open_stored(), task)
    finally:
        task.finish()


def _label(layer: Layer, number: int) -> str:
    named = layer.stored.digest if isinstance(layer, StoredLayer) else layer.diff_id
    return f"layer {number + 1}" if named is None else str(named)[:_LABEL]
