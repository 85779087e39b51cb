"""What of a message goes on to the next on its way."""

from __future__ import annotations

import pytest

from occystrap.server.hops import end_to_end, framed_anew, with_host
from occystrap.server.message import Headers, Request

Fields = list[tuple[str, str]]

#: Fields as they come, and as they go on.
KEPT_AND_DROPPED: dict[str, tuple[Fields, Fields]] = {
    "order and duplicates are kept": (
        [("Accept", "a"), ("X-B", "1"), ("accept", "b"), ("X-B", "1")],
        [("Accept", "a"), ("X-B", "1"), ("accept", "b"), ("X-B", "1")],
    ),
    "Connection": ([("Connection", "close"), ("A", "1")], [("A", "1")]),
    "what Connection names": (
        [("X-Hop", "1"), ("connection", "x-hop ,B"), ("A", "1"), ("b", "2")],
        [("A", "1")],
    ),
    "Keep-Alive": ([("Keep-Alive", "timeout=5")], []),
    "TE": ([("te", "trailers")], []),
    "Trailer": ([("Trailer", "Expires")], []),
    "Upgrade": ([("Upgrade", "h2c")], []),
    "proxies": (
        [("Proxy-Authorization", "Basic x"), ("Proxy-Authenticate", "Basic"), ("proxy-x", "1")],
        [],
    ),
    "a length that doesn't count": (
        [("Content-Length", "5"), ("Transfer-Encoding", "chunked"), ("A", "1")],
        [("A", "1")],
    ),
    "a length that counts": ([("Content-Length", "5")], [("Content-Length", "5")]),
    "what only looks like it": (
        [("X-Connection", "A"), ("A", "1")],
        [("X-Connection", "A"), ("A", "1")],
    ),
}


@pytest.mark.parametrize("case", KEPT_AND_DROPPED)
def test_what_is_for_the_neighbour_only_goes_no_further(case: str) -> None:
    """All else does, in its order."""
    fields, expected = KEPT_AND_DROPPED[case]
    assert list(end_to_end(Headers(fields))) == expected


def test_the_host_is_named_where_it_was_named() -> None:
    """Or first, where HTTP/1.0 had none."""
    fields = [("A", "1"), ("host", "proxy:1"), ("B", "2")]
    assert list(with_host(Headers(fields), "up:2")) == [("A", "1"), ("host", "up:2"), ("B", "2")]
    assert list(with_host(Headers(), "up")) == [("Host", "up")]


#: Method, fields as they came, body; what then tells the length.
FRAMES: dict[str, tuple[str, Fields, list[bytes], Fields]] = {
    "length": ("PUT", [("Content-Length", "2")], [b"ab"], [("Content-Length", "2")]),
    "chunked": (
        "PUT",
        [("Transfer-Encoding", "chunked")],
        [b"a", b"b"],
        [("Transfer-Encoding", "chunked")],
    ),
    "chunked and empty": (
        "PUT",
        [("Transfer-Encoding", "chunked")],
        [],
        [("Transfer-Encoding", "chunked")],
    ),
    "HTTP/2 with a body": ("PUT", [], [b"a", b"b"], [("Transfer-Encoding", "chunked")]),
    "HTTP/2 without a body": ("GET", [], [], []),
    "nothing but empty pieces": ("GET", [], [b"", b""], []),
    "HTTP/2 without the body that there could be": ("POST", [], [], [("Content-Length", "0")]),
}


@pytest.mark.parametrize("case", FRAMES)
def test_a_body_says_how_long_it_is(case: str) -> None:
    """By its length if that is known, in chunks otherwise; and no byte is lost."""
    method, fields, pieces, expected = FRAMES[case]
    request = Request(method, "/", headers=Headers(fields), body=iter(pieces))
    headers, body = framed_anew(request, end_to_end(request.headers))
    assert list(headers) == expected
    assert b"".join(body) == b"".join(pieces)
