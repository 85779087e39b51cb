"""What a cassette answers: parts, failures, what it has no answer to, and how soon."""

from __future__ import annotations

import time

import httpx
import pytest

from pytest_occystrap.cassettes.form import Cassette, Ending, Interaction
from pytest_occystrap.cassettes.replay import Replay, UnmatchedRequest
from tests.support.recordings import asking, digest_of, exchange, recording

LAYER = bytes(range(256)) * 1000
BLOB = f"/v2/app/blobs/{digest_of(LAYER)}"


def test_a_range_gets_its_own_answer() -> None:
    """Never that of another range."""
    part = {"Content-Range": "bytes 0-1/256000"}
    cassette = recording(
        exchange(f"GET {BLOB}", 206, LAYER[:2], headers={"Range": "bytes=0-1"}, answer=part)
    )
    with asking(Replay(cassette)) as client:
        assert client.get(BLOB, headers={"Range": "bytes=0-1"}).content == LAYER[:2]
        with pytest.raises(UnmatchedRequest, match="range is bytes=2-3, not bytes=0-1"):
            client.get(BLOB, headers={"Range": "bytes=2-3"})
        with pytest.raises(UnmatchedRequest, match="range is all, not bytes=0-1"):
            client.get(BLOB)


def test_a_range_that_was_not_recorded_is_cut_out_where_the_registry_could() -> None:
    """Else all of it comes, as from a server that takes no notice of ranges."""
    told = {"Accept-Ranges": "bytes"}
    wanted = {"Range": "bytes=1000-"}
    with asking(Replay(recording(exchange(f"GET {BLOB}", 200, LAYER, answer=told)))) as client:
        part = client.get(BLOB, headers=wanted)
        assert (part.status_code, part.content) == (206, LAYER[1000:])
        assert part.headers["Content-Range"] == "bytes 1000-255999/256000"
        assert client.get(BLOB, headers={"Range": "bytes=10-19"}).content == LAYER[10:20]
        assert client.get(BLOB, headers={"Range": "bytes=256000-"}).status_code == 416
    with asking(Replay(recording(exchange(f"GET {BLOB}", 200, LAYER)))) as client:
        whole = client.get(BLOB, headers=wanted)
        assert (whole.status_code, whole.content) == (200, LAYER)


def test_an_unmatched_request_is_told_with_the_nearest() -> None:
    """What comes closest and in what it differs; and no secret of either."""
    cassette = recording(
        exchange("GET /v2/other/manifests/1"),
        exchange("GET /v2/app/manifests/1?token=secret"),
        exchange("PUT /v2/app/manifests/2"),
    )
    replay = Replay(cassette)
    with asking(replay) as client, pytest.raises(UnmatchedRequest) as error:
        client.get("/v2/app/manifests/2", headers={"Authorization": "Bearer secret"})
    first, asked, nearest, *_ = str(error.value).splitlines()
    assert (first, asked) == ("nothing is recorded for", "GET /v2/app/manifests/2")
    assert nearest.strip() == (
        "nearest: #3 PUT https://registry.example/v2/app/manifests/2 -> 200, but the method is GET"
        " and it has a login of kind Bearer, not no login"
    )
    assert "secret" not in str(error.value)
    assert [each.request for each in replay.unmatched] == ["GET /v2/app/manifests/2"]


def test_an_empty_cassette_matches_nothing() -> None:
    """And says so."""
    with asking(Replay(Cassette())) as client, pytest.raises(UnmatchedRequest, match="nothing is"):
        client.get("/v2/")


def test_where_nobody_sees_an_exception_the_answer_says_it() -> None:
    """With its reasons, as an error of a registry that no client takes for one of its own."""
    replay = Replay(recording(exchange("GET /v2/app/tags/list")), allow_unmatched=True)
    with asking(replay) as client:
        answer = client.get("/v2/app/tags/list?n=2")
    assert answer.status_code == 501
    (error,) = answer.json()["errors"]
    assert "GET /v2/app/tags/list?n=2; nearest: #1 GET" in error["message"]
    assert error["detail"] == [
        {
            "recorded": "#1 GET https://registry.example/v2/app/tags/list -> 200",
            "but": ["the query has n=2"],
        }
    ]


@pytest.mark.parametrize(
    ("ending", "error"),
    [
        (Ending.RESET, httpx.ReadError),
        (Ending.CLOSED, httpx.RemoteProtocolError),
        (Ending.TIMEOUT, httpx.ReadTimeout),
    ],
)
def test_what_went_wrong_behind_some_bytes_goes_wrong_there(
    ending: Ending, error: type[httpx.TransportError]
) -> None:
    """The bytes come, and then the failure."""
    part = exchange(
        f"GET {BLOB}", 200, LAYER[:1000], answer={"Content-Length": "256000"}, ending=ending
    )
    received = 0
    with asking(Replay(recording(part))) as client, client.stream("GET", BLOB) as answer:
        assert answer.headers["Content-Length"] == "256000"
        pieces = answer.iter_raw()
        with pytest.raises(error):  # noqa: PT012 - what came before it counts
            while True:
                received += len(next(pieces))
    assert received == 1000


@pytest.mark.parametrize(
    ("ending", "error"),
    [
        (Ending.RESET, httpx.ReadError),
        (Ending.CLOSED, httpx.RemoteProtocolError),
        (Ending.TIMEOUT, httpx.ReadTimeout),
        (Ending.REFUSED, httpx.ConnectError),
    ],
)
def test_what_went_wrong_without_an_answer_goes_wrong_so(
    ending: Ending, error: type[httpx.TransportError]
) -> None:
    """And the second time comes what was recorded the second time."""
    cassette = recording(
        exchange(f"GET {BLOB}", None, ending=ending), exchange(f"GET {BLOB}", 200, LAYER)
    )
    with asking(Replay(cassette)) as client:
        with pytest.raises(error):
            client.get(BLOB)
        assert client.get(BLOB).content == LAYER


def test_what_was_not_asked_for_is_told() -> None:
    """Exchanges that nobody has played yet, in their order."""
    cassette = recording(*(exchange(f"GET /v2/app{n}/tags/list") for n in range(3)))
    replay = Replay(cassette)
    with asking(replay) as client:
        client.get("/v2/app1/tags/list")
    assert [str(each.request).rpartition("/v2/")[2] for each in replay.unplayed] == [
        "app0/tags/list",
        "app2/tags/list",
    ]


def test_a_length_that_is_not_true_is_made_true() -> None:
    """As that of a body which was changed after it was recorded."""
    cassette = recording(exchange("GET /v2/a", 200, b"abc", answer={"Content-Length": "9"}))
    with asking(Replay(cassette)) as client:
        assert client.get("/v2/a").content == b"abc"


def many(count: int) -> list[Interaction]:
    """Record as many requests, each for something else."""
    return [exchange(f"GET /v2/app{n}/tags/list", 200, b"%d" % n) for n in range(count)]


def seconds_of(interactions: list[Interaction], asked: int = 200) -> float:
    """Time the replay of the last ones, three times, and return the best."""
    with asking(Replay(recording(*interactions))) as client:
        paths = [each.request.path for each in interactions[-asked:]]
        took = []
        for _ in range(3):
            began = time.perf_counter()
            for path in paths:
                client.get(path)
            took.append(time.perf_counter() - began)
    return min(took)


def test_a_long_cassette_is_as_fast_as_a_short_one() -> None:
    """An exchange of 5,000 is found as soon as one of 200: a search takes 25 times as long."""
    assert seconds_of(many(5000)) < 5 * seconds_of(many(200))


def test_many_repeats_are_as_fast_as_a_few() -> None:
    """So is the same request, recorded 5,000 times."""
    same = [exchange("GET /v2/app/tags/list", 200, b"%d" % n) for n in range(5000)]
    assert seconds_of(same) < 5 * seconds_of(same[:200])
