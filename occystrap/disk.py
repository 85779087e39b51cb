"""Images on disks: which scheme is which of our formats, and what its options mean.

Rule: a scheme is a row of a table. Who the process is decides here, once, what files it can make.
What reads or writes a format is imported when somebody asks for that format.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from occystrap.errors import InvalidOption, PipelineError
from occystrap.image.archived import NAMELESS
from occystrap.image.budget import DEFAULT_LIMIT
from occystrap.oci.media_types import Compression
from occystrap.side import chosen_platform, text_option

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from occystrap.image.progress import Progress
    from occystrap.inputs import oci_layout as layout_input
    from occystrap.inputs.base import ImageInput
    from occystrap.options import Options
    from occystrap.outputs.base import ImageOutput
    from occystrap.outputs.layout_blobs import LayoutBlobs
    from occystrap.outputs.oci_layout import LayoutWriter
    from occystrap.outputs.runtime_config import BundleOptions
    from occystrap.outputs.unpacked_layers import UnpackingOptions
    from occystrap.uri import URISpec

__all__ = ["DISK_INPUTS", "DISK_OUTPUTS", "DiskTarget", "layout_source", "layout_target"]


@dataclass(frozen=True, slots=True)
class DiskTarget:
    """A destination on a disk, for an image of this name; `max_workers` is what its source says.

    `echo` gets what is to be told about it.
    """

    spec: URISpec
    options: Options
    progress: Progress
    image: str
    tag: str
    max_workers: int
    echo: Callable[[str], None]

    @property
    def path(self) -> str:
        """Where it is."""
        return _path(self.spec, "output ")

    @property
    def workers(self) -> int:
        """How many layers are written at once."""
        return int(self._chosen.get("max_workers", self.max_workers))

    @property
    def unpacking(self) -> UnpackingOptions:
        """How layers are extracted."""
        from occystrap.outputs.unpacked_layers import UnpackingOptions

        return UnpackingOptions(
            privileged=os.geteuid() == 0,
            devices=bool(self._chosen.get("devices", False)),
            max_bytes=int(self._chosen.get("max_bytes", DEFAULT_LIMIT)),
            max_workers=self.workers,
            temp_dir=self.options.temp_dir,
        )

    @property
    def bundle(self) -> BundleOptions:
        """What config.json says that the image doesn't."""
        from occystrap.outputs.runtime_config import BundleOptions

        user = os.geteuid()
        return BundleOptions(
            readonly=bool(self._chosen.get("readonly", False)),
            terminal=bool(self._chosen.get("terminal", False)),
            owner=None if user == 0 else (user, os.getegid()),
        )

    @property
    def _chosen(self) -> Mapping[str, Any]:
        return self.spec.options


def _path(spec: URISpec, role: str = "") -> str:
    if not spec.path:
        raise PipelineError(f"{spec.scheme}:// {role}URI requires a path")
    return spec.path


def _compression(name: str | None) -> Compression | None:
    try:
        return None if name is None else Compression(name)
    except ValueError as error:
        known = ", ".join(sorted(each.value for each in Compression))
        raise InvalidOption(f"there is no compression {name!r} (known: {known})") from error


def layout_source(spec: URISpec, options: Options) -> layout_input.Image:
    """Make a source of the schemes `ocidir` and `ocitar`."""
    from occystrap.inputs import oci_layout as layout_input

    return layout_input.Image(
        _path(spec),
        text_option(spec, "tag", None),
        archive=spec.scheme == "ocitar",
        platform=chosen_platform(spec, options),
        temp_dir=options.temp_dir,
    )


def layout_target(target: DiskTarget) -> LayoutWriter:
    """Make a destination of the schemes `ocidir` and `ocitar`."""
    from occystrap.outputs.oci_layout import LayoutWriter

    spec, options = target.spec, target.options
    compression = _compression(text_option(spec, "compression", options.compression))
    kept = "" if target.tag == NAMELESS[1] or ":" in target.tag else target.tag
    name = text_option(spec, "tag", kept) or ""
    return LayoutWriter(
        _layout_blobs(target),
        name,
        compression=compression,
        level=options.compression_level,
        max_workers=target.workers,
        temp_dir=options.temp_dir,
        progress=target.progress,
    )


def _layout_blobs(target: DiskTarget) -> LayoutBlobs:
    if target.spec.scheme == "ocitar":
        from occystrap.outputs.layout_archive import ArchiveBlobs

        return ArchiveBlobs(target.path, target.options.temp_dir)
    from occystrap.outputs.layout_blobs import DirectoryBlobs

    return DirectoryBlobs(target.path)


def _tar_source(spec: URISpec, options: Options) -> ImageInput:
    from occystrap.inputs import tarfile as tar_input

    return tar_input.Image(
        _path(spec),
        temp_dir=options.temp_dir,
        os=options.os,
        architecture=options.architecture,
        variant=options.variant,
    )


def _tar(target: DiskTarget) -> ImageOutput:
    from occystrap.outputs.tarfile import TarWriter

    return TarWriter(
        target.image,
        target.tag,
        target.path,
        max_workers=target.max_workers,
        temp_dir=target.options.temp_dir,
        progress=target.progress,
    )


def _directory_source(spec: URISpec, options: Options) -> ImageInput:  # noqa: ARG001 - a row
    from occystrap.inputs import directory as directory_input

    return directory_input.Image(_path(spec), select=text_option(spec, "image", None))


def _directory(target: DiskTarget) -> ImageOutput:
    from occystrap.outputs.directory import DirWriter

    chosen = target.spec.options
    return DirWriter(
        target.image,
        target.tag,
        target.path,
        unpacking=target.unpacking,
        unique_names=bool(chosen.get("unique_names", False)),
        expand=bool(chosen.get("expand", False)),
        progress=target.progress,
    )


def _bundle(target: DiskTarget) -> ImageOutput:
    from occystrap.outputs.bundle import BundleWriter

    return BundleWriter(
        target.path, bundle=target.bundle, unpacking=target.unpacking, progress=target.progress
    )


def _mounts(target: DiskTarget) -> ImageOutput:
    from occystrap.outputs.mounts import MountsWriter

    return MountsWriter(
        target.image,
        target.tag,
        target.path,
        bundle=target.bundle,
        unpacking=target.unpacking,
        progress=target.progress,
        tell=target.echo if target.spec.options.get("mount", False) else None,
    )


DISK_INPUTS: Final[Mapping[str, Callable[[URISpec, Options], ImageInput]]] = {
    "dir": _directory_source,
    "ocidir": layout_source,
    "ocitar": layout_source,
    "tar": _tar_source,
}
DISK_OUTPUTS: Final[Mapping[str, Callable[[DiskTarget], ImageOutput]]] = {
    "dir": _directory,
    "mounts": _mounts,
    "oci": _bundle,
    "ocidir": layout_target,
    "ocitar": layout_target,
    "tar": _tar,
}
