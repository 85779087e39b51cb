"""What a recording of several ranges needs to be read is left in it."""

from __future__ import annotations

from occystrap.server.message import Headers
from pytest_occystrap.cassettes.form import (
    Cassette,
    Interaction,
    RecordedRequest,
    RecordedResponse,
)
from pytest_occystrap.cassettes.scrubbing import scrub


def test_the_boundary_of_several_ranges_stays() -> None:
    """It is random, and stands in the body, too: without it nobody could read the parts."""
    boundary = "5fef4d1be17e6d8e3ac6a9b7a0f1c5de8b3b5c2d19f7d2b0a1a4c6b8d0e2"
    content_type = f"multipart/byteranges; boundary={boundary}"
    answer = RecordedResponse(206, headers=Headers({"Content-Type": content_type}))
    request = RecordedRequest("GET", f"https://r.test/v2/a/blobs/sha256:{'0' * 64}")
    (scrubbed,) = scrub(Cassette((Interaction(request, answer),))).interactions
    assert scrubbed.response is not None
    assert scrubbed.response.headers.get("Content-Type") == content_type
