"""What every input offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from occystrap.image.element import ImageElement
    from occystrap.oci.digest import Digest
    from occystrap.oci.manifest import Index, Manifest

__all__ = ["ImageInput", "IndexInput", "Pushed", "always_fetch"]


def always_fetch(digest: str) -> bool:  # noqa: ARG001 - the shape of a fetch callback
    """Want every layer."""
    return True


class ImageInput(Protocol):
    """An image that can be read.

    `image` and `tag` are the name that it goes by; outputs that name images use it.
    """

    image: str
    tag: str

    def fetch(
        self, fetch_callback: Callable[[str], bool] = always_fetch, *, ordered: bool = True
    ) -> Iterator[ImageElement]:
        """Yield the config, then the layers.

        A layer whose name `fetch_callback` declines comes without content. Unless `ordered`,
        layers may come in any order; `layer_index` tells their place.

        Raises:
            ImageInputError: the image can't be read.
        """
        ...

    def get_manifest(self) -> Manifest | None:
        """Return the manifest as the source stores it; None when it has none."""
        ...

    def get_config(self) -> bytes:
        """Return the bytes of the image configuration."""
        ...

    def close(self) -> None:
        """Give up what the input holds; may be called twice."""
        ...


@runtime_checkable
class IndexInput(ImageInput, Protocol):
    """An image that may be there for several platforms, with an index of them."""

    def get_root(self) -> Manifest | Index:
        """Read what the name stands for: the manifest, or the index."""
        ...

    def at(self, digest: Digest) -> Self:
        """Name another manifest of the same place, sharing what this input holds."""
        ...


@runtime_checkable
class Pushed(Protocol):
    """An image that somebody pushes here, who can be spared what its destination has.

    `held` tells the size of a blob that is there already, None if it isn't.
    """

    held: Callable[[Digest], int | None] | None
