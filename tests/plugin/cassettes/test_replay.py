"""A cassette that answers: what is asked decides, and what was recorded comes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_occystrap.cassettes.form import Cassette
from pytest_occystrap.cassettes.replay import Replay, UnmatchedRequest
from tests.support.recordings import HOST, asking, digest_of, exchange, recording

LAYER = bytes(range(256)) * 1000
BLOB = f"/v2/app/blobs/{digest_of(LAYER)}"
BEARER = {"Authorization": "Bearer recorded"}
ACCEPT_OCI = "application/vnd.oci.image.manifest.v1+json"
ACCEPT_DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


def answers(cassette: Cassette, *asked: str) -> list[bytes]:
    """Ask for some paths, and return the bodies."""
    with asking(Replay(cassette)) as client:
        return [client.get(each).content for each in asked]


def test_what_was_recorded_comes_back() -> None:
    """Status, headers and bytes, under a host name that was never recorded."""
    told = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest_of(LAYER)}
    with asking(Replay(recording(exchange(f"GET {BLOB}", 200, LAYER, answer=told)))) as client:
        answer = client.get(BLOB)
    assert answer.status_code == 200
    assert answer.content == LAYER
    assert dict(answer.headers) == {
        "content-length": "256000",
        "content-type": "application/octet-stream",
        "docker-content-digest": digest_of(LAYER),
    }


def test_the_order_of_requests_does_not_matter() -> None:
    """Each gets its own answer, however they come."""
    cassette = recording(*(exchange(f"GET /v2/app{n}/tags/list", 200, b"%d" % n) for n in range(5)))
    paths = [f"/v2/app{n}/tags/list" for n in (3, 1, 4, 0, 2)]
    assert answers(cassette, *paths) == [b"3", b"1", b"4", b"0", b"2"]


def test_the_order_of_parameters_does_not_matter() -> None:
    """A query is known again in another order, and written with other escapes."""
    cassette = recording(exchange("GET /api/v1/repository?namespace=a%2Fb&public=true", 200, b"1"))
    assert answers(cassette, "/api/v1/repository?public=true&namespace=a/b") == [b"1"]


def test_repeats_are_played_in_order_and_then_the_last_again() -> None:
    """Whoever polls sees what the one saw who was recorded."""
    cassette = recording(*(exchange("GET /v2/app/tags/list", 200, b"%d" % n) for n in (1, 2, 3)))
    assert answers(cassette, *["/v2/app/tags/list"] * 5) == [b"1", b"2", b"3", b"3", b"3"]


def test_many_threads_get_each_answer_once() -> None:
    """No answer is skipped and but the last is played twice, whoever is faster."""
    count = 400
    cassette = recording(*(exchange("GET /v2/app/tags/list", 200, b"%d" % n) for n in range(count)))
    replay = Replay(cassette)

    def ask(_: int) -> list[bytes]:
        with asking(replay) as client:
            return [client.get("/v2/app/tags/list").content for _ in range(50)]

    with ThreadPoolExecutor(16) as threads:
        found = [body for bodies in threads.map(ask, range(16)) for body in bodies]
    assert len(found) == 800
    assert {int(body) for body in found} == set(range(count))
    assert found.count(b"%d" % (count - 1)) == 800 - count + 1


def test_what_was_asked_for_in_another_state_waits_for_it() -> None:
    """A blob is missing until it is pushed, however often somebody looks, and there after it."""
    head = f"HEAD {BLOB}"
    put = f"PUT /v2/app/blobs/uploads/s?digest={digest_of(LAYER)}"
    cassette = recording(
        exchange(head, 404),
        exchange(put, 201, sent=LAYER),
        exchange(head, 200),
        exchange(head, 200),
    )
    with asking(Replay(cassette)) as client:
        assert [client.head(BLOB).status_code for _ in range(3)] == [404] * 3
        client.put(put.split()[1], content=LAYER)
        assert [client.head(BLOB).status_code for _ in range(3)] == [200] * 3


def test_who_asks_only_after_a_push_is_told_of_it() -> None:
    """The answer from before is left out."""
    manifest = "/v2/app/manifests/1"
    cassette = recording(
        exchange(f"GET {manifest}", 404),
        exchange(f"PUT {manifest}", 201, sent=b"{}"),
        exchange(f"GET {manifest}", 200, b"{}"),
        exchange(f"DELETE {manifest}", 202),
        exchange(f"GET {manifest}", 404),
    )
    with asking(Replay(cassette)) as client:
        client.put(manifest, content=b"{}")
        assert [client.get(manifest).status_code for _ in range(2)] == [200, 200]
        client.delete(manifest)
        assert client.get(manifest).status_code == 404


def test_an_answer_depends_on_the_kind_of_login() -> None:
    """Without one it is the challenge; the value of a token doesn't matter."""
    path = "/v2/app/tags/list"
    cassette = recording(
        exchange(f"GET {path}", 401), exchange(f"GET {path}", 200, b"ok", headers=BEARER)
    )
    with asking(Replay(cassette)) as client:
        assert client.get(path, headers={"Authorization": "Bearer other"}).content == b"ok"
        assert client.get(path).status_code == 401
        with pytest.raises(UnmatchedRequest, match="has a login of kind Basic, not a login of"):
            client.get(path, auth=("name", "password"))


def test_a_recorded_token_gets_what_was_recorded_with_it() -> None:
    """Of two tokens with rights of their own, each keeps them."""
    path, expired = "/v2/app/manifests/1", {"Authorization": "Bearer expired"}
    cassette = recording(
        exchange(f"GET {path}", 401, headers=expired),
        exchange(f"GET {path}", 200, headers=BEARER, answer={"Content-Type": "text/plain"}),
    )
    for accept in ("*/*", "text/*"):  # as recorded, and otherwise
        with asking(Replay(cassette)) as client:
            client.headers["Accept"] = accept
            assert client.get(path, headers=BEARER).status_code == 200
            assert client.get(path, headers=expired).status_code == 401


def test_who_asks_at_once_is_told_to_log_in() -> None:
    """The recorded client had pinged first; this one is challenged all the same."""
    told = {"WWW-Authenticate": f'Bearer realm="{HOST}/token",service="r"'}
    cassette = recording(
        exchange("GET /v2/", 401, b"true", answer=told),
        exchange("GET /v2/app/tags/list", 200, b"ok", headers=BEARER),
    )
    with asking(Replay(cassette)) as client:
        answer = client.get("/v2/app/tags/list")
        assert answer.status_code == 401
        assert (
            answer.headers["WWW-Authenticate"]
            == 'Bearer realm="https://any.test/token",service="r"'
        )
        with pytest.raises(UnmatchedRequest):
            client.get("/v2/other/tags/list")


def test_scopes_are_known_again_in_any_form() -> None:
    """In another order, as parameters or as one, in a form, and whoever asks."""
    first, second = "repository:a:pull,push", "repository:b:pull"
    cassette = recording(
        exchange("GET /v2/", 401, answer={"WWW-Authenticate": f'Bearer realm="{HOST}/token"'}),
        exchange(f"GET /token?service=r&scope={first}&scope={second}", 200, b'{"token":"t"}'),
        exchange(
            "POST /token",
            200,
            b'{"access_token":"t"}',
            sent=f"grant_type=password&password=gone&service=r&scope={first}".encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        ),
    )
    with asking(Replay(cassette)) as client:
        asked = {
            "scope": "repository:b:pull repository:a:push,pull",
            "service": "r",
            "account": "me",
        }
        assert client.get("/token", params=asked).json() == {"token": "t"}
        form = {"scope": first, "service": "r", "grant_type": "password", "password": "mine"}
        assert client.post("/token", data=form).json() == {"access_token": "t"}
        with pytest.raises(UnmatchedRequest, match=r"query has scope=repository:a:pull and lacks"):
            client.get("/token", params={"scope": "repository:a:pull", "service": "r"})


def test_what_a_client_accepts_decides_on_its_manifest() -> None:
    """The same list gets the same; another list what fits it, and what fits nobody is refused."""
    path = "/v2/app/manifests/1"
    both = f"{ACCEPT_DOCKER}, {ACCEPT_OCI}"
    cassette = recording(
        exchange(f"GET {path}", 200, b"made up", headers={"Accept": "*/*"}),
        exchange(
            f"GET {path}",
            200,
            b"stored",
            headers={"Accept": both},
            answer={"Content-Type": ACCEPT_OCI},
        ),
    )
    with asking(Replay(cassette)) as client:
        assert client.get(path, headers={"Accept": "*/*"}).content == b"made up"
        swapped = f"{ACCEPT_OCI};q=0.5,{ACCEPT_DOCKER}"
        assert client.get(path, headers={"Accept": swapped}).content == b"stored"
        assert client.get(path, headers={"Accept": ACCEPT_OCI}).content == b"stored"
        with pytest.raises(UnmatchedRequest, match=r"what it accepts is application/vnd\.docker"):
            client.get(path, headers={"Accept": ACCEPT_DOCKER})
