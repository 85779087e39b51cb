"""The images of a recording, put into a store.

Rule: what was seen counts, however it was: pulled, pushed whole or in chunks, mounted, or come from
storage. Content is what its digest says, and what isn't is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from occystrap.errors import InvalidDigest, InvalidManifest
from occystrap.oci.digest import Digest, Digester
from occystrap.oci.manifest import Index as ImageIndex
from occystrap.oci.manifest import Manifest, parse_manifest
from occystrap.oci.routes import Route, RouteKind
from occystrap.server.store import Store
from pytest_occystrap.cassettes.bodies import Body
from pytest_occystrap.cassettes.form import Cassette, Ending, Interaction
from pytest_occystrap.cassettes.index import question_of
from pytest_occystrap.cassettes.meaning import Question
from pytest_occystrap.cassettes.sessions import Place, session_of

__all__ = ["load_images"]

_OK: Final = 200
_CREATED: Final = 201
_TAKEN: Final = range(200, 300)
_MOST: Final = 4 * 1024 * 1024  # a manifest; https://distribution.github.io/distribution/ has it so

Content = Sequence[Body]


def load_images(cassette: Cassette, store: Store) -> list[str]:
    """Put them there, and return their names: `repository:tag`, or `repository@digest`.

    An image that only indexes name isn't listed. Blobs that were never seen are missing.

    Raises:
        CassetteError: a body can't be read.
    """
    seen = _Seen()
    for interaction in cassette.interactions:
        if interaction.ending is Ending.COMPLETE and interaction.response is not None:
            seen.take(interaction)
    return list(dict.fromkeys(seen.put(store)))


@dataclass(slots=True)
class _Seen:
    """What has been seen so far."""

    contents: dict[Digest, Content] = field(default_factory=dict[Digest, Content])
    #: Which blobs a repository has.
    shown: defaultdict[str, set[Digest]] = field(default_factory=lambda: defaultdict(set))
    manifests: list[tuple[Route, Manifest | ImageIndex]] = field(
        default_factory=list[tuple[Route, Manifest | ImageIndex]]
    )
    chunks: defaultdict[Place, list[Body]] = field(default_factory=lambda: defaultdict(list))

    def take(self, interaction: Interaction) -> None:
        """Look at an exchange."""
        response, body = interaction.response, interaction.request.body
        assert response is not None  # noqa: S101 - narrows the type
        question = question_of(interaction)
        if response.status not in _TAKEN:
            return
        if question.method == "GET" and response.status == _OK:
            body = response.body
        if body.size:
            self.contents[body.digest] = (body,)
        self._take_chunk(question, interaction.request.body)
        route = question.route
        if route is None:
            return
        if route.kind is RouteKind.MANIFEST and question.method in ("GET", "PUT"):
            self._take_manifest(route, body)
        elif (digest := _blob_of(question, route, response.status)) is not None:
            self.shown[route.repository].add(digest)

    def _take_chunk(self, question: Question, body: Body) -> None:
        place = session_of(question)
        if place is None:
            return
        if body.size:
            self.chunks[place].append(body)
        digest = _parameter(question, "digest")
        if question.method == "PUT" and digest is not None and self.chunks[place]:
            self.contents[digest] = tuple(self.chunks.pop(place))

    def _take_manifest(self, route: Route, body: Body) -> None:
        if route.digest not in (None, body.digest) or body.size > _MOST:
            return
        try:
            manifest = parse_manifest(body.read())
        except InvalidManifest:  # of schema 1
            return
        self.manifests.append((route, manifest))

    def put(self, store: Store) -> Iterator[str]:
        """Put it all into a store."""
        for route, manifest in self.manifests:
            self.shown[route.repository].update(_blobs_of(manifest))
        for repository, digests in self.shown.items():
            for digest in sorted(digests & self.contents.keys(), key=str):
                _keep(store, repository, digest, self.contents[digest])
        children = {
            (route.repository, child.digest)
            for route, manifest in self.manifests
            if isinstance(manifest, ImageIndex)
            for child in manifest.manifests
        }
        for route, manifest in self.manifests:
            tag = None if route.digest else route.item
            store.add_manifest(route.repository, manifest, tag)
            if tag is not None:
                yield f"{route.repository}:{tag}"
            elif (route.repository, manifest.digest) not in children:
                yield f"{route.repository}@{manifest.digest}"


def _blob_of(question: Question, route: Route, status: int) -> Digest | None:
    """Say which blob an exchange has shown to be there."""
    if route.kind is RouteKind.BLOB and question.method in ("GET", "HEAD") and status == _OK:
        return route.digest
    if status != _CREATED or route.kind not in (RouteKind.UPLOADS, RouteKind.UPLOAD):
        return None
    return _parameter(question, "digest") or _parameter(question, "mount")


def _parameter(question: Question, name: str) -> Digest | None:
    text = dict(question.query).get(name)
    try:
        return None if text is None else Digest.parse(text)
    except InvalidDigest:
        return None


def _blobs_of(manifest: Manifest | ImageIndex) -> set[Digest]:
    if isinstance(manifest, ImageIndex):
        return set()
    return {manifest.config.digest, *(layer.digest for layer in manifest.layers)}


def _keep(store: Store, repository: str, digest: Digest, content: Content) -> None:
    draft, digester = store.new_draft(), Digester(digest.algorithm)

    def hashed() -> Iterator[bytes]:
        for body in content:
            for piece in body:
                digester.update(piece)
                yield piece

    draft.append(hashed())
    if digester.digest == digest:
        draft.keep(repository, digest)
    else:
        draft.discard()
