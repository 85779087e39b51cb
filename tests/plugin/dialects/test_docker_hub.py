"""Docker Hub: its tokens, and what it counts."""

from __future__ import annotations

import dataclasses

import pytest

from occystrap.client.registry import RegistryClient
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCI_INDEX
from pytest_occystrap.dialects import DIALECTS
from pytest_occystrap.dialects.form import Quota
from tests.support.dialects import Scene, proves, scene
from tests.support.wire import CONFIG, Wire, error_code, image_manifest

UNKNOWN = f"sha256:{'0' * 64}"


@pytest.fixture
def hub() -> Scene:
    """Docker Hub, under the name that its API has."""
    return scene("docker_hub")


@pytest.fixture
def wire(hub: Scene) -> Wire:
    """A client of it that gets tokens."""
    return hub.wire()


@proves("docker_hub", "entry.scheme", "entry.endpoint_host", "entry.service")
def test_tokens_are_given_out_elsewhere(hub: Scene) -> None:
    """spec/auth/token.md, containerd#1318: and the root names no scope."""
    plain = hub.http()
    root = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"'
    assert plain.get("/v2/").headers["WWW-Authenticate"] == root
    answer = plain.get("/v2/library/busybox/manifests/1")
    scope = "repository:library/busybox:pull"
    assert answer.headers["WWW-Authenticate"] == f'{root},scope="{scope}"'
    detail = [{"Type": "repository", "Class": "", "Name": "library/busybox", "Action": "pull"}]
    assert answer.json()["errors"][0]["detail"] == detail


@proves("docker_hub", "entry.endpoint_host")
def test_under_another_name_nobody_is_led_to_the_real_one() -> None:
    """A fake at 127.0.0.1 gives its tokens out itself."""
    plain = scene("docker_hub", host="127.0.0.1:5000").http()
    challenge = plain.get("/v2/").headers["WWW-Authenticate"]
    assert 'realm="https://127.0.0.1:5000/token"' in challenge


@proves("docker_hub", "entry.token")
def test_a_token_tells_when_it_was_made(hub: Scene, wire: Wire) -> None:
    """jib#691: to the nanosecond, and that it ends in five minutes."""
    wire.put_image("library/busybox", "1")
    scope = "repository:library/busybox:pull"
    token = hub.http("auth.docker.io").get("/token", params={"scope": scope}).json()
    assert token.keys() == {"token", "expires_in", "issued_at"}
    assert token["expires_in"] == 300
    assert token["issued_at"] == "2026-11-23T16:44:02.000000000Z"


@proves("docker_hub", "entry.unknown_repository")
def test_no_token_is_given_for_a_repository_that_there_is_not(hub: Scene, wire: Wire) -> None:
    """ggcr#1679, #1741: not to pull from it, though for one that shall begin it is."""
    wire.put_image("library/busybox", "1")
    tokens = hub.http("auth.docker.io")
    known, unknown = "repository:library/busybox:pull,push", "repository:org/unknown:pull"
    answer = tokens.get("/token", params={"scope": [known, unknown]})
    assert (answer.status_code, error_code(answer)) == (401, "UNAUTHORIZED")
    begins = ["repository:org/unknown:pull", "repository:org/unknown:pull,push"]
    assert tokens.get("/token", params={"scope": begins}).status_code == 200


@proves("docker_hub", "blobs.redirect")
def test_blobs_come_from_a_cdn(hub: Scene, wire: Wire) -> None:
    """hub-feedback#1675: under a name of Docker's, with a signature."""
    digest = wire.put_blob("library/busybox", CONFIG)
    answer = wire.get_blob("library/busybox", digest)
    assert answer.status_code == 307
    assert answer.headers["Location"].startswith("https://production.cloudflare.docker.com/")
    assert hub.http().get(answer.headers["Location"]).content == CONFIG


@proves("docker_hub", "limits.quota")
def test_pulls_are_counted_and_looks_are_not(hub: Scene, wire: Wire) -> None:
    """download-rate-limit.md: HEAD is free of charge, and both tell what is left."""
    wire.put_image("library/busybox", "1")
    path = "/v2/library/busybox/manifests/1"
    wire.client.headers["Accept"] = "*/*"
    head = wire.client.head(path).headers
    assert head["ratelimit-limit"] == "100;w=21600"
    assert head["ratelimit-remaining"] == "100;w=21600"
    assert head["docker-ratelimit-source"]
    assert wire.client.get(path).headers["ratelimit-remaining"] == "99;w=21600"
    assert wire.client.head(path).headers["ratelimit-remaining"] == "99;w=21600"
    assert "ratelimit-limit" not in wire.client.get("/v2/library/busybox/tags/list").headers
    assert hub.dialect.limits.quota == Quota(100, 21600, announced=True)


@proves("docker_hub", "limits.answer")
def test_who_has_pulled_too_much_waits_for_the_window_to_end() -> None:
    """kogito-apps#1663, dependabot/cli#380: JSON, and no Retry-After."""
    limits = dataclasses.replace(
        DIALECTS["docker_hub"].limits, quota=Quota(2, 21600, announced=True)
    )
    hub = scene(dataclasses.replace(DIALECTS["docker_hub"], limits=limits))
    wire = hub.wire()
    wire.put_image("library/busybox", "1")
    path = "/v2/library/busybox/manifests/1"
    assert [wire.client.get(path).status_code for _ in range(3)] == [200, 200, 429]
    answer = wire.client.get(path)
    assert error_code(answer) == "TOOMANYREQUESTS"
    assert answer.json()["errors"][0]["message"].startswith("You have reached your pull rate limit")
    assert "Retry-After" not in answer.headers
    assert answer.headers["ratelimit-remaining"] == "0;w=21600"
    assert wire.client.head(path).status_code == 200
    hub.clock.sleep(21600)
    assert wire.client.get(path).status_code == 200


@proves("docker_hub", "limits.abuse")
def test_who_asks_too_fast_is_told_so_in_plain_text(hub: Scene) -> None:
    """hub-feedback#1907: with a Retry-After, at the end of the connection."""
    abuse = hub.dialect.limits.abuse
    assert abuse is not None
    answer = abuse.response
    assert (answer.status, answer.headers.get("Content-Type")) == (429, "text/plain")
    assert (answer.headers.get("Retry-After"), answer.headers.get("Connection")) == ("60", "close")
    assert b"".join(answer.body) == b"Too Many Requests (HAP429).\n"


@proves("docker_hub", "absent", "headers")
def test_there_are_no_referrers(wire: Wire) -> None:
    """docker/roadmap#724: clients keep them under a tag."""
    wire.put_image("library/busybox", "1")
    answer = wire.client.get(f"/v2/library/busybox/referrers/{UNKNOWN}")
    assert answer.status_code == 404
    subject = {"mediaType": OCI_INDEX, "digest": UNKNOWN, "size": 7}
    stored = wire.put_manifest("library/busybox", "2", image_manifest(subject=subject))
    assert stored.status_code == 201
    assert "OCI-Subject" not in stored.headers


@proves("docker_hub", "http2")
def test_its_door_speaks_http1(hub: Scene) -> None:
    """docker-mods#11: ALPN is offered HTTP/2 in vain."""
    assert not hub.dialect.http2


def test_the_client_dials_the_name_of_the_api(hub: Scene, wire: Wire) -> None:
    """Whoever says docker.io means registry-1.docker.io and, of short names, library/."""
    manifest = wire.put_image("library/busybox", "1")
    client = RegistryClient("docker.io", session=hub.client().session)
    assert client.find_manifest("library/busybox", "1") == Digest.of(manifest)
    assert hub.seen.exchanges[-1][0].host == "registry-1.docker.io"
