"""What a client of the proxy sees: what was pushed, and else what is downstream.

Rule: manifests are downstream only, for a tag has to name what is there. Nothing is removed through
the proxy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, final

from occystrap.oci.diagnostics import ErrorCode
from occystrap.oci.digest import Digest
from occystrap.server.answers import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from occystrap.oci.manifest import Index, Manifest
    from occystrap.proxy.downstream import Remote
    from occystrap.proxy.session import SessionStore
    from occystrap.server.store import Blob, Draft

__all__ = ["ProxyStore"]


def _refuse() -> NoReturn:
    raise Refusal(ErrorCode.UNSUPPORTED, "the proxy passes images on, and changes none")


@final
class ProxyStore:
    """A Store over what was pushed and what is downstream.

    `pushed` is a manifest that is on its way, seen in every repository. With `mounts` a blob of one
    repository downstream may be mounted in another.
    """

    def __init__(
        self,
        session: SessionStore,
        downstream: Remote,
        *,
        mounts: bool = False,
        pushed: Manifest | Index | None = None,
    ) -> None:
        self._session = session
        self._downstream = downstream
        self._mounts = mounts
        self._pushed = pushed

    def new_draft(self) -> Draft:
        """Begin to take bytes."""
        return self._session.new_draft()

    def blob(self, repository: str, digest: Digest) -> Blob | None:
        """Look a blob up."""
        found = self._session.blob(repository, digest)
        return self._downstream.blob(repository, digest) if found is None else found

    def mount_blob(self, digest: Digest, source: str, target: str) -> bool:
        """Show a blob of one repository in another."""
        if self._session.mount_blob(digest, source, target):
            return True
        return self._mounts and self._downstream.mount_blob(digest, source, target)

    def manifest(self, repository: str, digest: Digest) -> Manifest | Index | None:
        """Look a manifest up."""
        pushed = self._pushed
        if pushed is not None and Digest.of(pushed.raw, digest.algorithm) == digest:
            return pushed
        return self._downstream.manifest(repository, digest)

    def tagged(self, repository: str, tag: str) -> Digest | None:
        """Look up what a tag points at."""
        return self._downstream.tagged(repository, tag)

    def tags(self, repository: str) -> Sequence[str] | None:
        """List the tags."""
        return self._downstream.tags(repository)

    def remove_blob(self, repository: str, digest: Digest) -> bool:  # noqa: ARG002 - a Store's
        """Refuse."""
        _refuse()

    def add_manifest(
        self,
        repository: str,  # noqa: ARG002
        manifest: Manifest | Index,  # noqa: ARG002
        tag: str | None,  # noqa: ARG002
    ) -> None:
        """Refuse: manifests are delivered."""
        _refuse()

    def remove_manifest(self, repository: str, digest: Digest) -> bool:  # noqa: ARG002
        """Refuse."""
        _refuse()

    def remove_tag(self, repository: str, tag: str) -> bool:  # noqa: ARG002
        """Refuse."""
        _refuse()

    def manifests(self, repository: str) -> Iterator[Manifest | Index]:  # noqa: ARG002
        """Refuse: no registry lists them."""
        _refuse()

    def repositories(self) -> Sequence[str]:
        """Refuse: what is downstream may be more than clients are to see."""
        _refuse()
