"""Where the fake docker-registry answers otherwise than the recorded one, each with the reason.

Most of it was met before, by who asks both at random: tests/contract/differences.py.
"""

from __future__ import annotations

import re
from typing import Final

from tests.contract.differences import SIDE_BY_SIDE
from tests.recorded.differences import Difference, Rule

__all__ = ["EVERYWHERE", "SINGLE"]

_ISSUER: Final = "tokens came of a small issuer of the tests, and docker-registry has none"

EVERYWHERE: Final = (
    Rule(
        re.compile(r"GET /token -> 200"),
        Difference(
            ("body", "cache-control", "content-type", "docker-distribution-api-version"), _ISSUER
        ),
    ),
)

_HOST: Final = "it takes a first part in capitals for a host, as docker does; no client asks so"
_OF_TEXT: Final = ("content-type", "x-content-type-options")
_PULLS: Final = ("distribution/pull", "distribution/http2-pull")


def _of_pulls(number: int, what: tuple[str, ...], name: str) -> dict[tuple[str, int], Difference]:
    """Say what differs over HTTP/1.1 and HTTP/2, and in the contract under that name."""
    difference = Difference(what, SIDE_BY_SIDE[name].because)
    return {(cassette, number): difference for cassette in _PULLS}


#: Recording and number of the exchange -> what differs there alone.
SINGLE: Final = {
    **_of_pulls(12, ("body", "docker-content-digest", "etag"), "manifest of the first form"),
    **_of_pulls(20, ("status", "body", "content-type"), "several ranges"),
    **_of_pulls(
        21, ("body", "cache-control", "docker-content-digest", "etag", *_OF_TEXT), "headers of 416"
    ),
    ("distribution/errors", 4): Difference(("status", "body"), SIDE_BY_SIDE["no digest"].because),
    ("distribution/errors", 9): Difference(("body", *_OF_TEXT), _HOST),
    ("distribution/errors", 12): Difference(
        ("status", "body", "cache-control", "docker-distribution-api-version", *_OF_TEXT),
        SIDE_BY_SIDE["root"].because,
    ),
    ("distribution/errors", 13): Difference(("body",), SIDE_BY_SIDE["words of a parser"].because),
    ("distribution/errors", 25): Difference(
        ("status", "body", "docker-upload-uuid", "location", "range", *_OF_TEXT), _HOST
    ),
    ("distribution/errors", 37): Difference(
        ("status", "body", "allow", *_OF_TEXT), SIDE_BY_SIDE["method of the API's root"].because
    ),
    ("distribution/token", 7): Difference(
        ("body", "content-type", "docker-distribution-api-version", "www-authenticate"), _ISSUER
    ),
}
