"""Which bodies are content-addressed: manifests, blobs and pieces of them.

Rule: such a body is never changed, for its digest is its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urldefrag, urljoin

from occystrap.server.message import Headers
from pytest_occystrap.cassettes.bodies import Body
from pytest_occystrap.cassettes.form import Cassette, Interaction

__all__ = ["Addressed"]

_DIGEST: Final = re.compile(r"sha(?:256|512):[0-9a-f]{64,128}")
_PULL: Final = re.compile(r"/v2/.+/(?:manifests|blobs)/[^/]+")
_PUSH: Final = re.compile(r"/v2/.+/(?:manifests/[^/]+|blobs/uploads/.*)")
_STORED: Final = re.compile(r".*/sha256[:/](?:[0-9a-f]{2}/)?[0-9a-f]{64}(?:/data)?")
_REDIRECTS: Final = range(300, 400)


@dataclass(frozen=True, slots=True)
class Addressed:
    """Knows which digests a cassette names, and where its blobs are redirected to."""

    digests: frozenset[str]
    targets: frozenset[str]

    @classmethod
    def of(cls, cassette: Cassette) -> Addressed:
        """Look through a cassette."""
        digests: set[str] = set()
        targets: set[str] = set()
        for interaction in cassette.interactions:
            request, answer = interaction.request, interaction.response
            texts = [unquote(request.url), *(value for _, value in request.headers)]
            if answer is not None:
                texts += [unquote(value) for _, value in answer.headers]
                location = answer.headers.get("location")
                pulled = _PULL.fullmatch(request.path) or request.url in targets
                if answer.status in _REDIRECTS and location and pulled:
                    targets.add(urldefrag(urljoin(request.url, location)).url)
            for text in texts:
                digests.update(_DIGEST.findall(text))
        return cls(frozenset(digests), frozenset(targets))

    def has_request(self, interaction: Interaction) -> bool:
        """Say whether the body of the request is."""
        request = interaction.request
        is_push = request.method in ("PUT", "PATCH", "POST") and _PUSH.fullmatch(request.path)
        return self._is_named(request.body) or bool(is_push)

    def has_response(self, interaction: Interaction) -> bool:
        """Say whether the body of the response is."""
        request, answer = interaction.request, interaction.response
        if answer is None:
            return False
        if self._is_named(answer.body):
            return True
        if request.method != "GET" or answer.status not in (200, 206):
            return False
        path = unquote(request.path)
        return bool(
            _PULL.fullmatch(path) or _STORED.fullmatch(path) or request.url in self.targets
        ) and not _is_page(answer.headers)

    def _is_named(self, body: Body) -> bool:
        return body.size > 0 and str(body.digest) in self.digests


def _is_page(headers: Headers) -> bool:
    """Say whether something answers with a page of its own, as portals of networks do."""
    return (headers.get("content-type") or "").startswith("text/html")
