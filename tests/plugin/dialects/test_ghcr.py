"""GitHub Container Registry."""

from __future__ import annotations

import pytest

from occystrap.errors import APIException
from occystrap.oci.diagnostics import parse_diagnostics
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Descriptor
from occystrap.oci.media_types import OCI_LAYER
from tests.support.dialects import Scene, proves, scene
from tests.support.wire import CONFIG, Wire, error_code

ACCOUNTS = {"octocat": "ghp_token"}
OCTOCAT = ("octocat", "ghp_token")
CHALLENGE = 'Bearer realm="https://ghcr.io/token",service="ghcr.io"'
CHUNK = 4 * 1024 * 1024


@pytest.fixture
def ghcr() -> Scene:
    """A GHCR with a public image and a private one."""
    ghcr = scene("ghcr", accounts=ACCOUNTS, private={"org/secret"})
    ghcr.wire(OCTOCAT).put_image("org/app", "1")
    ghcr.wire(OCTOCAT).put_image("org/secret", "1")
    return ghcr


@pytest.fixture
def wire(ghcr: Scene) -> Wire:
    """A client of it that has an account."""
    return ghcr.wire(OCTOCAT)


@proves("ghcr", "entry.scheme", "entry.token")
def test_even_what_is_public_needs_a_token(ghcr: Scene) -> None:
    """tunnel-client#75: which has one field."""
    plain = ghcr.http()
    answer = plain.get("/v2/org/app/tags/list")
    scope = "repository:org/app:pull"
    assert answer.headers["WWW-Authenticate"] == f'{CHALLENGE},scope="{scope}"'
    token = plain.get("/token", params={"service": "ghcr.io", "scope": scope})
    assert token.json().keys() == {"token"}


@proves("ghcr", "entry.unknown_repository", "entry.hides_unknown")
@pytest.mark.parametrize("name", ["secret", "absent"])
def test_strangers_get_no_token_for_what_they_may_not_see(ghcr: Scene, name: str) -> None:
    """tunnel-client#75: be it private, or not there at all."""
    plain = ghcr.http()
    scope = f"repository:org/{name}:pull"
    answer = plain.get("/token", params={"scope": scope})
    assert (answer.status_code, error_code(answer)) == (401, "UNAUTHORIZED")
    public = plain.get("/token", params={"scope": "repository:org/app:pull"}).json()["token"]
    signed = {"Authorization": f"Bearer {public}"}
    assert plain.get(f"/v2/org/{name}/tags/list", headers=signed).status_code == 401


@proves("ghcr", "entry.wrong_password")
def test_a_stale_password_is_denied_even_for_what_is_public(ghcr: Scene) -> None:
    """tart#277, drydock#87: by the token endpoint, with 403."""
    answer = ghcr.http().get(
        "/token", params={"scope": "repository:org/app:pull"}, auth=("octocat", "stale")
    )
    assert answer.status_code == 403
    assert answer.json() == {"errors": [{"code": "DENIED", "message": "denied"}]}
    with pytest.raises(APIException, match="DENIED: denied"):
        ghcr.client("octocat", "stale").find_manifest("org/app", "1")


@proves("ghcr", "entry.bad_credentials")
@pytest.mark.parametrize("given", ["Bearer stale", "Basic b2N0b2NhdDpzdGFsZQ=="])
def test_a_stale_token_is_denied_without_a_challenge(ghcr: Scene, given: str) -> None:
    """renovate#11446: the same request without it gets one."""
    answer = ghcr.http().get("/v2/org/app/tags/list", headers={"Authorization": given})
    assert (answer.status_code, error_code(answer)) == (403, "DENIED")
    assert "WWW-Authenticate" not in answer.headers


@proves("ghcr", "uploads.longest_chunk", "uploads.too_long")
def test_a_chunk_has_four_mebibytes_at_most(ghcr: Scene, wire: Wire) -> None:
    """ocx#237: more is a 416 that isn't about offsets; at once, a blob may have any size."""
    place = wire.begin("org/app")
    assert wire.patch(place, bytes(CHUNK)).status_code == 202
    scope = {"scope": "repository:org/app:pull,push"}
    token = wire.client.get("/token", params=scope, auth=OCTOCAT).json()["token"]
    signed = {"Authorization": f"Bearer {token}"}
    for body in (bytes(CHUNK + 1), iter([bytes(CHUNK), b"x"])):
        place = wire.begin("org/app")
        answer = ghcr.http().patch(place, content=body, headers=signed)
        assert (answer.status_code, error_code(answer)) == (416, "REQUESTED_RANGE_NOT_SATISFIABLE")
        assert answer.json()["errors"][0]["message"] == "the request body is too large"
    wire.put_blob("org/app", bytes(CHUNK + 1))


def test_a_client_that_sends_longer_chunks_gets_there(ghcr: Scene) -> None:
    """It makes them smaller once it has been told."""
    layer = bytes(range(256)) * 40_000
    descriptor = Descriptor.of(layer, OCI_LAYER)
    client = ghcr.client(*OCTOCAT)
    client.upload_blob("org/app", descriptor, layer, chunk=2 * CHUNK)
    assert client.has_blob("org/app", Digest.of(layer))


@proves("ghcr", "blobs.redirect")
def test_blobs_come_from_azure_for_five_minutes(ghcr: Scene, wire: Wire) -> None:
    """contrast#516: with a shared access signature; `se` tells its end."""
    answer = wire.get_blob("org/app", Digest.of(CONFIG))
    elsewhere = answer.headers["Location"]
    assert elsewhere.startswith("https://pkg-containers.githubusercontent.com/")
    assert "se=2026-11-23T16%3A49%3A02Z" in elsewhere
    assert ghcr.http().get(elsewhere).content == CONFIG
    ghcr.clock.sleep(301)
    assert ghcr.http().get(elsewhere).status_code == 403


@proves("ghcr", "manifests.negotiation")
def test_oci_is_for_those_who_name_it(wire: Wire) -> None:
    """niks3#229, artifact-keeper#1519: to others it isn't there."""
    answer = wire.client.get("/v2/org/app/manifests/1", headers={"Accept": "*/*"})
    assert (answer.status_code, error_code(answer)) == (404, "MANIFEST_UNKNOWN")


@proves("ghcr", "listing.tags")
def test_tags_come_by_the_hundred(ghcr: Scene, wire: Wire) -> None:
    """argocd-image-updater#1660: unless more are asked for, and Link is relative."""
    manifest = next(ghcr.registry.store.manifests("org/app"))
    for number in range(2, 122):
        ghcr.registry.store.add_manifest("org/app", manifest, f"{number:03}")
    answer = wire.client.get("/v2/org/app/tags/list")
    assert len(answer.json()["tags"]) == 100
    assert answer.headers["Link"].startswith("</v2/org/app/tags/list?n=100&last=")
    assert len(wire.client.get("/v2/org/app/tags/list?n=1000").json()["tags"]) == 121


@proves("ghcr", "limits.answer")
def test_when_to_come_again_is_in_the_message(ghcr: Scene) -> None:
    """dependabot/cli#380: as Go writes durations."""
    answer = ghcr.dialect.limits.answer.response
    said = parse_diagnostics(b"".join(answer.body))[0]
    assert (answer.status, said.code) == (429, "TOOMANYREQUESTS")
    assert said.message == "retry-after: 880.092\u00b5s, allowed: 44000/minute"
