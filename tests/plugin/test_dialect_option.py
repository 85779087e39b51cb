"""A fake registry with the ways of another: what the options and the dialect make of each other."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from occystrap.errors import InvalidOption
from pytest_occystrap.command import RunOccystrap
from pytest_occystrap.dialects import DIALECTS
from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.hosts import RegistryHosts
from pytest_occystrap.plugin import MakeRegistry
from pytest_occystrap.stack import find_dialect

#: Those that nobody can push to.
READ_ONLY = {"mcr"}


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_the_command_line_gets_along(
    name: str, make_registry: MakeRegistry, tmp_path: Path
) -> None:
    """It pulls and pushes under the registry's own name, with a login, and nothing leaks."""
    registry = make_registry(dialect=name, images=["org/app:1"])
    ((username, password),) = registry.accounts.items()
    run = RunOccystrap(registry.client)
    host = (registry.dialect.hosts or ("registry.example",))[0]
    login = ("--username", username, "--password", password)
    archive = f"tar://{tmp_path}/app.tar"
    pulled = run(*login, "process", f"registry://{host}/org/app:1", archive)
    assert pulled.ok, pulled.stderr
    registry.assert_pulled("org/app:1")
    if name not in READ_ONLY:
        pushed = run(*login, "process", archive, f"registry://{host}/org/app:2")
        assert pushed.ok, pushed.stderr
        registry.assert_pushed("org/app:2")
    registry.assert_no_credentials_leaked()


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_host_of_a_registry_is_led_to_it(
    name: str, make_registry: MakeRegistry, registry_hosts: RegistryHosts, tmp_path: Path
) -> None:
    """Its tokens and its blobs may come from hosts that a test never names."""
    registry = make_registry(dialect=name, auth="none", images=["org/app:1"])
    host = (registry.dialect.hosts or ("registry.example",))[0]
    registry_hosts(host, registry=registry)
    with httpx.Client() as client:
        run = RunOccystrap(client)
        result = run("process", f"registry://{host}/org/app:1", f"tar://{tmp_path}/app.tar")
    assert result.ok, result.stderr
    assert registry_hosts.refused == []
    registry.assert_pulled("org/app:1")


@pytest.mark.registry(dialect="docker-hub", images=["library/busybox:latest"])
def test_docker_hub_as_its_clients_see_it(fake_registry: FakeRegistry) -> None:
    """Its token host, its limits and its storage."""
    client = fake_registry.client
    challenge = client.get("https://registry-1.docker.io/v2/").headers["WWW-Authenticate"]
    assert 'realm="https://auth.docker.io/token"' in challenge
    token = client.get(
        "https://auth.docker.io/token?service=registry.docker.io"
        "&scope=repository:library/busybox:pull"
    ).json()
    assert token["expires_in"] == 300
    headers = {"Authorization": f"Bearer {token['token']}"}
    base = "https://registry-1.docker.io/v2/library/busybox"
    answer = client.get(f"{base}/manifests/latest", headers=headers)
    assert answer.headers["ratelimit-remaining"] == "99;w=21600"
    digest = fake_registry.image("library/busybox:latest").config.digest
    elsewhere = client.get(f"{base}/blobs/{digest}", headers=headers).headers["Location"]
    assert httpx.URL(elsewhere).host == "production.cloudflare.docker.com"
    assert client.get(elsewhere).status_code == 200
    assert fake_registry.other_hosts == ("production.cloudflare.docker.com", "auth.docker.io")


def test_options_count_before_the_dialect(make_registry: MakeRegistry) -> None:
    """Auth, redirects and lifetimes may be other than those of the registry."""
    registry = make_registry(
        dialect="docker_hub",
        auth="basic",
        redirects=False,
        token_lifetime=5,
        http2=True,
        images=["app:1"],
    )
    (login,) = registry.accounts.items()
    assert registry.client.get("/v2/").headers["WWW-Authenticate"].startswith("Basic ")
    digest = registry.image("app:1").config.digest
    assert registry.client.get(f"/v2/app/blobs/{digest}", auth=login).status_code == 200
    assert registry.dialect.entry.seconds == 5
    with httpx.Client(verify=registry.ssl_context, http2=True) as client:
        assert client.get(f"{registry.https_url}/v2/").http_version == "HTTP/2"
    assert registry.other_hosts == ("auth.docker.io",)


def test_redirects_where_the_registry_has_none(make_registry: MakeRegistry) -> None:
    """Then they lead to a host of no meaning."""
    registry = make_registry(dialect="zot", auth="none", redirects=True, url_lifetime=7)
    image = registry.add_image("app:1")
    url = f"/v2/app/blobs/{image.config.digest}"
    signed = registry.client.get(url).headers["Location"]
    assert httpx.URL(signed).host == "storage.test"
    registry.clock.advance(8)
    assert registry.client.get(signed).status_code == 403


@pytest.mark.registry(dialect="quay", images=["org/app:1"])
def test_quay_knows_the_tags_that_a_test_has_set(fake_registry: FakeRegistry) -> None:
    """Its own API tells of them, with the time of the registry's clock."""
    before = fake_registry.clock()
    fake_registry.clock.advance(60)
    fake_registry.add_image("org/app:2")
    answer = fake_registry.client.get("https://quay.io/api/v1/repository/org/app/tag/").json()
    times = {tag["name"]: tag["start_ts"] for tag in answer["tags"]}
    assert times == {"1": int(before), "2": int(before) + 60}


@pytest.mark.registry(dialect="docker_hub", auth="none", images=["org/app:1"])
def test_referrers_where_there_is_no_api_for_them(fake_registry: FakeRegistry) -> None:
    """They stand in the index under the tag that the specification falls back to."""
    image = fake_registry.image("org/app:1")
    first = fake_registry.add_referrer(image, "application/vnd.example.a", annotations={"a": "b"})
    second = fake_registry.add_referrer(image, "application/vnd.example.b")
    index = fake_registry.image(f"org/app:{image.digest.replace(':', '-')}").manifest
    assert [(one["digest"], one["artifactType"]) for one in index["manifests"]] == [
        (first.digest, "application/vnd.example.a"),
        (second.digest, "application/vnd.example.b"),
    ]
    assert index["manifests"][0]["annotations"] == {"a": "b"}
    assert fake_registry.tags("org/app")[0] == "1"


@pytest.mark.registry(chunk_min_length=1234)
def test_the_shortest_chunk_is_announced(fake_registry: FakeRegistry) -> None:
    """Clients that upload in chunks look for it."""
    answer = fake_registry.client.post("/v2/app/blobs/uploads/")
    assert answer.headers["OCI-Chunk-Min-Length"] == "1234"


def test_a_dialect_of_ones_own(make_registry: MakeRegistry) -> None:
    """A value does as well as a name."""
    assert make_registry(dialect=DIALECTS["quay"]).dialect.title == DIALECTS["quay"].title


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("docker_hubb", "there is no dialect 'docker_hubb'; did you mean 'docker_hub'?"),
        ("npm", "there is no dialect 'npm'; there are distribution2, distribution3, docker_hub,"),
    ],
)
def test_a_dialect_that_there_is_not(name: str, message: str) -> None:
    """The message says which there are."""
    with pytest.raises(InvalidOption) as refusal:
        find_dialect(name)
    assert str(refusal.value).startswith(message)
