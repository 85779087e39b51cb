"""Tar files for `docker load`, which podman and skopeo read as well.

Rule: layers are plain tars, named by their digest and stored once; the file appears when every one
of them is what the config says.
Spec: https://github.com/moby/docker-image-spec/blob/v1.3.1/v1.2.md#combined-image-json--filesystem-changeset-format
"""

from __future__ import annotations

import contextlib
import os
from functools import partial
from typing import TYPE_CHECKING, final

from occystrap.client.download import once_more
from occystrap.errors import InvalidInput
from occystrap.image.archive_writer import ArchiveWriter, BrokenPromise
from occystrap.image.archived import NAMELESS
from occystrap.image.docker_save import MANIFEST
from occystrap.image.element import CONFIG_FILE
from occystrap.image.layer import tar_size
from occystrap.image.progress import NoProgress
from occystrap.image.promised import is_brief, promised_size, promises
from occystrap.image.workers import Workers
from occystrap.oci.digest import Digest, Digester
from occystrap.oci.reference import Reference, join_name
from occystrap.outputs.base import Moved
from occystrap.outputs.layer_progress import open_tar
from occystrap.outputs.saved_image import SavedImage, member_of
from occystrap.outputs.tarfile_checks import ExpectedTarball, check_tarball

if TYPE_CHECKING:
    from occystrap.image.archive_writer import Place
    from occystrap.image.checks import CheckResults
    from occystrap.image.element import ImageElement
    from occystrap.image.layer import Layer
    from occystrap.image.progress import Progress
    from occystrap.image.spool import Spool

__all__ = ["TarWriter", "repository_tags"]


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
        self._side_by_side = max_workers > 1
        self._saved = SavedImage()

    def fetch_callback(self, digest: str) -> bool:  # noqa: ARG002 - the shape of the callback
        """Want every layer."""
        return True

    def process_image_element(self, element: ImageElement) -> None:
        """Take the config, and have a layer stored as soon as a worker is free.

        Raises:
            DigestMismatch: the config isn't what its name says.
            ImageOutputError: a layer has no content, or the file can't be written.
        """
        saved = self._saved
        if element.element_type == CONFIG_FILE:
            saved.take_config(element)
            if saved.count == 0:
                self._archive.add(saved.config_name, saved.config)
            return
        number, layer = saved.place(element)
        if saved.is_repeated(number, layer):
            self._archive.skip(number)
            self.moved.count(layers=1, skipped=1)
        else:
            if self._announces(layer):
                self._archive.announce(number)
            self._workers.submit(partial(self._store, number, layer))

    def finalize(self) -> None:
        """Wait for all layers, and let the file appear.

        Raises:
            DigestMismatch: a layer isn't the one that the config names.
            ImageOutputError: no config came, or another number of layers than it names.
        """
        self._workers.wait()
        saved = self._saved
        saved.check()
        if saved.config_name not in self._archive.sizes:
            self._archive.add(saved.config_name, saved.config)
        self._archive.add(MANIFEST, self._manifest())
        self._archive.publish()

    def verify(self, *, full: bool = False) -> CheckResults:
        """Look whether the file holds the image; `full` hashes every layer in it again."""
        saved = self._saved
        names = {member_of(diff_id): diff_id for diff_id in saved.in_order()}
        sizes = self._archive.sizes
        expected = ExpectedTarball(
            (MANIFEST, self._manifest()),
            (saved.config_name, saved.config),
            {name: (diff_id, sizes.get(name, 0)) for name, diff_id in names.items()},
        )
        return check_tarball(self.path, expected, full=full)

    def close(self) -> None:
        """Stop what is under way, and remove the file unless it is finished."""
        self._workers.stop()
        self._archive.discard()

    def _store(self, number: int, layer: Layer) -> None:
        """Write a layer; an open tar with a diff_id checks itself against it."""
        target = self._open(number, layer)
        try:
            diff_id = self._fill(number, layer, target)
        except BrokenPromise:
            if layer.diff_id is None:
                raise
            target = self._archive.give_way(member_of(layer.diff_id))
            diff_id = self._fill(number, layer, target)
        self._saved.diff_ids[number] = diff_id
        self.moved.count(layers=1, size=target.size)

    def _open(self, number: int, layer: Layer) -> Place | Spool:
        """Find the place of a layer: at once if its size is known, or promised."""
        diff_id, size = layer.diff_id, tar_size(layer)
        if diff_id is None:
            return self._archive.open(number)
        promised = size is None and self._announces(layer)
        if promised and is_brief(layer):
            return self._archive.open_brief()
        if promised:
            size = promised_size(layer)
        return self._archive.open(number, member_of(diff_id), size, promised=promised)

    def _announces(self, layer: Layer) -> bool:
        """Whether others wait for the size of a layer; a layer alone is always next."""
        return self._side_by_side and promises(layer)

    def _fill(self, number: int, layer: Layer, target: Place | Spool) -> Digest:
        diff_id = once_more(partial(self._write, number, layer, target))
        self._archive.commit(number, member_of(diff_id), target)
        return diff_id

    def _write(self, number: int, layer: Layer, target: Place | Spool) -> Digest:
        """Write the tar of a layer from its start, and return its digest."""
        target.restart()
        digester = Digester()
        tar = open_tar(layer, number, self._progress)
        with contextlib.closing(self._workers.guard(tar)) as chunks:
            for chunk in chunks:
                if layer.diff_id is None:
                    digester.update(chunk)
                target.write(chunk)
        return layer.diff_id or digester.digest

    def _manifest(self) -> bytes:
        return self._saved.manifest(repository_tags(self.image, self.tag))
