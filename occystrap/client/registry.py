"""A registry, as its users see it: manifests, blobs, tags and referrers.

Rule: what was asked for by digest is returned only if it hashes to it; Docker-Content-Digest and
Content-Type are hints, the bytes decide.
Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, final

from occystrap.client.ask import BODY_LIMIT, Ask
from occystrap.client.auth import Authorizer
from occystrap.client.credentials import Chain
from occystrap.client.download import RemoteBlob, once_more
from occystrap.client.manifests import RemoteManifest
from occystrap.client.paging import pages
from occystrap.client.session import Session
from occystrap.client.upload import BlobUpload
from occystrap.client.urls import add_query, base_url, host_of
from occystrap.errors import APIException, InvalidDigest, InvalidManifest
from occystrap.oci.challenge import Scope
from occystrap.oci.digest import Digest
from occystrap.oci.documents import list_field, load_object
from occystrap.oci.manifest import Descriptor, Index, Manifest, parse_manifest
from occystrap.oci.media_types import MANIFEST_ACCEPT, OCI_INDEX
from occystrap.oci.reference import Reference
from occystrap.oci.routes import Route, RouteKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    import httpx

    from occystrap.client.ask import Answer, Body
    from occystrap.client.auth import ScopedGrant
    from occystrap.client.credentials import Credentials
    from occystrap.client.traffic import Attempts
    from occystrap.client.upload import UploadOutcome

__all__ = ["RegistryClient"]

_NOT_FOUND: Final = 404
_BLOB_UNKNOWN: Final = "MANIFEST_BLOB_UNKNOWN"
_ABSENT: Final = frozenset({_NOT_FOUND})
#: Answers of registries that have no referrers API, or think an unknown subject is an error (Quay).
_NO_REFERRERS: Final = frozenset({400, _NOT_FOUND, 405})


@final
class RegistryClient:
    """One registry, asked by the name that people give it (`docker.io`, `localhost:5000`).

    It asks through `session`; without one it makes its own, over `client` if that is given, and
    closes what it made. `secure=False` speaks plain HTTP.
    """

    def __init__(
        self,
        registry: str,
        *,
        session: Session | None = None,
        client: httpx.Client | None = None,
        secure: bool = True,
        credentials: Credentials | None = None,
    ) -> None:
        self.registry = registry
        api_host = Reference(registry, "any/name").api_host
        self.base = base_url(api_host, secure=secure)
        self._own_session = None
        if session is None:
            session = self._own_session = Session(client)
        self.session = session
        self._authorizer = Authorizer(self.base, registry, self.session, credentials or Chain())

    def close(self) -> None:
        """Close the session, if it was made here."""
        if self._own_session is not None:
            self._own_session.close()

    def __enter__(self) -> RegistryClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def get_manifest(self, repository: str, reference: str | Digest) -> Manifest | Index:
        """Fetch a manifest or an index by tag or digest.

        Raises:
            DigestMismatch: it isn't what was asked for, or what the registry says that it is.
            InvalidManifest: the answer is neither.
            APIException: the registry has none of this name.
        """
        url = self._url(RouteKind.MANIFEST, repository, str(reference))
        wanted = _as_digest(reference)
        return RemoteManifest(self.session, self._pull(repository), url, repository, wanted).get()

    def find_manifest(self, repository: str, reference: str | Digest) -> Digest | None:
        """Ask for the digest of a manifest without fetching it; None when there is none.

        A registry that doesn't say the digest is asked for the manifest itself.
        """
        url = self._url(RouteKind.MANIFEST, repository, str(reference))
        ask = Ask("HEAD", url, {"Accept": MANIFEST_ACCEPT}, accepted=_ABSENT)
        answer = self.session.request(ask, self._pull(repository))
        if answer.status == _NOT_FOUND:
            return None
        try:
            return Digest.parse(answer.headers.get("Docker-Content-Digest", ""))
        except InvalidDigest:
            return self.get_manifest(repository, reference).digest

    def put_manifest(
        self, repository: str, reference: str | Digest, manifest: Manifest | Index
    ) -> None:
        """Store a manifest under a tag, or under its digest.

        A registry may see only a moment later that the blobs are there.
        """
        url = self._url(RouteKind.MANIFEST, repository, str(reference))
        ask = Ask("PUT", url, {"Content-Type": manifest.media_type}, manifest.raw)
        attempts = self.attempts()
        while True:
            try:
                self.session.request(ask, self._push(repository))
            except APIException as error:
                if _BLOB_UNKNOWN not in error.text or attempts.again() is not None:
                    raise
            else:
                return

    def attempts(self) -> Attempts:
        """Begin to count how often something is asked of this registry in vain."""
        return self.session.traffic.attempts(host_of(self.base))

    def delete_manifest(self, repository: str, reference: str | Digest) -> None:
        """Delete a tag, or a manifest by digest together with its tags.

        Whether that takes a right of its own, the registry says: Quay knows none.
        """
        url = self._url(RouteKind.MANIFEST, repository, str(reference))
        self.session.request(Ask("DELETE", url), self._push(repository))

    def blob(self, repository: str, descriptor: Descriptor) -> RemoteBlob:
        """Name a blob as a source of bytes; nothing is asked before it is opened."""
        url = self._url(RouteKind.BLOB, repository, str(descriptor.digest))
        grant = self._pull(repository)
        return RemoteBlob(self.session, grant, url, descriptor, self.registry, repository)

    def read_blob(self, repository: str, descriptor: Descriptor) -> bytes:
        """Fetch a small blob, such as a config, whole.

        Raises:
            InvalidManifest: it is none that would be held in memory.
        """
        if descriptor.size > BODY_LIMIT:
            raise InvalidManifest(
                f"{descriptor.digest} has {descriptor.size} bytes, and at most {BODY_LIMIT} are"
                " read at once"
            )
        return once_more(lambda: b"".join(self.blob(repository, descriptor).open()))

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """Ask whether a repository holds a blob."""
        url = self._url(RouteKind.BLOB, repository, str(digest))
        return self.session.request(Ask("HEAD", url, accepted=_ABSENT), self._pull(repository)).ok

    def blob_size(self, repository: str, digest: Digest) -> int | None:
        """Ask how large a blob is; None if the repository doesn't hold it, or doesn't say."""
        url = self._url(RouteKind.BLOB, repository, str(digest))
        answer = self.session.request(Ask("HEAD", url, accepted=_ABSENT), self._pull(repository))
        length = answer.headers.get("Content-Length", "")
        return int(length) if answer.ok and length.isdecimal() else None

    def upload_blob(
        self,
        repository: str,
        descriptor: Descriptor,
        body: bytes | Body,
        *,
        mount_from: str = "",
        chunk: int | None = None,
    ) -> UploadOutcome:
        """Make a repository hold a blob; one that is there already isn't sent.

        `mount_from` is a repository of the same registry that has it. `chunk` sends it in chunks
        of so many bytes instead of at once.
        """
        upload = BlobUpload(self.session, self._authorizer, self.base, repository, descriptor, body)
        return replace(upload, mount_from=mount_from, chunk=chunk).run()

    def tags(self, repository: str, *, page_size: int | None = None) -> Iterator[str]:
        """Yield the tags of a repository, page by page."""
        url = self._url(RouteKind.TAGS, repository)
        if page_size is not None:
            url = add_query(url, n=str(page_size))
        for answer in pages(self.session, self._pull(repository), url, {}):
            document = load_object(answer.read(), "the list of tags")
            yield from (str(tag) for tag in list_field(document, "tags", "the list of tags"))

    def referrers(
        self, repository: str, subject: Digest, artifact_type: str = ""
    ) -> tuple[Descriptor, ...]:
        """List the manifests that refer to another one, by the API or by the fallback tag.

        Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
        """
        url = self._url(RouteKind.REFERRERS, repository, str(subject))
        if artifact_type:
            url = add_query(url, artifactType=artifact_type)
        found: list[Descriptor] = []
        headers = {"Accept": OCI_INDEX}
        for answer in pages(self.session, self._pull(repository), url, headers, _NO_REFERRERS):
            if not answer.ok:
                found += self._tagged_referrers(repository, subject)
                break
            found += _manifests_of(answer)
        return tuple(d for d in found if artifact_type in ("", d.artifact_type))

    def _tagged_referrers(self, repository: str, subject: Digest) -> tuple[Descriptor, ...]:
        url = self._url(RouteKind.MANIFEST, repository, f"{subject.algorithm}-{subject.encoded}")
        ask = Ask("GET", url, {"Accept": OCI_INDEX}, accepted=_ABSENT)
        answer = self.session.request(ask, self._pull(repository))
        return _manifests_of(answer) if answer.ok else ()

    def _pull(self, repository: str) -> ScopedGrant:
        return self._authorizer.grant(Scope.repository(repository, "pull"))

    def _push(self, repository: str) -> ScopedGrant:
        return self._authorizer.grant(Scope.repository(repository, "pull", "push"))

    def _url(self, kind: RouteKind, repository: str, item: str = "") -> str:
        return self.base + Route(kind, repository, item).path


def _as_digest(reference: str | Digest) -> Digest | None:
    if isinstance(reference, Digest):
        return reference
    return Digest.parse(reference) if ":" in reference else None


def _manifests_of(answer: Answer) -> tuple[Descriptor, ...]:
    index = parse_manifest(answer.read(), OCI_INDEX)
    assert isinstance(index, Index)  # noqa: S101 - what came as one and isn't was refused
    return index.manifests
