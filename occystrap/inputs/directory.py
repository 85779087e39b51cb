"""Images in a directory that `dir://` has written.

Rule: the documents say what there is; every layer verifies itself when it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from occystrap.errors import ImageInputError, InvalidInput
from occystrap.image.archived import NAMELESS, same_name, split_name
from occystrap.image.docker_save import MANIFEST, read_docker_save
from occystrap.image.element import ImageElement
from occystrap.image.file_directory import FileDirectory
from occystrap.inputs.base import always_fetch
from occystrap.oci.documents import load_object

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from occystrap.image.file_directory import PathSource
    from occystrap.oci.manifest import Manifest

__all__ = ["CATALOG", "Image"]

CATALOG = "catalog.json"


@final
class _OneImage:
    """The files of a directory, with the manifest of one image under the name that all have."""

    def __init__(self, files: FileDirectory, manifest: str) -> None:
        self._files = files
        self._manifest = manifest
        self.path = files.path

    def __contains__(self, name: str) -> bool:
        return self._name(name) in self._files

    def source(self, name: str) -> PathSource:
        return self._files.source(self._name(name))

    def read(self, name: str) -> bytes:
        return self._files.read(self._name(name))

    def close(self) -> None:
        self._files.close()

    def _name(self, name: str) -> str:
        return self._manifest if name == MANIFEST else name


@final
class Image:
    """An image in a directory: the one that `select` names, or else the one of manifest.json."""

    def __init__(self, path: str | os.PathLike[str], *, select: str | None = None) -> None:
        """Read its documents.

        Raises:
            ImageInputError: there is no such image, or a file is missing.
            VerificationError: the config isn't what its name says.
        """
        files = FileDirectory(path)
        self.path = files.path
        try:
            (self.image, self.tag), manifest = _find(files, select)
            self._image = read_docker_save(_OneImage(files, manifest))
        except InvalidInput as error:
            raise ImageInputError(f"{self.path}: {error}") from error
        if (self.image, self.tag) == NAMELESS and self._image.names:
            self.image, self.tag = split_name(self._image.names[0])

    def fetch(
        self,
        fetch_callback: Callable[[str], bool] = always_fetch,
        *,
        ordered: bool = True,  # noqa: ARG002 - layers never come in another order
    ) -> Iterator[ImageElement]:
        """Yield the config, then the layers in their order; layers are named by their diff_id."""
        return self._image.elements(fetch_callback)

    def get_manifest(self) -> Manifest | None:
        """Return None: there is no manifest as registries have it."""
        return None

    def get_config(self) -> bytes:
        """Return the bytes of the image configuration."""
        return self._image.config.raw

    def close(self) -> None:
        """Do nothing: nothing stays open."""


def _find(files: FileDirectory, select: str | None) -> tuple[tuple[str, str], str]:
    """Find the name of an image and its manifest."""
    listed = _catalog(files)
    if select is None:
        if MANIFEST in files:
            named = [name for name, manifest in listed.items() if manifest == MANIFEST]
            return named[-1] if len(named) == 1 else NAMELESS, MANIFEST
        if len(listed) == 1:
            return next(iter(listed.items()))
        raise ImageInputError(f"{files.path}: no {MANIFEST} found{_there_is(listed)}")
    for (image, tag), manifest in listed.items():
        if same_name(f"{image}:{tag}", select):
            return (image, tag), manifest
    # The registry may be left away where that leaves no doubt.
    shorter = [name for name in listed if ":".join(name).endswith(f"/{select}")]
    if len(shorter) == 1:
        return shorter[0], listed[shorter[0]]
    raise ImageInputError(f"{files.path} holds no image {select!r}{_there_is(listed)}")


def _there_is(listed: dict[tuple[str, str], str]) -> str:
    names = ", ".join(repr(f"{image}:{tag}") for image, tag in listed)
    return f"; there is: {names} (image=NAME chooses one)" if names else ""


def _catalog(files: FileDirectory) -> dict[tuple[str, str], str]:
    """Read which manifest belongs to which image and tag."""
    if CATALOG not in files:
        return {}
    listed: dict[tuple[str, str], str] = {}
    for image, tags in load_object(files.read(CATALOG), CATALOG).items():
        found: dict[str, Any] = tags if isinstance(tags, dict) else {}
        listed |= {(image, tag): str(manifest) for tag, manifest in found.items()}
    return listed
