"""Secrets through vcrpy: none is kept, and what was scrubbed still answers who has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from vcr.errors import CannotOverwriteExistingCassetteException
from vcr.persisters.filesystem import FilesystemPersister
from vcr.request import Request

from occystrap.errors import SecretFound
from pytest_occystrap import occystrap_vcr
from pytest_occystrap.cassettes.files import load_cassette

Handler = Callable[[httpx.Request], httpx.Response]

HOST = "registry.acme.internal"
TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
SIGNED = (
    "https://storage.test/blob?X-Amz-Signature=5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76"
)


def registry(request: httpx.Request) -> httpx.Response:
    """A registry that gives out tokens and signed URLs, and says who asks."""
    if request.url.path == "/token":
        return httpx.Response(200, json={"token": TOKEN})
    if request.url.path == "/login":
        return httpx.Response(200 if b"pa55-wOrd-91" in request.content else 401)
    if request.url.path == "/v2/app/blobs/x":
        return httpx.Response(307, headers={"Location": SIGNED})
    return httpx.Response(200, text=f"answer of {request.url.host}{request.url.path}")


def nobody(request: httpx.Request) -> httpx.Response:
    """Stand for a network that is off."""
    raise httpx.ConnectError(f"nobody answers {request.url}")


def visit(machine: Any, path: Path, answering: Handler, host: str = HOST) -> list[str]:
    """Log in, get a token, follow a signed URL and ask again.

    vcrpy records a client like this one as it does one that has a socket.
    """
    base, transport = f"https://{host}:5000", httpx.MockTransport(answering)
    client = httpx.Client(transport=transport, follow_redirects=True)
    with machine.use_cassette(path), client:
        form = {"username": "me", "password": "pa55-wOrd-91"}
        assert client.post(f"{base}/login", data=form).status_code == 200
        token = client.get(f"{base}/token", params={"account": "alice@acme.com"}).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        urls = [f"{base}/v2/", f"{base}/v2/app/blobs/x", f"{base}/v2/_catalog"]
        return [client.get(url, headers=headers).text for url in urls]


@pytest.mark.parametrize("match_on", [[], ["method", "uri", "body"], ["host", "path", "query"]])
def test_none_is_kept_and_all_is_replayed(tmp_path: Path, match_on: list[str]) -> None:
    """Hosts, tokens, signatures and forms are replaced, and who has the real ones is answered."""
    path = tmp_path / "some.yaml"
    machine = occystrap_vcr(**({"match_on": match_on} if match_on else {}))
    recorded = visit(machine, path, registry)
    for secret in (TOKEN, "5d41402abc", "alice", "acme.internal", "pa55-wOrd-91"):
        assert secret not in path.read_text()
    replayed = visit(machine, path, nobody)
    assert [each.replace("host-1.example", HOST) for each in replayed] == recorded


def test_a_placeholder_is_one_host(tmp_path: Path) -> None:
    """What was recorded of an internal host isn't played for a public one, nor for two."""
    path = tmp_path / "some.yaml"
    visit(occystrap_vcr(), path, registry)
    for other in ("quay.io", "host-2.example"):
        with pytest.raises(CannotOverwriteExistingCassetteException):
            visit(occystrap_vcr(), path, nobody, other)
    replayed = visit(occystrap_vcr(), path, nobody, "other.acme.internal")
    assert replayed[0] == "answer of host-1.example/v2/"
    with occystrap_vcr().use_cassette(path) as cassette:
        first, second = (f"https://{name}.acme.internal:5000/v2/" for name in "ab")
        assert cassette.can_play_response_for(Request("GET", first, b"", {}))
        assert not cassette.can_play_response_for(Request("GET", second, b"", {}))
        assert cassette.can_play_response_for(Request("GET", first, b"", {}))


def test_many_requests_to_an_internal_host_are_found_by_index(tmp_path: Path) -> None:
    """Once it's known who the placeholder is, no more is compared than for any other host."""
    path, compared = tmp_path / "some.yaml", []
    with occystrap_vcr().use_cassette(path) as cassette:
        for number in range(300):
            cassette.append(Request("GET", f"http://{HOST}/{number}", b"", {}), answer_of(b""))
    machine = occystrap_vcr()
    machine.register_matcher("counted", lambda made, recorded: compared.append(made))
    with machine.use_cassette(path, additional_matchers=["counted"]) as cassette:
        for number in range(300):
            cassette.play_response(Request("GET", f"http://{HOST}/{number}", b"", {}))
    assert len(compared) <= 2 * 300 + 2 * 299


def answer_of(body: bytes) -> dict[str, Any]:
    """Make an answer as vcrpy's stubs make it."""
    return {"status": {"code": 200, "message": ""}, "headers": {}, "body": {"string": body}}


def with_secret(path: Path, *, in_blob: bool, **options: Any) -> None:
    """Record an exchange with a secret in it."""
    body = bytes(range(256)) * 100 + TOKEN.encode() + bytes(20) if in_blob else b""
    with occystrap_vcr(**options).use_cassette(path) as cassette:
        request = Request("GET", "http://r.test/", b"", {"Authorization": f"Bearer {TOKEN}"})
        cassette.append(request, answer_of(body))


class Store:
    """A persister of a user's own."""

    load_cassette = FilesystemPersister.load_cassette
    save_cassette = FilesystemPersister.save_cassette


@pytest.mark.parametrize("form", [".yaml", ".json"])
@pytest.mark.parametrize("persister", [FilesystemPersister, Store])
def test_no_way_leads_around_it(tmp_path: Path, form: str, persister: type) -> None:
    """Whatever keeps a cassette, in whatever form, gets no secret, and gives none away."""
    path = tmp_path / f"some{form}"
    machine = occystrap_vcr(serializer=form[1:])
    machine.register_persister(persister)
    with machine.use_cassette(path) as cassette:
        request = Request("GET", "http://r.test/", b"", {"Authorization": f"Bearer {TOKEN}"})
        cassette.append(request, answer_of(b""))
    assert "scrubbed-token-1" in path.read_text()
    path.write_text(path.read_text().replace("scrubbed-token-1", TOKEN))
    before = path.read_bytes()
    with pytest.raises(SecretFound, match="interaction 1, request header") as caught:
        machine.use_cassette(path).__enter__()
    assert TOKEN not in str(caught.value)
    assert path.read_bytes() == before


def test_a_secret_that_cannot_be_replaced(tmp_path: Path) -> None:
    """One in a blob keeps the cassette from being saved, and no test that follows is recorded."""
    before = httpx.HTTPTransport.handle_request
    with pytest.raises(SecretFound, match="isn't saved"):
        with_secret(tmp_path / "some.yaml", in_blob=True)
    assert httpx.HTTPTransport.handle_request is before
    assert list(tmp_path.iterdir()) == []


def test_metadata_has_no_secrets_either(tmp_path: Path) -> None:
    """What a user keeps beside the exchanges goes through the scrubber."""
    path = tmp_path / "some.yaml"
    with occystrap_vcr().use_cassette(path) as cassette:
        cassette.get_metadata(
            "session", {"password": "pa55-wOrd-91", "seeds": [1, TOKEN], "n": None}
        )
    kept = load_cassette(path).metadata["session"]
    assert kept["password"].startswith("password-")
    assert (kept["seeds"][0], kept["n"]) == (1, None)
    assert TOKEN not in path.read_text()
