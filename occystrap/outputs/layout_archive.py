"""Where the blobs of an OCI layout go that is a tar.

Rule: layers stand where they are finished, documents at the end, and index.json comes last.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
"""

from __future__ import annotations

import os
import threading
from functools import partial
from typing import TYPE_CHECKING, final

from occystrap.client.download import once_more
from occystrap.image.archive import Archive
from occystrap.image.archive_writer import ArchiveWriter
from occystrap.image.oci_layout import INDEX, LAYOUT, blob_path
from occystrap.outputs.layout_blobs import LAYOUT_FILE, Claims, with_entry

if TYPE_CHECKING:
    from occystrap.image.archive_writer import Place
    from occystrap.image.archived import ImageFiles
    from occystrap.image.layer import Source
    from occystrap.image.spool import Spool
    from occystrap.oci.descriptor import Descriptor

__all__ = ["ArchiveBlobs"]


@final
class ArchiveBlobs:
    """A layout that is a tar, of one image or one index."""

    def __init__(self, path: str | os.PathLike[str], temp_dir: str | None = None) -> None:
        """Begin the file.

        Raises:
            ImageOutputError: it can't be written there.
        """
        self._path = os.fspath(path)
        self._temp_dir = temp_dir
        self._archive = ArchiveWriter(path, temp_dir, with_directories=True)
        self._claims = Claims()
        self._documents: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._number = 0

    def store(self, descriptor: Descriptor, source: Source) -> bool:
        """Store a blob, unless it is there already."""
        if not self._claims.claim(descriptor.digest):
            return False
        with self._lock:
            number, self._number = self._number, self._number + 1
            self._archive.announce(number)  # its size is known: nobody behind it has to spool
        name = blob_path(descriptor.digest)
        target = self._archive.open(number, name, descriptor.size)
        once_more(partial(_fill, target, source))
        self._archive.commit(number, name, target)
        return True

    def add(self, descriptor: Descriptor, content: bytes) -> None:
        """Keep a document: they stand at the end."""
        with self._lock:
            self._documents[blob_path(descriptor.digest)] = content

    def publish(self, entry: Descriptor, name: str) -> None:
        """Write the documents, and let the file appear."""
        for path, content in sorted(self._documents.items()):
            self._archive.add(path, content)
        self._archive.add(LAYOUT, LAYOUT_FILE)
        self._archive.add(INDEX, with_entry(None, entry, name))
        self._archive.publish()

    def open(self) -> ImageFiles:
        """Read the file."""
        return Archive.open(self._path, self._temp_dir)

    def discard(self) -> None:
        """Remove the file unless it is published; may be called twice."""
        self._archive.discard()


def _fill(target: Place | Spool, source: Source) -> None:
    target.restart()
    for chunk in source.open():
        target.write(chunk)
