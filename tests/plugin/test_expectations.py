"""Requests as they are expected, and those that came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.server.message import Headers, split_target
from pytest_occystrap.exchange import Exchange, Outcome, route_of
from pytest_occystrap.expectations import Wanted, WantedLike, differences, parse_wanted


def exchange(number: int, method: str, target: str, status: int | None = 200) -> Exchange:
    """Make an exchange with quay.io."""
    path, query = split_target(target)
    return Exchange(
        number=number,
        part="registry",
        door="in-process",
        client="",
        scheme="https",
        host="quay.io",
        method=method,
        path=path,
        query=query,
        headers=Headers(),
        route=route_of(path),
        status=status,
        response_headers=Headers(),
        request_bytes=0,
        response_bytes=0,
        started=0.0,
        waited=0.0,
        seconds=0.0,
        outcome=Outcome.COMPLETE if status else Outcome.RESET,
    )


def traffic(*requests: str) -> list[Exchange]:
    """Make exchanges of `METHOD TARGET` each."""
    parts = [request.split(" ") for request in requests]
    return [exchange(number, method, target) for number, (method, target) in enumerate(parts, 1)]


def found(
    wanted: list[WantedLike],
    exchanges: list[Exchange],
    *,
    in_order: bool = True,
    others: bool = False,
) -> list[str]:
    """List the differences."""
    parsed = [parse_wanted(one) for one in wanted]
    return differences(parsed, exchanges, in_order=in_order, others=others)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("GET /v2/", Wanted("GET", "/v2/")),
        ("  GET   /v2/  200 ", Wanted("GET", "/v2/", 200)),
        ("GET /v2/ -> 401", Wanted("GET", "/v2/", 401)),
        (("PUT", "/v2/app/manifests/1"), Wanted("PUT", "/v2/app/manifests/1")),
        (("PUT", "/v2/app/manifests/1", 201), Wanted("PUT", "/v2/app/manifests/1", 201)),
    ],
)
def test_ways_to_write_an_expectation(written: WantedLike, wanted: Wanted) -> None:
    """Text or its parts, with a status or without."""
    assert parse_wanted(written) == wanted
    assert parse_wanted(str(wanted)) == wanted


@pytest.mark.parametrize("written", ["", "GET", "GET /v2/ ok", "GET /v2/ 200 again"])
def test_what_is_no_expectation(written: str) -> None:
    """The message quotes it."""
    with pytest.raises(ValueError, match="not 'METHOD TARGET'"):
        parse_wanted(written)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("GET /v2/app/tags/list", True),
        ("GET /v2/app/tags/list 200", True),
        ("GET /v2/app/tags/list 404", False),
        ("HEAD /v2/app/tags/list", False),
        ("* /v2/app/tags/list", True),
        ("GET /v2/*/list", True),
        ("GET /v2/a.p/tags/list", False),
        ("GET /v2/app/tags", False),
        ("GET /v2/app/tags/list?n=5", True),
        ("GET /v2/app/tags/list?n=*", True),
        ("GET /v2/app/tags/list?n=6", False),
        ("GET quay.io/v2/app/tags/list", True),
        ("GET */tags/list", True),
        ("GET *.io/v2/app/*", True),
        ("GET ghcr.io/v2/app/tags/list", False),
    ],
)
def test_what_an_expectation_matches(pattern: str, matches: bool) -> None:
    """`*` stands for anything; query and host count only when they are written."""
    assert parse_wanted(pattern).matches(exchange(1, "GET", "/v2/app/tags/list?n=5")) is matches


def test_all_as_expected() -> None:
    """Then there is nothing to say."""
    assert found(["GET /a", "GET /b"], traffic("GET /a", "GET /b")) == []
    assert found([], []) == []


def test_a_missing_request_is_shown_with_the_nearest() -> None:
    """The nearest one is that which differs in the least."""
    exchanges = traffic("GET /v2/", "HEAD /v2/app/manifests/1", "GET /v2/app/tags/list")
    assert found(["GET /v2/", "GET /v2/app/manifests/1"], exchanges, others=True) == [
        "missing: GET /v2/app/manifests/1",
        "    nearest: #2 HEAD /v2/app/manifests/1 -> 200, but the method is HEAD",
    ]
    assert found(["PUT /v2/app/manifests/1 201"], exchanges, others=True) == [
        "missing: PUT /v2/app/manifests/1 -> 201",
        (
            "    nearest: #2 HEAD /v2/app/manifests/1 -> 200,"
            " but the method is HEAD and the answer is 200"
        ),
    ]
    assert found(["GET /v2/app/tags/lists"], exchanges, others=True) == [
        "missing: GET /v2/app/tags/lists",
        "    nearest: #3 GET /v2/app/tags/list -> 200, but the target is /v2/app/tags/list",
    ]


def test_nothing_came_at_all() -> None:
    """Then there is no nearest one."""
    assert found(["GET /v2/"], []) == ["missing: GET /v2/"]


def test_an_answer_that_never_came_is_named() -> None:
    """Instead of a status stands how it ended."""
    assert found(["GET /a 200"], [exchange(1, "GET", "/a", None)], others=True) == [
        "missing: GET /a -> 200",
        "    nearest: #1 GET /a -> reset, but the answer is reset",
    ]


def test_requests_that_nobody_expected() -> None:
    """They are listed, unless others may come."""
    exchanges = traffic("GET /a", "GET /b", "GET /a")
    assert found(["GET /b"], exchanges) == [
        "unexpected: #1 GET /a -> 200",
        "unexpected: #3 GET /a -> 200",
    ]
    assert found(["GET /b"], exchanges, others=True) == []


def test_the_order_counts_unless_it_does_not() -> None:
    """What came too early or too late is missing where it should be."""
    exchanges = traffic("GET /b", "GET /a")
    assert found(["GET /a", "GET /b"], exchanges) == [
        "missing: GET /a",
        "    nearest: #2 GET /a -> 200, but it came out of order",
        "unexpected: #2 GET /a -> 200",
    ]
    assert found(["GET /a", "GET /b"], exchanges, in_order=False) == []


def test_each_request_counts_once() -> None:
    """Expecting something twice wants it twice."""
    assert found(["GET /a", "GET /a"], traffic("GET /a")) == ["missing: GET /a"]
    assert found(["GET /a", "GET /a"], traffic("GET /a"), in_order=False) == ["missing: GET /a"]


def test_a_wildcard_leaves_to_others_what_they_need() -> None:
    """Whatever the order of the expectations is, all are met if they can be."""
    exchanges = traffic("GET /a", "GET /b")
    assert found(["GET /*", "GET /a"], exchanges, in_order=False) == []
    assert found(["GET /a", "GET /*"], exchanges, in_order=False) == []
    assert found(["GET /*", "GET /b"], exchanges) == []


def test_digests_are_cut_in_messages() -> None:
    """A line stays a line."""
    digest = "sha256:" + "0123456789abcdef" * 4
    assert found([], traffic(f"GET /v2/app/blobs/{digest}")) == [
        "unexpected: #1 GET /v2/app/blobs/sha256:0123456789ab… -> 200"
    ]


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.booleans(), max_size=6))
def test_a_part_in_order_is_always_found(names: list[str], kept: list[bool]) -> None:
    """Whatever is left out, the rest is found in order when others may come."""
    exchanges = traffic(*(f"GET /{name}" for name in names))
    part = [f"GET /{name}" for name, keep in zip(names, kept, strict=False) if keep]
    assert found([*part], exchanges, others=True) == []
    assert found([*reversed(part)], exchanges, in_order=False, others=True) == []
