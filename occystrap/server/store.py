"""What a registry keeps: blobs, and manifests with their tags, each within a repository.

Rule: content is named by its digest, and is seen only through repositories that it was pushed to
or mounted in. A store trusts its caller for digests (server/uploads.py verifies them) and
is safe for many threads. Names of repositories are checked by who parsed them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Index, Manifest

__all__ = ["Blob", "BlobStore", "Draft", "ManifestStore", "Store"]


class Draft(Protocol):
    """Bytes on their way in, which have no name yet."""

    def append(self, pieces: Iterable[bytes]) -> None:
        """Add pieces; when the iterable raises, those before stay."""
        ...

    def read(self) -> Iterator[bytes]:
        """Go over all bytes from the first."""
        ...

    def keep(self, repository: str, digest: Digest) -> None:
        """Make the bytes a blob, whole or not at all; the draft is used up."""
        ...

    def discard(self) -> None:
        """Drop the bytes; when they have become a blob, nothing."""
        ...


class Blob(Protocol):
    """A blob that is there, and stays readable when it is removed meanwhile."""

    @property
    def size(self) -> int:
        """Count of its bytes."""
        ...

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Read the bytes from `start` up to `stop`, piece by piece."""
        ...


class BlobStore(Protocol):
    """Blobs."""

    def new_draft(self) -> Draft:
        """Begin to take bytes."""
        ...

    def blob(self, repository: str, digest: Digest) -> Blob | None:
        """Look a blob up; None when the repository has no such blob."""
        ...

    def mount_blob(self, digest: Digest, source: str, target: str) -> bool:
        """Show a blob of one repository in another; False when the source doesn't have it."""
        ...

    def remove_blob(self, repository: str, digest: Digest) -> bool:
        """Take a blob out of a repository; False when it wasn't there."""
        ...


class ManifestStore(Protocol):
    """Manifests and indexes, and the tags that point at them."""

    def add_manifest(self, repository: str, manifest: Manifest | Index, tag: str | None) -> None:
        """Keep a manifest under its digest, and let the tag point at it."""
        ...

    def manifest(self, repository: str, digest: Digest) -> Manifest | Index | None:
        """Look a manifest up."""
        ...

    def manifests(self, repository: str) -> Iterator[Manifest | Index]:
        """Go over all manifests of a repository, in the order of their digests."""
        ...

    def remove_manifest(self, repository: str, digest: Digest) -> bool:
        """Remove a manifest and its tags; False when it wasn't there."""
        ...

    def tagged(self, repository: str, tag: str) -> Digest | None:
        """Look up what a tag points at."""
        ...

    def remove_tag(self, repository: str, tag: str) -> bool:
        """Remove a tag, not the manifest; False when it wasn't there."""
        ...

    def tags(self, repository: str) -> Sequence[str] | None:
        """List the tags, in no order; None when there is no such repository."""
        ...

    def repositories(self) -> Sequence[str]:
        """List the repositories that anything was ever pushed to, in no order."""
        ...


class Store(BlobStore, ManifestStore, Protocol):
    """Everything that a registry keeps."""
