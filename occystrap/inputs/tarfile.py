"""Images in tar files: of `docker save` in all its shapes, of its kin, and OCI layouts.

Rule: opening an image reads its documents and checks that everything is there; layers stay in the
file until somebody reads them.
"""

from __future__ import annotations

import os as operating_system
from typing import TYPE_CHECKING, final

from occystrap.errors import ImageInputError, InvalidInput
from occystrap.image.archive import Archive
from occystrap.image.archived import NAMELESS, split_name
from occystrap.image.docker_save import MANIFEST, docker_save_names, read_docker_save
from occystrap.image.oci_layout import INDEX, oci_layout_names, read_oci_layout
from occystrap.inputs.base import always_fetch
from occystrap.oci.platform import Platform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from occystrap.image.archived import ArchivedImage
    from occystrap.image.element import ImageElement
    from occystrap.oci.manifest import Manifest

__all__ = ["Image", "image_names"]


@final
class Image:
    """An image in a tar file.

    Of several the first, or the one that `select` names; of an OCI layout for several platforms,
    the one for the platform. Without a name in the file, image and tag are `unknown`.
    """

    def __init__(
        self,
        path: str | operating_system.PathLike[str],
        *,
        select: str | None = None,
        os: str = "linux",
        architecture: str = "amd64",
        variant: str = "",
        temp_dir: str | None = None,
    ) -> None:
        """Open the file; `temp_dir` is where one that is compressed as a whole is unpacked.

        Raises:
            ImageInputError: it can't be read, or isn't such a file.
            PlatformNotFound: the image is there for other platforms.
            VerificationError: a document isn't what its name says.
        """
        self.path = operating_system.fspath(path)
        self._archive = Archive.open(self.path, temp_dir)
        try:
            platform = Platform(os, architecture, variant)
            self._image = _read(self._archive, platform, select)
        except BaseException as error:
            self._archive.close()
            if isinstance(error, InvalidInput):
                raise ImageInputError(f"{self.path}: {error}") from error
            raise
        name = select or next(iter(self._image.names), "")
        self.image, self.tag = split_name(name) if name else NAMELESS

    def fetch(
        self,
        fetch_callback: Callable[[str], bool] = always_fetch,
        *,
        ordered: bool = True,  # noqa: ARG002 - layers never come in another order
    ) -> Iterator[ImageElement]:
        """Yield the config, then the layers in their order; layers are named by their diff_id."""
        return self._image.elements(fetch_callback)

    def get_manifest(self) -> Manifest | None:
        """Return the manifest of an OCI layout; archives of `docker save` have none to keep."""
        return self._image.manifest

    def get_config(self) -> bytes:
        """Return the bytes of the image configuration."""
        return self._image.config.raw

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._archive.close()


def image_names(path: str, *, temp_dir: str | None = None) -> list[str]:
    """List the names of all images in a tar file; `Image(path, select=name)` opens one of them.

    Raises:
        ImageInputError: it can't be read, or isn't such a file.
    """
    archive = Archive.open(path, temp_dir)
    try:
        if MANIFEST in archive:
            return docker_save_names(archive)
        if INDEX in archive:
            return oci_layout_names(archive)
        raise _of_no_kind(archive)
    except InvalidInput as error:
        raise ImageInputError(f"{path}: {error}") from error
    finally:
        archive.close()


def _read(archive: Archive, platform: Platform, select: str | None) -> ArchivedImage:
    if MANIFEST in archive:
        return read_docker_save(archive, select)
    if INDEX in archive:
        return read_oci_layout(archive, platform, select)
    raise _of_no_kind(archive)


def _of_no_kind(archive: Archive) -> ImageInputError:
    if "repositories" in archive:
        return ImageInputError(
            f"{archive.path}: Invalid tarball: it is in the format of Docker before 1.10, which has"
            f" no {MANIFEST}. Convert it with docker load and docker save."
        )
    return ImageInputError(
        f"{archive.path}: Invalid tarball: no {MANIFEST} found. This does not appear to be a valid"
        " docker save tarball, nor an OCI layout."
    )
