"""The index finds what vcrpy finds, and looks at little else."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import vcr
from hypothesis import example, given
from hypothesis import strategies as st
from vcr.cassette import Cassette
from vcr.request import Request

from pytest_occystrap import occystrap_vcr
from pytest_occystrap.cassettes.vcrpy.cassette import OpenCassette

NAMES = ("method", "scheme", "host", "port", "path", "query", "uri", "headers", "body")
REQUESTS = st.builds(
    Request,
    method=st.sampled_from(["GET", "PUT"]),
    uri=st.sampled_from(
        [
            f"{scheme}://{host}{path}"
            for scheme in ("http", "https")
            for host in ("r.test", "r.test:80", "R.test")
            for path in ("", "/", "/?", "/a", "/a?n=1&m=2", "/a?m=2&n=1", "/%61", "?n=1")
        ]
    ),
    body=st.sampled_from([b"", b"x"]),
    headers=st.sampled_from([{}, {"Range": "bytes=0-1"}]),
)


def answer(number: int) -> dict[str, Any]:
    """Make one that can be told from others."""
    return {"status": {"code": number, "message": ""}, "headers": {}, "body": {"string": b""}}


@given(
    recorded=st.lists(REQUESTS, max_size=12),
    late=st.lists(REQUESTS, max_size=3),
    made=REQUESTS,
    names=st.sets(st.sampled_from(NAMES)),
)
@example(
    [],
    [Request("GET", "http://r.test/", b"", {})],
    Request("GET", "http://r.test/?", b"", {}),
    {"uri"},
)
def test_it_finds_what_vcrpy_finds(
    recorded: Sequence[Request], late: Sequence[Request], made: Request, names: set[str]
) -> None:
    """The same answers in the same order, whatever is compared, and while more are recorded."""
    config = vcr.VCR().get_merged_config(match_on=sorted(names))
    options = {"path": "never", "match_on": config["match_on"]}
    theirs, ours = Cassette(**options), OpenCassette(**options)
    for part in (recorded, late):
        for each in part:
            number = len(theirs)
            theirs.append(each, answer(number))
            ours.append(each, answer(number))
        assert numbers(theirs, made) == numbers(ours, made)


def numbers(cassette: Cassette, made: Request) -> list[int]:
    """Return the numbers of the answers to a request."""
    if made not in cassette:
        return []
    return [each["status"]["code"] for each in cassette.responses_of(made)]


def test_it_looks_at_few(tmp_path: Path) -> None:
    """Among a thousand exchanges, each request is compared with its own and no other."""
    compared = []

    def counted(made: Request, recorded: Request) -> None:
        compared.append((made, recorded))

    machine = occystrap_vcr()
    machine.register_matcher("counted", counted)
    with machine.use_cassette(tmp_path / "a.yaml", additional_matchers=["counted"]) as cassette:
        for number in range(1000):
            cassette.append(Request("GET", f"http://r.test/a?n={number}", b"", {}), answer(number))
        cassette.rewound = True
        for number in range(1000):
            request = Request("GET", f"http://r.test/a?n={number}", b"", {})
            assert cassette.can_play_response_for(request)
            assert cassette.play_response(request)["status"]["code"] == number
    assert len(compared) == 2000


def test_it_notices_what_is_taken_away() -> None:
    """A user may empty a cassette."""
    cassette = OpenCassette(path="never")
    first, second = (Request("GET", f"http://r.test/{name}", b"", {}) for name in "ab")
    cassette.append(first, answer(1))
    assert first in cassette
    cassette.data.clear()
    assert first not in cassette
    cassette.append(second, answer(2))
    assert numbers(cassette, second) == [2]


def test_no_two_threads_get_the_same_answer() -> None:
    """Of as many answers as are asked for at once, each is given once."""
    cassette = OpenCassette(path="never")
    for number in range(400):
        cassette.append(Request("GET", "http://r.test/", b"", {}), answer(number))
    given_out: list[int] = []

    def play() -> None:
        for _ in range(50):
            answered = cassette.play_response(Request("GET", "http://r.test/", b"", {}))
            given_out.append(answered["status"]["code"])

    threads = [threading.Thread(target=play) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(given_out) == list(range(400))
