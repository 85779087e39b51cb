"""Long texts made to keep a parser busy.

At these lengths a parser that goes over its text again and again, as a regular expression with a
choice of ways does, takes minutes, and the run's faulthandler ends it; one that goes over it once
takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from occystrap.errors import InvalidInput
from occystrap.oci.challenge import Scope, parse_challenges, parse_token
from occystrap.oci.diagnostics import parse_diagnostics
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Config, parse_manifest
from occystrap.oci.media_types import lookup
from occystrap.oci.platform import Platform
from occystrap.oci.redaction import redact_url
from occystrap.oci.reference import Reference
from occystrap.oci.routes import parse_route

LENGTH = 100_000

PARSERS: dict[str, Callable[[str], object]] = {
    "challenges": lambda text: parse_challenges([text]),
    "config": lambda text: Config.parse(text.encode()),
    "diagnostics": lambda text: parse_diagnostics(text.encode()),
    "digest": Digest.parse,
    "manifest": lambda text: parse_manifest(text.encode()),
    "media type": lookup,
    "platform": Platform.parse,
    "redaction": redact_url,
    "reference": Reference.parse,
    "reference without host": lambda text: Reference.parse(text, "h"),
    "route": parse_route,
    "scope": Scope.parse,
    "token": lambda text: parse_token(text.encode()),
}
BEGINNINGS = {
    "challenges": [
        "Bearer ",
        'Bearer realm="',
        "Bearer realm=x,",
        "Bearer a",
        "Bearer a=",
        "Bearer a =",
    ],
    "diagnostics": ["<html>", "<html><title>", "<html><title", "<Code>", '{"errors":['],
    "manifest": ['{"schemaVersion":2,"mediaType":"'],
    "platform": ["linux/", "linux(", "linux/arm/"],
    "redaction": ["https://h/", "https://h/?", "https://", "https://["],
    "reference": ["h.io/", "a:", "a@", "[", "h:5/a", "localhost/"],
    "route": ["/v2/", "/v2/a/manifests/", "/v2/a/blobs/uploads/"],
    "scope": ["repository:"],
}
PIECES = [
    *"a-_./:@, =?&[]()<>\\\"'{%\n\té٣",
    'a="b",',
    "a=b, ",
    'a="',
    "\\\\",
    "a b ",
    "a.",
    "a-",
    "a/",
    "__",
    "<title",
    "<title>",
    "</title",
    "<Code ",
    "/manifests/",
    "/blobs/uploads/",
    "/tags/list",
    "%2F",
    "&n=",
    "sha256:",
    '{"a":',
    '"a",',
    "9",
]


@pytest.mark.parametrize("name", PARSERS)
def test_no_text_keeps_a_parser_busy(name: str) -> None:
    """Any piece again and again, after any beginning, ends in a value or a named error at once."""
    for beginning in ("", *BEGINNINGS.get(name, [])):
        for piece in PIECES:
            text = beginning + piece * (LENGTH // len(piece))
            for end in ("", "!"):
                try:
                    PARSERS[name](text + end)
                except InvalidInput as error:
                    assert len(str(error)) < 2000  # noqa: PT017 - either outcome is fine
