"""Tar files for `docker load`, which podman and skopeo read as well.

Rule: layers are plain tars, named by their digest and stored once; the file appears when every one
of them is what the config says.
Spec: https://github.com/moby/docker-image-spec/blob/v1.3.1/v1.2.md#combined-image-json--filesystem-changeset-format
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from functools import partial
from typing import TYPE_CHECKING, Final, final

from occystrap.client.download import once_more
from occystrap.errors import DigestMismatch, ImageOutputError, InvalidInput
from occystrap.image.archive_writer import ArchiveWriter
from occystrap.image.archived import NAMELESS
from occystrap.image.docker_save import MANIFEST
from occystrap.image.element import CONFIG_FILE
from occystrap.image.layer import StoredLayer, tar_size
from occystrap.image.progress import NoProgress, tracked_tar
from occystrap.image.workers import Workers
from occystrap.oci.digest import Digest, Digester
from occystrap.oci.manifest import Config
from occystrap.oci.reference import Reference, join_name
from occystrap.outputs.base import Moved
from occystrap.outputs.tarfile_checks import ExpectedTarball, check_tarball

if TYPE_CHECKING:
    from collections.abc import Iterator

    from occystrap.image.archive_writer import Place
    from occystrap.image.checks import CheckResults
    from occystrap.image.element import ImageElement
    from occystrap.image.layer import Layer
    from occystrap.image.progress import Progress
    from occystrap.image.spool import Spool

__all__ = ["TarWriter", "repository_tags"]

#: `sha256:` and the twelve digits that docker shows.
_LABEL: Final = 19
_CONFIG_NAME: Final = re.compile(r"[a-f0-9]{64}(?=\.json$)")


def repository_tags(image: str, tag: str) -> list[str]:
    """Name an image as `docker save` does: whole, but without what goes without saying.

    What has no tag, such as an image by digest, or no name that docker would take, gets none.
    """
    try:
        reference = Reference.parse(join_name(image, tag))
    except InvalidInput:
        return []
    if reference.tag is None or image == NAMELESS[0]:
        return []
    return [f"{reference.familiar}:{reference.tag}"]


@final
class TarWriter:
    """Writes one image into a tar file; layers are decompressed side by side."""

    requires_ordered_layers = False

    def __init__(
        self,
        image: str,
        tag: str,
        path: str | os.PathLike[str],
        *,
        max_workers: int = 4,
        temp_dir: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Begin the file; `image` may have a host, without one it is of Docker Hub.

        Raises:
            ImageOutputError: it can't be written there.
        """
        self.image = image
        self.tag = tag
        self.path = os.fspath(path)
        self.moved = Moved()
        self._progress = progress or NoProgress()
        self._archive = ArchiveWriter(path, temp_dir)
        self._workers = Workers(max_workers)
        self._config = b""
        self._diff_ids: dict[int, Digest] = {}
        self._begun: set[Digest] = set()
        self._count = 0

    def fetch_callback(self, digest: str) -> bool:  # noqa: ARG002 - the shape of the callback
        """Want every layer."""
        return True

    def process_image_element(self, element: ImageElement) -> None:
        """Take the config, and have a layer stored as soon as a worker is free.

        Raises:
            DigestMismatch: the config isn't what its name says.
            ImageOutputError: a layer has no content, or the file can't be written.
        """
        if element.element_type == CONFIG_FILE:
            self._take_config(element)
            return
        layer = element.open_layer()
        if layer is None:
            raise ImageOutputError(f"layer {element.name} came without content")
        number = self._count if element.layer_index is None else element.layer_index
        self._count += 1
        if layer.diff_id is not None and layer.diff_id in self._begun:
            self._diff_ids[number] = layer.diff_id
            self._archive.skip(number)
            self.moved.count(layers=1, skipped=1)
            return
        if layer.diff_id is not None:
            self._begun.add(layer.diff_id)
        self._workers.submit(partial(self._store, number, layer))

    def finalize(self) -> None:
        """Wait for all layers, and let the file appear.

        Raises:
            DigestMismatch: a layer isn't the one that the config names.
            ImageOutputError: no config came, or another number of layers than it names.
        """
        self._workers.wait()
        if not self._config:
            raise ImageOutputError("No config file was processed")
        self._check_layers()
        if _config_name(self._config) not in self._archive.sizes:
            self._archive.add(_config_name(self._config), self._config)
        self._archive.add(MANIFEST, self._manifest())
        self._archive.publish()

    def verify(self, *, full: bool = False) -> CheckResults:
        """Look whether the file holds the image; `full` hashes every layer in it again."""
        names = {_member(diff_id): diff_id for diff_id in self._in_order()}
        sizes = self._archive.sizes
        expected = ExpectedTarball(
            (MANIFEST, self._manifest()),
            (_config_name(self._config), self._config),
            {name: (diff_id, sizes.get(name, 0)) for name, diff_id in names.items()},
        )
        return check_tarball(self.path, expected, full=full)

    def close(self) -> None:
        """Stop what is under way, and remove the file unless it is finished."""
        self._workers.stop()
        self._archive.discard()

    def _take_config(self, element: ImageElement) -> None:
        self._config = element.read_config()
        named = _CONFIG_NAME.match(element.name)
        actual = Digest.of(self._config)
        if named is not None and named[0] != actual.encoded:
            raise DigestMismatch(f"sha256:{named[0]}", str(actual), "the image configuration")
        if self._count == 0:
            self._archive.add(_config_name(self._config), self._config)

    def _store(self, number: int, layer: Layer) -> None:
        """Write a layer; an open tar with a diff_id checks itself against it."""
        diff_id = layer.diff_id
        name, size = (None, None) if diff_id is None else (_member(diff_id), tar_size(layer))
        target = self._archive.open(number, name, size)
        diff_id = once_more(partial(self._write, number, layer, target))
        self._archive.commit(number, _member(diff_id), target)
        self._diff_ids[number] = diff_id
        self.moved.count(layers=1, size=target.size)

    def _write(self, number: int, layer: Layer, target: Place | Spool) -> Digest:
        """Write the tar of a layer from its start, and return its digest."""
        target.restart()
        digester = Digester()
        with contextlib.closing(self._workers.guard(self._tracked(number, layer))) as chunks:
            for chunk in chunks:
                if layer.diff_id is None:
                    digester.update(chunk)
                target.write(chunk)
        return layer.diff_id or digester.digest

    def _tracked(self, number: int, layer: Layer) -> Iterator[bytes]:
        """Read the tar of a layer, and show how far it is."""
        label = f"layer {number + 1}"
        named = layer.stored.digest if isinstance(layer, StoredLayer) else layer.diff_id
        if named is not None:
            label = str(named)[:_LABEL]
        return tracked_tar(layer, self._progress, label)

    def _in_order(self) -> list[Digest]:
        return [self._diff_ids[number] for number in sorted(self._diff_ids)]

    def _check_layers(self) -> None:
        """Hold the layers against the config."""
        expected = Config.parse(self._config).diff_ids
        if sorted(self._diff_ids) != list(range(len(expected))):
            raise ImageOutputError(
                f"the config names {len(expected)} layers, but {len(self._diff_ids)} came"
            )
        for number, (wanted, actual) in enumerate(
            zip(expected, self._in_order(), strict=True), start=1
        ):
            if actual != wanted:
                what = f"layer {number} of {len(expected)}"
                raise DigestMismatch(str(wanted), str(actual), what)

    def _manifest(self) -> bytes:
        entry = {
            "Config": _config_name(self._config),
            "RepoTags": repository_tags(self.image, self.tag),
            "Layers": [_member(diff_id) for diff_id in self._in_order()],
        }
        return json.dumps([entry], separators=(",", ":")).encode()


def _config_name(config: bytes) -> str:
    return f"{Digest.of(config).encoded}.json"


def _member(diff_id: Digest) -> str:
    """Name the member of a layer; 64 digits are enough, and fit a plain header."""
    return f"{diff_id.encoded[:64]}/layer.tar"
