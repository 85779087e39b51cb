"""What of a body goes on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.server.doors.framing import framed
from occystrap.server.message import CloseConnection, Headers, Response, Stall

PIECES = st.lists(st.one_of(st.binary(max_size=5), st.just(Stall(1.0))))


@given(PIECES, st.integers(min_value=0, max_value=30))
def test_a_body_is_never_longer_than_it_says(pieces: list[bytes], length: int) -> None:
    """It is the first bytes, and ends the connection when there are too few."""
    content = b"".join(pieces)
    response = Response(200, Headers({"content-length": str(length)}), pieces)
    found, broken = [], False
    try:
        for piece in framed("GET", response):
            assert piece or isinstance(piece, Stall)
            found.append(piece)
    except CloseConnection:
        broken = True
    assert b"".join(found) == content[:length]
    assert broken == (len(content) < length)


@given(PIECES)
def test_a_body_of_unknown_length_is_whole(pieces: list[bytes]) -> None:
    """With its stalls, in their places."""
    found = list(framed("GET", Response(200, Headers(), pieces)))
    assert found == [piece for piece in pieces if piece or isinstance(piece, Stall)]


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_answers_without_a_body(method: str, status: int) -> None:
    """The body isn't even looked at."""
    response = Response(status, Headers({"Content-Length": "5"}), iter((b"abcde",)))
    assert list(framed(method, response)) == []
    assert list(response.body) == [b"abcde"]
