"""Reading layers while somebody looks: what is shown is how much of the stored bytes has moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from occystrap.image.layer import StoredLayer, UnnamedLayer
from occystrap.image.progress import TrackedSource, tracked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from occystrap.image.layer import Layer
    from occystrap.image.progress import Progress

__all__ = ["open_stored", "open_tar"]

#: `sha256:` and the twelve digits that docker shows.
_LABEL: Final = 19


def open_tar(layer: Layer, number: int, progress: Progress) -> Iterator[bytes]:
    """Read the tar of a layer, which is the one at place `number` from 0."""
    task = progress.task(*_described(layer, number))
    try:
        if isinstance(layer, StoredLayer | UnnamedLayer):
            yield from layer.over(TrackedSource(layer.source, task)).open_tar()
        else:
            yield from tracked(layer.open_tar(), task)
    finally:
        task.finish()


def open_stored(layer: Layer, number: int, progress: Progress) -> Iterator[bytes]:
    """Read the stored bytes of a layer."""
    task = progress.task(*_described(layer, number))
    try:
        yield from tracked(layer.open_stored(), task)
    finally:
        task.finish()


def _described(layer: Layer, number: int) -> tuple[str, int | None]:
    if isinstance(layer, StoredLayer | UnnamedLayer):
        named = layer.stored.digest if isinstance(layer, StoredLayer) else layer.diff_id
        return str(named)[:_LABEL], layer.source.size
    return f"layer {number + 1}", None
