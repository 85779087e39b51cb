"""Fetching manifests: checked against every digest that is known, and asked for twice in doubt.

Rule: the bytes decide what a manifest is. What a registry says of it by tag is a hint: when it
doesn't fit, the manifest is fetched again, and then looked for under the digest that it has.
Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from occystrap.client.ask import Ask
from occystrap.client.urls import host_of
from occystrap.errors import DigestMismatch, InvalidDigest, InvalidManifest, OccystrapError
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Index, Manifest, parse_manifest
from occystrap.oci.media_types import MANIFEST_ACCEPT

if TYPE_CHECKING:
    from occystrap.client.ask import Answer
    from occystrap.client.session import Grant, Session

__all__ = ["RemoteManifest"]


@final
@dataclass(frozen=True, slots=True)
class RemoteManifest:
    """A manifest in a registry; `wanted` is its digest, if it is asked for by that."""

    session: Session
    grant: Grant | None
    url: str
    repository: str
    wanted: Digest | None

    def get(self) -> Manifest | Index:
        """Fetch it, and once more if what came can't be it.

        Raises:
            DigestMismatch: it isn't what was asked for, or what the registry says that it is.
            InvalidManifest: it is no manifest.
            ExchangeError: the registry doesn't give it.
        """
        attempts = self.session.traffic.attempts(host_of(self.url))
        first: OccystrapError | None = None
        while True:
            try:
                return self._fetch(is_repeated=first is not None)
            except (DigestMismatch, InvalidManifest) as error:
                if first is not None or attempts.again() is not None:
                    raise
                first = error

    def _fetch(self, *, is_repeated: bool) -> Manifest | Index:
        answer = self.session.request(Ask("GET", self.url, _ACCEPT), self.grant)
        raw = answer.read()
        told = self.wanted or _told(answer)
        algorithm = "sha256" if told is None else told.algorithm
        actual = Digest.of(raw, algorithm)
        # Before it is parsed: it may be half of a manifest.
        if told is not None and actual != told:
            mismatch = DigestMismatch(str(told), str(actual), f"manifest of {self.repository}")
            if self.wanted is not None or not is_repeated or not self._is_there(actual):
                raise mismatch
        wanted = "sha256" if self.wanted is None else self.wanted.algorithm
        return parse_manifest(raw, answer.headers.get("Content-Type", ""), algorithm=wanted)

    def _is_there(self, digest: Digest) -> bool:
        """Ask whether the registry knows these bytes by their true name, whatever it said."""
        url = f"{self.url.rpartition('/')[0]}/{digest}"
        ask = Ask("HEAD", url, _ACCEPT, accepted=frozenset({404}))
        return self.session.request(ask, self.grant).ok


_ACCEPT = {"Accept": MANIFEST_ACCEPT}


def _told(answer: Answer) -> Digest | None:
    try:
        return Digest.parse(answer.headers.get("Docker-Content-Digest", ""))
    except InvalidDigest:
        return None
