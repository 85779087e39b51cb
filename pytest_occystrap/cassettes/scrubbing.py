"""Cassettes without their secrets: each is replaced, wherever it is, by the same placeholder.

Rule: doing it again changes nothing, and the same cassette becomes the same cassette. A scrubbed
recording still hangs together: a signed `Location` is the URL of the request that follows, and the
token that one answer gives is the one that the next request brings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import astuple

from pytest_occystrap.cassettes.credentials import decoded_pair
from pytest_occystrap.cassettes.encodings import TEXT_LIMIT, decode
from pytest_occystrap.cassettes.form import Cassette
from pytest_occystrap.cassettes.vault import Vault
from pytest_occystrap.cassettes.walk import Walk

__all__ = ["scrub", "scrub_knowing"]


def scrub(cassette: Cassette, internal_hosts: Collection[str] = ()) -> Cassette:
    """Return a cassette whose secrets are replaced; `internal_hosts` are secrets, too.

    Manifests and blobs stay as they are, whatever is in them: they are what their digests say.

    Raises:
        CassetteError: a body can't be read.
    """
    return scrub_knowing(cassette, internal_hosts)[0]


def scrub_knowing(
    cassette: Cassette, internal_hosts: Collection[str] = ()
) -> tuple[Cassette, frozenset[str]]:
    """Do the same, and return the secrets that were replaced, too."""
    vault = Vault(_texts(cassette), internal_hosts)
    walk = Walk(vault)
    walk.through(cassette)  # a secret may be met where nobody could tell, before it is known
    return walk.through(cassette), vault.secrets


def _texts(cassette: Cassette) -> Iterator[str]:
    """List all that may hold placeholders already."""
    yield from astuple(cassette.provenance)
    yield str(cassette.metadata)
    for each in cassette.interactions:
        yield each.request.url
        yield each.note
        for message in (each.request, each.response):
            if message is None:
                continue
            for _, value in message.headers:
                yield value
                scheme, _, rest = value.partition(" ")
                if scheme.lower() == "basic" and (pair := decoded_pair(rest)):
                    yield ":".join(pair)
            coding = (message.headers.get("content-encoding") or "").strip().lower()
            if message.body.size <= TEXT_LIMIT:
                yield decode(message.body.read(), coding) or ""
