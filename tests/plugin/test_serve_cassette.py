"""`occystrap registry serve --cassette`, as processes that have never heard of pytest."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from occystrap.main import cli
from pytest_occystrap.cassettes.files import save_cassette
from pytest_occystrap.cassettes.form import Cassette, Provenance
from tests.support.recordings import HOST, digest_of, exchange
from tests.support.serving import running

LAYER = bytes(range(256)) * 1000
BLOB = f"/v2/app/blobs/{digest_of(LAYER)}"


@pytest.fixture
def cassette(tmp_path: Path) -> str:
    """A cassette with a blob, and a challenge that leads to where it was recorded."""
    told = {"WWW-Authenticate": f'Bearer realm="{HOST}/token",service="r"'}
    interactions = exchange("GET /v2/", 401, answer=told), exchange(f"GET {BLOB}", 200, LAYER)
    path = tmp_path / "some.yaml"
    save_cassette(Cassette(interactions, Provenance("2026-11-25", "Some 1.0")), path)
    return str(path)


def http(url: str) -> httpx.Client:
    """Make a client that knows nothing of proxies."""
    return httpx.Client(base_url=url, trust_env=False)


def test_a_cassette_at_an_address(cassette: str) -> None:
    """It answers, faults lie over it, and what isn't in it is told to both sides."""
    fault = ("--fault", "GET blob: close after=10")
    with running("--cassette", cassette, *fault) as (process, url), http(url) as client:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == (
            "Replayed: 2 exchanges of Some 1.0, recorded 2026-11-25"
        )
        with pytest.raises(httpx.RemoteProtocolError, match="received 10 bytes"):
            client.get(BLOB)
        assert client.get(BLOB).content == LAYER
        assert f'realm="{url}/token"' in client.get("/v2/").headers["WWW-Authenticate"]
        answer = client.get("/v2/app/tags/list")
        assert answer.status_code == 501
        process.terminate()
        assert process.stderr is not None
        told = process.stderr.read()
    assert "nothing is recorded for" in told
    assert "GET /v2/app/tags/list" in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--cassette", "absent"), "there is no cassette 'absent' in cassettes"),
        (("--cassette", "absent.yaml"), "can't read the cassette absent.yaml"),
        (("--cassette", "SOME", "--auth", "basic", "--user", "a:b"), "leave out --auth, --user"),
        (("--cassette", "SOME", "--dialect", "quay"), "choose one of them"),
    ],
)
def test_what_does_not_go_together(
    options: tuple[str, ...],
    message: str,
    cassette: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is an error before anything is served."""
    monkeypatch.chdir(tmp_path)
    arguments = [cassette if each == "SOME" else each for each in options]
    result = CliRunner().invoke(
        cli, ["registry", "serve", "--listen", "127.0.0.1:0", *arguments], standalone_mode=False
    )
    assert message in str(result.exception)
