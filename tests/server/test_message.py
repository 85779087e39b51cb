"""Requests, responses and headers as values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.server.message import Headers, Request, Response, Stall, split_target

NAMES = st.sampled_from(["Link", "link", "LINK", "ETag", "etag", "X"])
FIELDS = st.lists(st.tuples(NAMES, st.text(max_size=3)))


@given(FIELDS, NAMES)
def test_headers_are_looked_up_without_case(fields: list[tuple[str, str]], name: str) -> None:
    """Every value in its order, or the first."""
    headers = Headers(fields)
    expected = tuple(value for key, value in fields if key.lower() == name.lower())
    assert headers.get_all(name) == expected
    assert headers.get(name) == (expected[0] if expected else None)
    assert (name in headers) == bool(expected)
    assert list(headers) == fields
    assert len(headers) == len(fields)


@given(FIELDS, NAMES, st.text(max_size=3))
def test_changed_headers_are_new_ones(fields: list[tuple[str, str]], name: str, value: str) -> None:
    """Adding keeps what is there, replacing and removing don't; the old ones never change."""
    headers = Headers(fields)
    assert headers.add(name, value).get_all(name) == (*headers.get_all(name), value)
    assert headers.replace(name, value).get_all(name) == (value,)
    assert headers.remove(name).get_all(name) == ()
    others = [pair for pair in fields if pair[0].lower() != name.lower()]
    assert list(headers.remove(name)) == others
    assert list(headers) == fields


def test_headers_are_equal_without_regard_to_case() -> None:
    """Names are, values aren't."""
    assert Headers({"ETag": "a"}) == Headers([("etag", "a")])
    assert hash(Headers({"ETag": "a"})) == hash(Headers([("etag", "a")]))
    assert Headers({"ETag": "a"}) != Headers({"ETag": "A"})
    assert Headers() != {}


def test_no_secret_is_shown() -> None:
    """Neither a credential nor a signature is in a repr."""
    headers = Headers({"Authorization": "Basic c2VjcmV0", "Accept": "text/plain"})
    request = Request("GET", "/v2/", (("sig", "secret"),), headers)
    assert "c2VjcmV0" not in repr(request)
    assert "secret" not in repr(request)
    assert "text/plain" in repr(request)


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/v2/", "/v2/", ()),
        ("/v2/a%2Fb?n=1&n=2&e=", "/v2/a%2Fb", (("n", "1"), ("n", "2"), ("e", ""))),
        ("/x?d=sha256%3Aab+c", "/x", (("d", "sha256:ab c"),)),
        ("http://host:1/v2/?n=1", "/v2/", (("n", "1"),)),
        ("http://host", "/", ()),
        ("/x?u=http://y/z", "/x", (("u", "http://y/z"),)),
        ("*", "*", ()),
    ],
)
def test_targets(target: str, path: str, query: tuple[tuple[str, str], ...]) -> None:
    """A path and the parameters, in both forms of a request target."""
    assert split_target(target) == (path, query)


ODD_TARGETS = [
    "/v2/",
    "/a%2fb//c?n=1&&m&e=#x",
    "/x?sig=a+b%20c%2Fd%2fe/f&u=%ff",
    "/x?",
    "/a/../b?x=%zz",
]


@pytest.mark.parametrize("target", ODD_TARGETS)
def test_a_target_is_kept_as_it_was_written(target: str) -> None:
    """Although path and query are taken apart; of what a proxy gets, the path and query are."""
    path, query = split_target(target)
    assert Request("GET", path, query, raw_target=target).target == target
    assert Request("GET", path, query, raw_target=f"http://h:1{target}").target == target


def test_a_target_is_written_anew_when_something_else_is_meant() -> None:
    """What a handler puts into path or query counts."""
    request = Request("GET", "/a%20b", (("n", "1"),), raw_target="/a%20b?n=1")
    assert replace(request, path="/c").target == "/c?n=1"
    assert replace(request, query=(("last", "x y&z"), ("e", ""))).target == (
        "/a%20b?last=x%20y%26z&e="
    )
    assert replace(request, query=()).target == "/a%20b"
    assert Request("GET", "/v2/").target == "/v2/"


def test_parameters_are_looked_up() -> None:
    """The first value counts."""
    request = Request("GET", "/", (("n", "1"), ("n", "2")))
    assert request.parameter("n") == "1"
    assert request.parameter("last") is None


def test_a_stall_is_an_empty_piece_with_a_length_in_time() -> None:
    """Whoever counts or joins pieces needn't know of it."""
    stall = Stall(2.5)
    assert stall == b""
    assert stall.seconds == 2.5
    assert repr(stall) == "Stall(2.5)"


def test_a_body_without_anything_to_close() -> None:
    """Closing an answer is always allowed."""
    Response(200, body=(b"abc",)).close()
