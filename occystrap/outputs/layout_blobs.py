"""Where the blobs of an OCI layout go, and those of one that is a directory.

Rule: a blob gets its name when it is whole; index.json, by which an image appears, is written last,
and keeps whatever else it has. Nobody who adds to the same directory at the same time is lost.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
"""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, final

from occystrap.client.download import once_more
from occystrap.errors import ImageOutputError, InvalidInput, OccystrapError
from occystrap.image.file_directory import FileDirectory
from occystrap.image.oci_layout import INDEX, LAYOUT, REF_NAME, blob_path
from occystrap.image.staged import StagedDirectory
from occystrap.oci.digest import verified
from occystrap.oci.documents import encode, load_object, objects
from occystrap.oci.media_types import OCI_INDEX

if TYPE_CHECKING:
    from occystrap.image.archived import ImageFiles
    from occystrap.image.layer import Source
    from occystrap.oci.descriptor import Descriptor
    from occystrap.oci.digest import Digest

__all__ = ["LAYOUT_FILE", "Claims", "DirectoryBlobs", "LayoutBlobs", "with_entry"]

#: What oci-layout holds.
LAYOUT_FILE: Final = b'{"imageLayoutVersion":"1.0.0"}'


class LayoutBlobs(Protocol):
    """A layout under way, filled by several threads."""

    def store(self, descriptor: Descriptor, source: Source) -> bool:
        """Store a blob, from a source that checks it; False if it is there already.

        Raises:
            VerificationError: the source says that the bytes aren't those of the descriptor.
            ImageOutputError: the system can't.
        """
        ...

    def add(self, descriptor: Descriptor, content: bytes) -> None:
        """Store a document."""
        ...

    def publish(self, entry: Descriptor, name: str) -> None:
        """Let the image appear under a name, in place of any that has it; without one if empty."""
        ...

    def open(self) -> ImageFiles:
        """Read what was written."""
        ...

    def discard(self) -> None:
        """Remove what isn't published; may be called twice."""
        ...


def with_entry(raw: bytes | None, entry: Descriptor, name: str) -> bytes:
    """Write index.json with one more image."""
    document: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    if raw is not None:
        document |= load_object(raw, INDEX)
    kept = [each for each in objects(document, "manifests", INDEX) if _other(each, entry, name)]
    annotations = ((REF_NAME, name),) if name else ()
    document["manifests"] = [*kept, replace(entry, annotations=annotations).to_document()]
    return encode(document)


def _other(there: dict[str, Any], entry: Descriptor, name: str) -> bool:
    """Say whether an entry stays beside a new one."""
    annotations = there.get("annotations") or {}
    named = annotations.get(REF_NAME) if isinstance(annotations, dict) else None
    if name:
        return named != name
    return bool(annotations) or there.get("digest") != str(entry.digest)


@final
class Claims:
    """Which blobs have been begun, so that each is stored once."""

    def __init__(self) -> None:
        self.digests: dict[Digest, None] = {}
        self._lock = threading.Lock()

    def claim(self, digest: Digest) -> bool:
        """Begin a blob; False if it has been begun before."""
        with self._lock:
            if digest in self.digests:
                return False
            self.digests[digest] = None
            return True


def _make_room(path: Path) -> None:
    """Make the directories of a blob, but not that of the layout: it may be gone on purpose."""
    for directory in (path.parent.parent, path.parent):
        directory.mkdir(exist_ok=True)


@final
class DirectoryBlobs:
    """A layout that is a directory; one that is there is added to."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Make room for it.

        Raises:
            ImageOutputError: it can't be written, or is a directory of something else.
        """
        self._staged = StagedDirectory(path)
        self._claims = Claims()
        if not self._staged.is_empty() and not self._staged.in_place(LAYOUT).is_file():
            self.discard()
            raise ImageOutputError(f"can't add to {self._staged.path}: it is no OCI layout")

    def store(self, descriptor: Descriptor, source: Source) -> bool:
        """Store a blob, unless the layout has it already, whole."""
        if self._is_there(descriptor) or not self._claims.claim(descriptor.digest):
            return False
        path = self._staged.root / blob_path(descriptor.digest)
        with self._staged.failing():
            _make_room(path)
        once_more(partial(self._write, path, source))
        return True

    def add(self, descriptor: Descriptor, content: bytes) -> None:
        """Store a document."""
        path = self._staged.root / blob_path(descriptor.digest)
        if self._claims.claim(descriptor.digest):
            with self._staged.failing():
                _make_room(path)
                path.write_bytes(content)

    def publish(self, entry: Descriptor, name: str) -> None:
        """Move the blobs in, and then write the list of images anew."""
        self._staged.write({LAYOUT: LAYOUT_FILE, INDEX: with_entry(None, entry, name)})
        blobs = [blob_path(digest) for digest in self._claims.digests]
        self._staged.publish([*blobs, LAYOUT, INDEX], partial(self._merge, entry, name))

    def open(self) -> ImageFiles:
        """Read the directory."""
        return FileDirectory(self._staged.path)

    def discard(self) -> None:
        """Remove what isn't published; may be called twice."""
        self._staged.discard()

    def _is_there(self, descriptor: Descriptor) -> bool:
        """Look whether the layout has a blob, and believe nothing but its bytes."""
        if not self._staged.exists:
            return False
        place = FileDirectory(self._staged.path)
        try:
            source = place.source(blob_path(descriptor.digest))
            for _ in verified(source.open(), descriptor.digest, descriptor.size):
                pass
        except OccystrapError:
            return False
        return True

    def _write(self, path: Path, source: Source) -> None:
        with self._staged.failing(), path.open("wb") as file:
            for chunk in source.open():
                file.write(chunk)

    def _merge(self, entry: Descriptor, name: str) -> None:
        """Keep what the list has by now."""
        there = self._staged.in_place(INDEX)
        try:
            raw = there.read_bytes() if there.exists() else None
            document = with_entry(raw, entry, name)
        except InvalidInput as error:
            message = f"can't add to {self._staged.path}: its {INDEX} can't be read: {error}"
            raise ImageOutputError(message) from error
        self._staged.write({INDEX: document})
