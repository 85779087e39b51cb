"""A fake registry behind its gates, with its storage and on its clock."""

from __future__ import annotations

import asyncio
import base64
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from occystrap.errors import InvalidOption
from occystrap.server.directory_store import DirectoryStore
from pytest_occystrap.clock import FakeClock
from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.options import RegistryOptions
from pytest_occystrap.plugin import MakeRegistry


def token_for(registry: FakeRegistry, *scopes: str, login: tuple[str, str] | None = None) -> str:
    """Ask for a token as the challenge says."""
    parameters = {"service": "registry", "scope": list(scopes)}
    response = registry.client.get("/token", params=parameters, auth=login or None)
    token: str = response.json()["token"]
    return token


def bearer(token: str) -> dict[str, str]:
    """Make the header that brings a token."""
    return {"Authorization": f"Bearer {token}"}


def test_a_registry_that_asks_for_a_password(make: MakeRegistry) -> None:
    """Only the accounts get in."""
    registry = make(auth="basic", accounts={"alice": "open sesame"}, images=["app:1"])
    client, url = registry.client, "/v2/app/manifests/1"
    assert client.get(url).status_code == 401
    assert client.get(url, auth=("alice", "wrong")).status_code == 401
    assert client.get(url, auth=("alice", "open sesame")).status_code == 200


def test_a_registry_that_asks_for_a_token(make: MakeRegistry) -> None:
    """Strangers may pull, accounts may push, and the tokens given out are known."""
    registry = make(auth="bearer", images=["app:1"])
    client = registry.client
    refused = client.get("/v2/app/manifests/1")
    assert 'realm="https://registry.test/token"' in refused.headers["WWW-Authenticate"]
    stranger = token_for(registry, "repository:app:pull,push")
    assert client.get("/v2/app/manifests/1", headers=bearer(stranger)).status_code == 200
    assert client.post("/v2/app/blobs/uploads/", headers=bearer(stranger)).status_code == 401
    (login,) = registry.accounts.items()
    known = token_for(registry, "repository:app:pull,push", login=login)
    assert client.post("/v2/app/blobs/uploads/", headers=bearer(known)).status_code == 202
    assert [token.account for token in registry.issued_tokens] == ["", login[0]]
    registry.assert_no_credentials_leaked()


@pytest.mark.parametrize("private", [True, ["secret/app"]])
def test_strangers_may_be_kept_out(make: MakeRegistry, private: Any) -> None:
    """Of everything, or of some repositories; accounts are not."""
    registry = make(auth="bearer", private=private, images=["secret/app:1", "app:1"])
    (login,) = registry.accounts.items()
    for repository, status in {"secret/app": 401, "app": 401 if private is True else 200}.items():
        url = f"/v2/{repository}/manifests/1"
        stranger = bearer(token_for(registry, f"repository:{repository}:pull"))
        assert registry.client.get(url, headers=stranger).status_code == status
        known = bearer(token_for(registry, f"repository:{repository}:pull", login=login))
        assert registry.client.get(url, headers=known).status_code == 200


def test_tokens_end_with_the_clock_or_at_once(make: MakeRegistry) -> None:
    """Time passes only when the test says so."""
    registry = make(auth="bearer", token_lifetime=60, images=["app:1"])
    headers = bearer(token_for(registry, "repository:app:pull"))
    url = "/v2/app/manifests/1"
    registry.clock.advance(59)
    assert registry.client.get(url, headers=headers).status_code == 200
    registry.clock.advance(1)
    assert registry.client.get(url, headers=headers).status_code == 401
    headers = bearer(token_for(registry, "repository:app:pull"))
    assert registry.client.get(url, headers=headers).status_code == 200
    registry.expire_tokens()
    assert registry.client.get(url, headers=headers).status_code == 401


def test_no_tokens_without_a_gate(make: MakeRegistry) -> None:
    """A registry that asks for nothing has given nothing out."""
    registry = make()
    registry.expire_tokens()
    assert registry.issued_tokens == []


def test_blobs_elsewhere_in_process(make: MakeRegistry) -> None:
    """A blob is behind a signed URL of another host, which the same client reaches."""
    registry = make(redirects=True, images=["app:1"])
    digest = registry.image("app:1").config.digest
    response = registry.client.get(f"/v2/app/blobs/{digest}", follow_redirects=True)
    assert response.content == registry.image("app:1").config.raw
    assert response.url.host == "storage.test"
    assert [exchange.part for exchange in registry.requests] == ["registry", "storage"]
    assert registry.requests[1].digest == digest


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_blobs_elsewhere_over_a_socket(make: MakeRegistry, name: str) -> None:
    """The storage has a port and a name of its own, so that every client sees another host."""
    registry = make(redirects=True, images=["app:1"])
    image = registry.image("app:1")
    port = registry.host.rpartition(":")[2]
    base = f"http://{name}:{port}"
    for digest, content in image.blobs.items():
        response = requests.get(f"{base}/v2/app/blobs/{digest}", timeout=10)
        assert response.content == content
        (first,) = response.history
        elsewhere = httpx.URL(first.headers["Location"])
        assert {elsewhere.host, name} == {"127.0.0.1", "localhost"}
        assert str(elsewhere.port) != port
    httpx.get(f"{base}/v2/app/manifests/1")
    registry.assert_pulled("app:1")


def test_signed_urls_end_with_the_clock(make: MakeRegistry) -> None:
    """What was signed before has expired then."""
    registry = make(redirects=True, url_lifetime=600, images=["app:1"])
    url = f"/v2/app/blobs/{registry.image('app:1').config.digest}"
    signed = registry.client.get(url).headers["Location"]
    registry.clock.advance(600)
    assert registry.client.get(signed).status_code == 200
    registry.clock.advance(1)
    assert registry.client.get(signed).status_code == 403


def test_clients_that_keep_credentials_to_themselves(make: MakeRegistry) -> None:
    """Httpx and requests drop them on the way to another host, which is no leak."""
    registry = make(auth="basic", redirects=True, images=["app:1"])
    (login,) = registry.accounts.items()
    path = f"/v2/app/blobs/{registry.image('app:1').config.digest}"
    with httpx.Client(auth=login, follow_redirects=True) as client:
        assert client.get(f"{registry.url}{path}").status_code == 200
    assert requests.get(f"{registry.url}{path}", auth=login, timeout=10).status_code == 200
    registry.assert_no_credentials_leaked()


@pytest.mark.parametrize("header", ["Authorization", "Cookie", "Proxy-Authorization"])
def test_credentials_at_the_storage_are_a_leak(make: MakeRegistry, header: str) -> None:
    """Whatever kind they are; the message says where, and not what."""
    registry = make(redirects=True, images=["app:1"])
    path = f"/v2/app/blobs/{registry.image('app:1').config.digest}"
    signed = registry.client.get(path).headers["Location"]
    registry.client.get(signed, headers={header: "Basic c2VjcmV0"})
    with pytest.raises(AssertionError) as failure:
        registry.assert_no_credentials_leaked()
    assert f"{header} was sent along to the storage host" in str(failure.value)
    assert "c2VjcmV0" not in str(failure.value) + registry.traffic


def test_secrets_in_a_url_are_a_leak(make: MakeRegistry) -> None:
    """URLs are logged by everyone on the way."""
    registry = make(auth="bearer")
    (password,) = registry.accounts.values()
    token = token_for(registry)
    registry.client.get("/token", params={"password": password})
    registry.client.get(f"/v2/{token}/tags/list")
    assert registry.leaks == {
        2: "a password or a token is in the URL",
        3: "a password or a token is in the URL",
    }


def test_a_token_for_one_host_at_another_is_a_leak(make: MakeRegistry) -> None:
    """Names of this machine are the same host."""
    registry = make(auth="bearer")
    headers = bearer(token_for(registry))
    for host in ("quay.io", "quay.io:443", "ghcr.io"):
        registry.client.get(f"https://{host}/v2/", headers=headers)
    assert registry.leaks == {4: "the token for quay.io was sent along to ghcr.io"}
    other = bearer(token_for(registry))
    registry.client.get("http://localhost:5000/v2/", headers=other)
    registry.client.get("http://127.0.0.1:5000/v2/", headers=other)
    assert len(registry.leaks) == 1


def test_the_same_password_may_be_used_at_two_hosts(make: MakeRegistry) -> None:
    """It was given for both."""
    registry = make(auth="basic")
    (login,) = registry.accounts.items()
    for host in ("quay.io", "ghcr.io"):
        registry.client.get(f"https://{host}/v2/", auth=login)
    registry.assert_no_credentials_leaked()


def test_async_clients(make: MakeRegistry) -> None:
    """They reach the same registry, under any name."""
    registry = make(images=["app:1"])

    async def pull() -> bytes:
        response = await registry.async_client.get("https://quay.io/v2/app/manifests/1")
        async with httpx.AsyncClient(transport=registry.async_transport) as own:
            again = await own.get("http://ghcr.io/v2/app/manifests/1")
        assert again.content == response.content
        return response.content

    assert asyncio.run(pull()) == registry.image("app:1").manifest.raw


def test_clients_of_ones_own(make: MakeRegistry) -> None:
    """A transport is all that it takes to inject the registry."""
    registry = make(images=["app:1"])
    with httpx.Client(transport=registry.transport, headers={"User-Agent": "mine"}) as client:
        assert client.get("https://quay.io/v2/app/manifests/1").status_code == 200
    assert registry.requests[0].headers.get("User-Agent") == "mine"


def test_nothing_listens_until_somebody_asks(make: MakeRegistry) -> None:
    """A registry in process has no thread and no port."""
    before = threading.active_count()
    registry = make(images=["app:1"])
    registry.client.get("/v2/")
    assert threading.active_count() == before
    assert registry.url == f"http://{registry.host}"
    assert threading.active_count() == before + 1
    assert registry.url == registry.url


def test_the_socket_is_opened_once_for_all_threads(make: MakeRegistry) -> None:
    """Whoever asks first."""
    registry = make()
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(registry.url)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1


def test_a_registry_in_a_directory(make: MakeRegistry, tmp_path: Path) -> None:
    """It is laid out as docker-registry would, and is there when the test is over."""
    image = make(directory=tmp_path, images=["app:1"]).image("app:1")
    assert DirectoryStore(tmp_path).tags("app") == ["1"]
    assert make(directory=tmp_path).image("app:1").layers[0].content == image.layers[0].content


def test_options_are_values() -> None:
    """They show no password."""
    options = RegistryOptions(accounts={"alice": "s3cret"})
    assert "s3cret" not in repr(options)
    assert options.changed(auth="basic").accounts == {"alice": "s3cret"}
    with FakeRegistry(options, auth="basic") as registry:
        assert registry.options == options.changed(auth="basic")


def test_an_option_that_there_is_not() -> None:
    """The message says what there is."""
    with pytest.raises(InvalidOption, match="no option 'redirect'; did you mean 'redirects'"):
        FakeRegistry(redirect=True)


def test_the_clock_stands_still() -> None:
    """It shows the time that the test has made of it."""
    clock = FakeClock(10.0)
    clock.advance(2.5)
    assert clock() == 12.5
    assert repr(clock) == "FakeClock(12.5)"


def test_the_clock_begins_in_the_present(make: MakeRegistry) -> None:
    """A client that keeps time itself finds that its token is good for as long as it was told."""
    registry = make(auth="bearer", token_lifetime=300)
    token = registry.client.get("/token").json()
    age = datetime.now(UTC) - datetime.fromisoformat(token["issued_at"])
    assert age.total_seconds() < token["expires_in"] == 300


def test_passwords_are_not_among_what_is_printed(make: MakeRegistry) -> None:
    """Not in the traffic and not in a repr, however they were sent."""
    registry = make(auth="basic", accounts={"alice": "s3cret"})
    registry.client.get("/v2/", auth=("alice", "s3cret"))
    encoded = base64.b64encode(b"alice:s3cret").decode()
    for text in (registry.traffic, repr(registry), repr(registry.requests), repr(registry.options)):
        assert "s3cret" not in text
        assert encoded not in text
