"""What counts as a difference between two answers, and what doesn't."""

from __future__ import annotations

import json
from typing import Any

import pytest

from occystrap.oci.digest import Digest
from occystrap.server.message import Headers
from pytest_occystrap.cassettes.bodies import Body
from pytest_occystrap.cassettes.comparing import differences
from pytest_occystrap.cassettes.form import (
    Ending,
    Interaction,
    RecordedRequest,
    RecordedResponse,
)

TAGS = "https://r.test/v2/a/tags/list"
BLOB = f"https://r.test/v2/a/blobs/{Digest.of(b'x')}"


def answer(
    *headers: tuple[str, str],
    status: int = 200,
    body: bytes = b"",
    url: str = TAGS,
    ending: Ending = Ending.COMPLETE,
) -> Interaction:
    """Make an interaction."""
    response = RecordedResponse(status, "", Headers(headers), Body.of(body))
    return Interaction(RecordedRequest("GET", url), response, ending)


def compared(was: Interaction, is_: Interaction) -> list[tuple[str, str, str]]:
    """Compare, both ways: what differs differs from either side."""
    there = [(each.what, each.recorded, each.now) for each in differences(was, is_)]
    back = [(each.what, each.now, each.recorded) for each in differences(is_, was)]
    assert sorted(there) == sorted(back)
    return there


def test_status_and_ending() -> None:
    """Each is a difference of its own; of other bodies of other answers nothing is said."""
    was, is_ = answer(body=b"{}"), answer(status=404, body=b"x", ending=Ending.CLOSED)
    assert compared(was, is_) == [("status", "200", "404"), ("ending", "complete", "closed")]
    silent = Interaction(RecordedRequest("GET", TAGS), None, Ending.TIMEOUT)
    (found,) = differences(was, silent)
    assert str(found) == "- answer: 200\n+ answer: none (timeout)"
    assert differences(silent, was) == ()


@pytest.mark.parametrize(
    ("name", "was", "is_"),
    [
        ("Content-Type", "application/json; charset=utf-8", "application/json;Charset=UTF-8"),
        ("Content-Type", "multipart/byteranges; boundary=a", "multipart/byteranges; boundary=b"),
        ("Allow", "GET, HEAD", "head,get"),
        ("ETag", '"a"', '"b"'),
        ("X-Anything", "1", "2"),
        ("Location", "/v2/a/blobs/uploads/" + "a" * 32, "/v2/a/blobs/uploads/" + "b" * 32),
        ("Location", "https://a.test/x/1?sig=2", "https://b.test/y?z=2"),
        ("Link", '</v2/_catalog?n=1&last=a>; rel="next"', "</v2/_catalog?last=b&n=1>; rel=next"),
        (
            "WWW-Authenticate",
            'Bearer realm="https://a.test",service="a",scope="repository:a:pull,push"',
            'bearer service="b",realm="https://b.test",scope="repository:a:push,pull"',
        ),
    ],
)
def test_headers_that_say_the_same(name: str, was: str, is_: str) -> None:
    """Values that are of one answer alone are left out of the comparison."""
    assert compared(answer((name, was)), answer((name.lower(), is_))) == []


@pytest.mark.parametrize("name", ["Date", "Connection", "Via", "X-Cache", "CF-Ray", "Set-Cookie"])
def test_headers_that_do_not_matter(name: str) -> None:
    """They come and go."""
    assert compared(answer((name, "x")), answer()) == []


@pytest.mark.parametrize(
    ("name", "was", "is_", "shown"),
    [
        ("Content-Type", "application/json", "text/plain", ("application/json", "text/plain")),
        ("Docker-Content-Digest", "sha256:a", "sha256:b", ("sha256:a", "sha256:b")),
        (
            "Location",
            "/v2/a/blobs/uploads/x?_state=secret",
            "https://r.test/v2/a/blobs/uploads/x",
            ("/v2/a/blobs/uploads/x?_state", "https://*/v2/a/blobs/uploads/x"),
        ),
        (
            "WWW-Authenticate",
            'Bearer realm="https://a.test",error="invalid_token"',
            'Basic realm="a"',
            ("bearer error=invalid_token realm", "basic realm"),
        ),
        ("WWW-Authenticate", "Basic realm=a", '"', ("basic realm", "no challenge")),
    ],
)
def test_headers_that_say_something_else(
    name: str, was: str, is_: str, shown: tuple[str, str]
) -> None:
    """What is shown is the form, without what may be a secret."""
    assert compared(answer((name, was)), answer((name, is_))) == [(name, *shown)]


def test_headers_that_are_gone() -> None:
    """Are differences, their values not shown."""
    assert compared(answer(("X-Token", "secret")), answer()) == [("X-Token", "present", "absent")]


@pytest.mark.parametrize(
    ("was", "is_"),
    [
        ({"tags": ["1", "2"]}, {"tags": ["3"]}),
        ({"tags": []}, {"tags": ["3"]}),
        ({"a": [{"x": 1}, {"y": 2}]}, {"a": [{"x": 1, "y": 2.5}]}),
        ({"a": [[1], ["x"]]}, {"a": [["y", 2]]}),
    ],
)
def test_documents_of_one_shape(was: Any, is_: Any) -> None:
    """Values may change, and lists may be longer."""
    assert compared(*(answer(body=json.dumps(each).encode()) for each in (was, is_))) == []


@pytest.mark.parametrize(
    ("was", "is_", "found"),
    [
        ({"tags": None}, {"tags": []}, [("body.tags", "null", "list")]),
        ({"tags": ["1"]}, {"tags": [1]}, [("body.tags[]", "string", "number")]),
        ({"a": {"b": 1}}, {"a": {}}, [("body.a.b", "present", "absent")]),
        ([{"a": True}], [{"a": "x"}], [("body[].a", "boolean", "string")]),
        ({"a": 1}, [], [("body", "object", "list")]),
    ],
)
def test_documents_of_other_shapes(was: Any, is_: Any, found: list[tuple[str, str, str]]) -> None:
    """The place is named, and the kinds, not the values."""
    assert compared(*(answer(body=json.dumps(each).encode()) for each in (was, is_))) == found


def test_bytes() -> None:
    """Matter where they were asked for by digest; else it matters whether they are JSON."""
    wrong = compared(answer(body=b"x", url=BLOB), answer(body=b"y", url=BLOB))
    assert wrong == [("body", str(Digest.of(b"x")), str(Digest.of(b"y")))]
    assert compared(answer(body=b"x y"), answer(body=b"z")) == []
    assert compared(answer(body=b"{}"), answer(body=b"z")) == [("body", "JSON", "no JSON")]
