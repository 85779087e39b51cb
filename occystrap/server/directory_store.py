"""A store in a directory, laid out as the reference implementation lays out its own.

Rule: content comes under its final name by one rename, and a link to it only after that; so
whatever a reader finds is whole. Bytes of removed content stay until they are collected, as
with the reference implementation (`docker-registry garbage-collect`), which can serve the same
directory. Files are not synchronised to the disk: a crash of the machine, not of the process,
may lose or damage what came last.
Spec: https://github.com/distribution/distribution/blob/v2.8.3/registry/storage/paths.go
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Index, Manifest, parse_manifest
from occystrap.server.store import Blob, Draft

__all__ = ["DirectoryStore"]

_PIECE: Final = 1024 * 1024
_ABANDONED_SECONDS: Final = 24 * 3600


class _FileDraft:
    """Bytes on their way in, in a file without a final name."""

    def __init__(self, store: DirectoryStore, path: Path) -> None:
        self._store = store
        self._path = path
        path.touch()

    def append(self, pieces: Iterable[bytes]) -> None:
        """Add pieces."""
        with self._path.open("ab") as file:
            for piece in pieces:
                file.write(piece)

    def read(self) -> Iterator[bytes]:
        """Go over all bytes from the first."""
        whole = _FileBlob(self._path, self._path.stat().st_size)
        return whole.read(0, whole.size)

    def keep(self, repository: str, digest: Digest) -> None:
        """Make the file a blob."""
        self._store.add_blob(repository, digest, self._path)

    def discard(self) -> None:
        """Drop the bytes."""
        self._path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _FileBlob:
    """A blob."""

    path: Path
    size: int

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Read a part of it."""
        with self.path.open("rb", buffering=0) as file:
            file.seek(start)
            while start < stop and (piece := file.read(min(_PIECE, stop - start))):
                start += len(piece)
                yield piece


class DirectoryStore:
    """Keep everything in files; made anew on the same directory, it has everything still.

    Drafts that a process left behind are removed a day later.
    """

    def __init__(self, directory: Path, *, now: Callable[[], float] = time.time) -> None:
        root = directory / "docker/registry/v2"
        self._contents = root / "blobs"
        self._repositories = root / "repositories"
        self._drafts = root / "drafts"
        self._lock = threading.Lock()
        for folder in (self._contents, self._repositories, self._drafts):
            folder.mkdir(parents=True, exist_ok=True)
        for draft in self._drafts.iterdir():
            if draft.stat().st_mtime < now() - _ABANDONED_SECONDS:
                draft.unlink(missing_ok=True)

    def _content(self, digest: Digest) -> Path:
        return self._contents / digest.algorithm / digest.encoded[:2] / digest.encoded / "data"

    def _layer(self, repository: str, digest: Digest) -> Path:
        layers = self._repositories / repository / "_layers"
        return layers / digest.algorithm / digest.encoded / "link"

    def _revision(self, repository: str, digest: Digest) -> Path:
        revisions = self._repositories / repository / "_manifests/revisions"
        return revisions / digest.algorithm / digest.encoded / "link"

    def _tag(self, repository: str, tag: str) -> Path:
        return self._repositories / repository / "_manifests/tags" / tag

    def _new_path(self) -> Path:
        return self._drafts / uuid.uuid4().hex

    def _place(self, path: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)

    def _write(self, target: Path, text: str | bytes) -> None:
        path = self._new_path()
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self._place(path, target)

    def new_draft(self) -> Draft:
        """Begin to take bytes."""
        return _FileDraft(self, self._new_path())

    def add_blob(self, repository: str, digest: Digest, path: Path) -> None:
        """Take over a file, on the same file system, as a blob."""
        self._place(path, self._content(digest))
        self._write(self._layer(repository, digest), str(digest))

    def blob(self, repository: str, digest: Digest) -> Blob | None:
        """Look a blob up."""
        if not self._layer(repository, digest).exists():
            return None
        path = self._content(digest)
        with contextlib.suppress(FileNotFoundError):
            return _FileBlob(path, path.stat().st_size)
        return None

    def mount_blob(self, digest: Digest, source: str, target: str) -> bool:
        """Show a blob in another repository."""
        if self.blob(source, digest) is None:
            return False
        self._write(self._layer(target, digest), str(digest))
        return True

    def remove_blob(self, repository: str, digest: Digest) -> bool:
        """Take a blob out of a repository."""
        return _unlink(self._layer(repository, digest))

    def remove_content(self, digest: Digest) -> None:
        """Remove the bytes of what no repository has any more, rather than leave them."""
        shutil.rmtree(self._content(digest).parent, ignore_errors=True)

    def add_manifest(self, repository: str, manifest: Manifest | Index, tag: str | None) -> None:
        """Keep a manifest."""
        digest = manifest.digest
        self._write(self._content(digest), manifest.raw)
        with self._lock:
            self._write(self._revision(repository, digest), str(digest))
            if tag is not None:
                folder = self._tag(repository, tag)
                index = folder / "index" / digest.algorithm / digest.encoded / "link"
                self._write(index, str(digest))
                self._write(folder / "current/link", str(digest))

    def manifest(self, repository: str, digest: Digest) -> Manifest | Index | None:
        """Look a manifest up."""
        if not self._revision(repository, digest).exists():
            return None
        with contextlib.suppress(FileNotFoundError):
            raw = self._content(digest).read_bytes()
            return parse_manifest(raw, algorithm=digest.algorithm)
        return None

    def manifests(self, repository: str) -> Iterator[Manifest | Index]:
        """Go over all manifests of a repository."""
        revisions = self._repositories / repository / "_manifests/revisions"
        for link in sorted(revisions.glob("*/*/link")):
            encoded = link.parent
            manifest = self.manifest(repository, Digest(encoded.parent.name, encoded.name))
            if manifest is not None:
                yield manifest

    def remove_manifest(self, repository: str, digest: Digest) -> bool:
        """Remove a manifest and its tags."""
        with self._lock:
            for tag in self.tags(repository) or ():
                if self.tagged(repository, tag) == digest:
                    shutil.rmtree(self._tag(repository, tag))
            return _unlink(self._revision(repository, digest))

    def tagged(self, repository: str, tag: str) -> Digest | None:
        """Look up what a tag points at."""
        with contextlib.suppress(FileNotFoundError):
            return Digest.parse((self._tag(repository, tag) / "current/link").read_text().strip())
        return None

    def remove_tag(self, repository: str, tag: str) -> bool:
        """Remove a tag."""
        with self._lock:
            if self.tagged(repository, tag) is None:
                return False
            shutil.rmtree(self._tag(repository, tag))
            return True

    def tags(self, repository: str) -> Sequence[str] | None:
        """List the tags."""
        folder = self._repositories / repository
        if not any((folder / kind).is_dir() for kind in ("_layers", "_manifests")):
            return None
        return [link.parent.parent.name for link in folder.glob("_manifests/tags/*/current/link")]

    def repositories(self) -> Sequence[str]:
        """List the repositories."""
        found = []
        for folder, names, _ in os.walk(self._repositories):
            if not {"_layers", "_manifests"}.isdisjoint(names):
                found.append(Path(folder).relative_to(self._repositories).as_posix())
            names[:] = [name for name in names if not name.startswith("_")]
        return found


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
