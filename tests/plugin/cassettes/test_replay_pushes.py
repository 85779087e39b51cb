"""Pushes to a cassette: known again by their bytes, and refused if those are others."""

from __future__ import annotations

import itertools

import httpx
import pytest

from pytest_occystrap.cassettes.form import Interaction
from pytest_occystrap.cassettes.replay import Replay, UnmatchedRequest
from tests.support.recordings import HOST, asking, digest_of, exchange, recording

FIRST, SECOND = b"first layer" * 1000, b"second layer" * 1000
UPLOADS = "/v2/app/blobs/uploads/"


def pushed(session: str, *chunks: bytes) -> list[Interaction]:
    """Record an upload; the registry keeps its state in the URL, another one with each chunk."""
    where = f"{HOST}{UPLOADS}{session}"
    found = [
        exchange(
            f"POST {UPLOADS}",
            202,
            answer={"Location": f"{where}?_state=0", "Docker-Upload-UUID": session},
        )
    ]
    for number, chunk in enumerate(chunks):
        url = f"{where}?_state={number}"
        told = {"Location": f"{where}?_state={number + 1}", "Docker-Upload-UUID": session}
        found.append(exchange(f"PATCH {url}", 202, sent=chunk, answer=told))
    digest = digest_of(b"".join(chunks))
    url = f"{where}?_state={len(chunks)}&digest={digest}"
    told = {"Location": f"/v2/app/blobs/{digest}"}
    return [*found, exchange(f"PUT {url}", 201, answer=told)]


def push(client: httpx.Client, *chunks: bytes) -> str:
    """Push a blob as the specification has it; return where it is."""
    location = client.post(UPLOADS).raise_for_status().headers["Location"]
    for chunk in chunks:
        location = client.patch(location, content=chunk).raise_for_status().headers["Location"]
    digest = digest_of(b"".join(chunks))
    answer = client.put(httpx.URL(location).copy_merge_params({"digest": digest}))
    return str(answer.raise_for_status().headers["Location"])


def test_uploads_in_another_order() -> None:
    """The second blob goes into the session that the first one was recorded in, and comes out."""
    replay = Replay(recording(*pushed("s-1", FIRST), *pushed("s-2", SECOND)))
    with asking(replay) as client:
        assert push(client, SECOND) == f"/v2/app/blobs/{digest_of(SECOND)}"
        assert push(client, FIRST) == f"/v2/app/blobs/{digest_of(FIRST)}"
    assert replay.unplayed == []


def test_uploads_side_by_side() -> None:
    """Two sessions that are fed by turns stay two, and are called what this client was told."""
    replay = Replay(recording(*pushed("s-1", FIRST, SECOND), *pushed("s-2", SECOND, FIRST)))
    orders = {0: (SECOND, FIRST), 1: (FIRST, SECOND)}
    with asking(replay) as client:
        locations = [client.post(UPLOADS).headers["Location"] for _ in range(2)]
        for place, which in itertools.product(range(2), range(2)):
            answer = client.patch(locations[which], content=orders[which][place])
            locations[which] = answer.raise_for_status().headers["Location"]
            assert f"s-{which + 1}" in locations[which]
            assert answer.headers["Docker-Upload-UUID"] == f"s-{which + 1}"


def test_more_uploads_than_were_recorded() -> None:
    """The last answer is played again, but no session is given out twice."""
    replay = Replay(recording(*pushed("s-1", FIRST, SECOND)))
    with asking(replay) as client:
        one, other = (client.post(UPLOADS).headers["Location"] for _ in range(2))
        assert one != other
        for location in (one, other):
            led = client.patch(location, content=FIRST).raise_for_status().headers["Location"]
            client.patch(led, content=SECOND).raise_for_status()


def test_other_bytes_are_refused() -> None:
    """A replay can't take what the registry never had, and says what came instead of what."""
    cassette = recording(*pushed("s-1", FIRST))
    with asking(Replay(cassette)) as client:
        location = client.post(UPLOADS).headers["Location"]
        with pytest.raises(
            UnmatchedRequest, match=r"the body is sha256:.* \(5 bytes\), not sha256:"
        ):
            client.patch(location, content=b"wrong")
    with asking(Replay(cassette, allow_unmatched=True)) as client:
        location = client.post(UPLOADS).headers["Location"]
        answer = client.patch(location, content=b"wrong")
        assert answer.status_code == 400
        (error,) = answer.json()["errors"]
        assert error["code"] == "DIGEST_INVALID"
        assert digest_of(b"wrong") in error["message"]
        assert digest_of(FIRST) in error["message"]


def test_chunks_in_another_order_are_refused() -> None:
    """The right bytes at the wrong place make another blob."""
    with asking(Replay(recording(*pushed("s-1", FIRST, SECOND)))) as client:
        location = client.post(UPLOADS).headers["Location"]
        with pytest.raises(UnmatchedRequest, match="another upload is open"):
            client.patch(location, content=SECOND)


def test_a_manifest_with_other_bytes_is_refused() -> None:
    """As is one under another name."""
    cassette = recording(exchange("PUT /v2/app/manifests/1", 201, sent=b"{}"))
    with asking(Replay(cassette)) as client:
        with pytest.raises(UnmatchedRequest, match="the body is"):
            client.put("/v2/app/manifests/1", content=b"{ }")
        with pytest.raises(UnmatchedRequest, match="the path is"):
            client.put("/v2/app/manifests/2", content=b"{}")
        assert client.put("/v2/app/manifests/1", content=b"{}").status_code == 201


def test_a_session_that_nobody_opened_is_another() -> None:
    """What was recorded for a lost session isn't played to one that is open."""
    digest = digest_of(FIRST)
    lost = exchange(f"PUT {UPLOADS}lost?digest={digest}", 404)
    with asking(Replay(recording(*pushed("s-1", FIRST), lost))) as client:
        assert push(client, FIRST)
        assert client.put(f"{UPLOADS}other?digest={digest}").status_code == 404


@pytest.mark.parametrize("recorded", [(FIRST, SECOND), (FIRST + SECOND,)])
def test_an_upload_ends_with_all_its_bytes_however_they_came(recorded: tuple[bytes, ...]) -> None:
    """Recorded in chunks or at once, it can be sent with the last request; then it is over."""
    whole = FIRST + SECOND
    with asking(Replay(recording(*pushed("s-1", *recorded)))) as client:
        location = client.post(UPLOADS).headers["Location"]
        url = httpx.URL(location).copy_merge_params({"digest": digest_of(whole)})
        assert client.put(url, content=whole).status_code == 201
        with pytest.raises(UnmatchedRequest, match="no such upload is open"):
            client.put(url, content=whole)


def test_the_rest_of_an_upload_can_come_with_its_end() -> None:
    """As some clients send the last chunk."""
    with asking(Replay(recording(*pushed("s-1", FIRST, SECOND)))) as client:
        location = client.post(UPLOADS).headers["Location"]
        location = client.patch(location, content=FIRST).headers["Location"]
        url = httpx.URL(location).copy_merge_params({"digest": digest_of(FIRST + SECOND)})
        assert client.put(url, content=SECOND).status_code == 201


def test_bytes_that_are_missing_at_the_end_are_refused() -> None:
    """The digest in the URL is right, but not what was sent."""
    with asking(Replay(recording(*pushed("s-1", FIRST, SECOND)))) as client:
        location = client.post(UPLOADS).headers["Location"]
        location = client.patch(location, content=FIRST).headers["Location"]
        url = httpx.URL(location).copy_merge_params({"digest": digest_of(FIRST + SECOND)})
        with pytest.raises(UnmatchedRequest, match=f"the body is {digest_of(FIRST)}"):
            client.put(url)
