"""Azure, Google, GitLab, Harbor, Microsoft's own registry, and zot."""

from __future__ import annotations

import httpx
import pytest

from occystrap.client.credentials import Credential, StaticCredentials
from occystrap.client.registry import RegistryClient
from occystrap.oci.digest import Digest
from tests.support.dialects import Scene, proves, scene
from tests.support.wire import CONFIG, error_code

ACCOUNTS = {"alice": "open sesame"}
ALICE = ("alice", "open sesame")
UNKNOWN = f"sha256:{'0' * 64}"


def challenge_of(http: httpx.Client, path: str = "/v2/") -> str:
    """Ask for the way in."""
    return str(http.get(path).headers.get("WWW-Authenticate", ""))


@proves("acr", "entry.scheme", "entry.token")
def test_azure_calls_its_token_access_token() -> None:
    """Token-BasicAuth, acr#166: by GET with a password; a wrong verb isn't found."""
    http = scene("acr", accounts=ACCOUNTS).http()
    realm = "https://myregistry.azurecr.io/oauth2/token"
    assert challenge_of(http) == f'Bearer realm="{realm}",service="myregistry.azurecr.io"'
    answer = http.get("/oauth2/token", params={"scope": "repository:a:pull"}, auth=ALICE)
    assert answer.json().keys() == {"access_token"}
    assert http.delete("/oauth2/token").status_code == 404


@proves("acr", "entry.exchange", "entry.grants")
def test_azure_exchanges_tokens() -> None:
    """AAD-OAuth: its identity for a refresh token, that for an access token, and no password."""
    azure = scene("acr", accounts=ACCOUNTS)
    http = azure.http()
    exchanged = http.post(
        "/oauth2/exchange", data={"grant_type": "access_token", "access_token": ALICE[1]}
    )
    assert exchanged.json().keys() == {"refresh_token"}
    refresh = exchanged.json()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": refresh, "scope": "repository:a:pull"}
    assert http.post("/oauth2/token", data=form).json().keys() == {"access_token"}
    password = {"grant_type": "password", "username": ALICE[0], "password": ALICE[1]}
    assert http.post("/oauth2/token", data=password).status_code == 400
    assert http.get("/oauth2/exchange").status_code == 404
    wrong = {"grant_type": "access_token", "access_token": "wrong"}
    assert http.post("/oauth2/exchange", data=wrong).status_code == 401
    azure.wire(ALICE).put_image("a", "1")
    identity = StaticCredentials(Credential("00000000", identity_token=refresh))
    session = azure.client().session
    client = RegistryClient(azure.host, session=session, credentials=identity)
    assert client.has_blob("a", Digest.of(CONFIG))


@proves("acr", "blobs.redirect")
def test_azure_blobs_are_elsewhere_and_take_one_right_only() -> None:
    """acr#217, azure-sdk-for-js#20957: 307 with a page, to where a token is no good."""
    azure = scene("acr")
    digest = azure.wire().put_blob("a", CONFIG)
    answer = azure.wire().get_blob("a", digest)
    assert (answer.status_code, answer.headers["Content-Type"]) == (307, "text/html; charset=utf-8")
    elsewhere = answer.headers["Location"]
    assert ".blob.core.windows.net/" in elsewhere
    assert azure.http().get(elsewhere).content == CONFIG
    both = azure.http().get(elsewhere, headers={"Authorization": "Bearer x"})
    assert "Authentication information is not given in the correct format." in both.text


@proves("artifact_registry", "entry.scheme", "entry.token", "entry.challenges_on_ping_only")
def test_google_shows_the_way_in_at_its_root() -> None:
    """containers/image, oras#157: elsewhere a 401 is bare; and POST isn't found."""
    http = scene("artifact_registry").http()
    realm = "https://us-docker.pkg.dev/v2/token"
    assert challenge_of(http) == f'Bearer realm="{realm}",service="us-docker.pkg.dev"'
    answer = http.get("/v2/project/app/tags/list")
    assert (answer.status_code, error_code(answer)) == (401, "UNAUTHORIZED")
    assert "WWW-Authenticate" not in answer.headers
    assert http.post("/v2/token", data={"grant_type": "password"}).status_code == 404


@proves("artifact_registry", "uploads.several_chunks", "entry.deleting_is_pushing")
def test_google_takes_no_chunks() -> None:
    """docker-api, kitops#777: one PATCH at most, and that as a whole; who pushes may delete."""
    google = scene("artifact_registry")
    http = google.http()
    scope = "repository:project/app:pull,push"
    token = http.get("/v2/token", params={"scope": scope}).json()["token"]
    http.headers["Authorization"] = f"Bearer {token}"
    place = http.post("/v2/project/app/blobs/uploads/").headers["Location"]
    chunk = http.patch(place, content=b"x", headers={"Content-Range": "0-0"})
    assert (chunk.status_code, error_code(chunk)) == (405, "UNSUPPORTED")
    whole = http.patch(place, content=b"x")
    assert whole.status_code == 202
    second = http.patch(whole.headers["Location"], content=b"y")
    assert (second.status_code, error_code(second)) == (405, "UNSUPPORTED")
    params = {"digest": str(Digest.of(b"x"))}
    assert http.put(place, params=params).status_code == 201
    assert http.delete(f"/v2/project/app/blobs/{Digest.of(b'x')}").status_code == 202


@proves("artifact_registry", "limits.quota")
def test_google_counts_by_the_minute() -> None:
    """registry.k8s.io#153: sixty thousand, and it doesn't say so."""
    quota = scene("artifact_registry").dialect.limits.quota
    assert quota is not None
    assert (quota.amount, quota.seconds, quota.announced) == (60000, 60, False)


@proves("gitlab", "entry.scheme", "entry.token", "entry.endpoint_host", "entry.service")
@proves("gitlab", "entry.seconds")
def test_gitlab_gives_tokens_of_fifteen_minutes_that_do_not_say_so() -> None:
    """docs.gitlab.com, harbor#23753: at gitlab.com, which isn't the registry."""
    gitlab = scene("gitlab")
    http = gitlab.http()
    realm = "https://gitlab.com/jwt/auth"
    assert challenge_of(http) == f'Bearer realm="{realm}",service="container_registry"'
    tokens = gitlab.http("gitlab.com")
    answer = tokens.get("/jwt/auth", params={"scope": "repository:group/app:pull"}).json()
    assert answer.keys() == {"token"}
    signed = {"Authorization": f"Bearer {answer['token']}"}
    gitlab.clock.sleep(899)
    assert http.get("/v2/group/app/tags/list", headers=signed).status_code == 404
    gitlab.clock.sleep(1)
    assert http.get("/v2/group/app/tags/list", headers=signed).status_code == 401


@proves("gitlab", "absent")
def test_gitlab_shows_nobody_its_catalog() -> None:
    """gitlab#19470: and a scope with a star helps nobody."""
    gitlab = scene("gitlab")
    answer = gitlab.wire().client.get("/v2/_catalog")
    assert (answer.status_code, error_code(answer)) == (401, "UNAUTHORIZED")
    http = gitlab.http()
    token = http.get("/jwt/auth", params={"scope": "repository:group/app:*"}).json()["token"]
    signed = {"Authorization": f"Bearer {token}"}
    assert http.get("/v2/group/app/tags/list", headers=signed).status_code == 401


@proves("acr", "manifests.negotiation")
@proves("gitlab", "manifests.negotiation")
@pytest.mark.parametrize("name", ["acr", "gitlab"])
def test_oci_is_for_those_who_name_it(name: str) -> None:
    """niks3#229, artifact-keeper#1519: to others it isn't there."""
    wire = scene(name).wire()
    wire.put_image("group/app", "1")
    answer = wire.client.get("/v2/group/app/manifests/1", headers={"Accept": "*/*"})
    assert (answer.status_code, error_code(answer)) == (404, "MANIFEST_UNKNOWN")


@proves("harbor", "entry.scheme", "entry.token", "entry.service", "entry.seconds")
def test_harbor_gives_tokens_of_half_an_hour() -> None:
    """harbor#18860: at its own service."""
    http = scene("harbor").http()
    realm = "https://registry.example/service/token"
    assert challenge_of(http) == f'Bearer realm="{realm}",service="harbor-registry"'
    token = http.get("/service/token", params={"scope": "repository:library/app:pull"}).json()
    assert token["expires_in"] == 1800


@proves("harbor", "uploads.mount_from_nowhere")
def test_harbor_knows_no_such_project() -> None:
    """harbor#17097: 401 and not 202; of a project that there is, an unknown blob is 202."""
    wire = scene("harbor").wire()
    wire.put_image("library/app", "1")
    path = f"/v2/library/copy/blobs/uploads/?mount={UNKNOWN}&from={{}}"
    answer = wire.client.post(path.format("nowhere/app"))
    assert (answer.status_code, error_code(answer)) == (401, "UNAUTHORIZED")
    assert answer.json()["errors"][0]["message"] == "project nowhere not found"
    assert wire.client.post(path.format("library/app")).status_code == 202


@proves("mcr", "entry.scheme")
def test_microsoft_asks_nobody_for_anything() -> None:
    """containerregistry#168, #57: its catalog and its tags are open to all."""
    microsoft: Scene = scene("mcr", accounts=ACCOUNTS)
    http = microsoft.http()
    assert http.get("/v2/").status_code == 200
    assert http.get("/v2/_catalog").json() == {"repositories": []}


@proves("zot", "blobs.several_ranges")
def test_zot_refuses_several_ranges() -> None:
    """zot#724: one it sends."""
    wire = scene("zot").wire()
    digest = wire.put_blob("a", CONFIG)
    assert wire.get_blob("a", digest, Range="bytes=0-1,3-4").status_code == 416
    assert wire.get_blob("a", digest, Range="bytes=0-1").content == CONFIG[:2]
