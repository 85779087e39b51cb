"""Effects where others than the registry answer: tokens, storage, the API of Quay."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.plugin import MakeRegistry

SCOPE = {"scope": "repository:org/app:pull"}
MANIFEST = "/v2/org/app/manifests/1"
UPLOADS = "/v2/org/app/blobs/uploads/"


@pytest.fixture
def gated(make: MakeRegistry) -> FakeRegistry:
    """A registry that wants tokens."""
    registry = make(auth="bearer")
    registry.add_image("org/app:1")
    return registry


def token(registry: FakeRegistry) -> dict[str, Any]:
    """Ask for a token."""
    found: dict[str, Any] = registry.client.get("/token", params=SCOPE).json()
    return found


def ask(registry: FakeRegistry, value: str) -> int:
    """Use a token."""
    headers = {"Authorization": f"Bearer {value}"}
    return registry.client.get(MANIFEST, headers=headers).status_code


@pytest.mark.parametrize(
    ("form", "challenges"),
    [
        ("negotiate_first", ["Negotiate", 'Bearer realm="https://registry.test/token"']),
        ("basic_first", ['Basic realm="injected"', 'Bearer realm="https://registry.test/token"']),
        ("relative_realm", ['Bearer realm="/token"']),
        ("http_realm", ['Bearer realm="http://registry.test/token"']),
        ("other_host", ['Bearer realm="https://elsewhere.invalid/token"']),
    ],
)
def test_challenges(gated: FakeRegistry, form: str, challenges: list[str]) -> None:
    """Each offers what it says, and the scope stays what it was."""
    usual = gated.client.get(MANIFEST).headers["WWW-Authenticate"]
    gated.fault(f"challenge {form}")
    told = gated.client.get(MANIFEST).headers.get_list("WWW-Authenticate")
    assert [challenge.split(",service")[0] for challenge in told] == challenges
    assert told[-1].partition(",")[2] == usual.partition(",")[2]


def test_a_realm_of_a_password(make: MakeRegistry) -> None:
    """It is no URL: a realm that is to be moved isn't there."""
    registry = make(auth="basic")
    fault = registry.fault("challenge http_realm", allow_unused=True)
    registry.fault("challenge negotiate_first")
    told = registry.client.get("/v2/").headers.get_list("WWW-Authenticate")
    assert [challenge.split()[0] for challenge in told] == ["Negotiate", "Basic"]
    assert fault.struck == 0


@pytest.mark.parametrize(
    ("form", "expires_in"),
    [("missing", None), ("zero", 0), ("negative", -60), ("text", "soon"), ("huge", 10**18)],
)
def test_the_life_of_tokens(gated: FakeRegistry, form: str, expires_in: object) -> None:
    """Whatever they tell, they are good."""
    gated.fault(f"token_expiry {form}")
    found = token(gated)
    assert found.get("expires_in") == expires_in
    assert ask(gated, found["token"]) == 200


def test_tokens_of_the_future(gated: FakeRegistry) -> None:
    """With more digits than a clock has."""
    gated.fault("token_expiry future")
    assert token(gated)["issued_at"] == "2999-12-31T23:59:59.123456789Z"


@pytest.mark.parametrize(
    ("content", "begins"),
    [
        ("no_json", b'{"token": "'),
        ("empty", b"{}"),
        ("null", b'{"token": null'),
        ("html", b"<!DOCTYPE html>"),
        ("huge", b'{"token": "tttt'),
    ],
)
def test_no_token(gated: FakeRegistry, content: str, begins: bytes) -> None:
    """200, and nothing that can be used; none was given out."""
    gated.fault(f"token_garbage {content}")
    answer = gated.client.get("/token", params=SCOPE)
    assert answer.status_code == 200
    assert answer.content.startswith(begins)
    assert gated.issued_tokens == []


def test_the_end_of_a_token(gated: FakeRegistry) -> None:
    """Only of the one that was brought; another is good."""
    first, second = token(gated)["token"], token(gated)["token"]
    gated.fault("expire_token")
    assert [ask(gated, value) for value in (first, first, second)] == [401, 401, 200]


def test_where_tokens_are_is_learnt(make: MakeRegistry) -> None:
    """From challenges, whatever the path: Quay has it under /v2/."""
    registry = make(dialect="quay")
    fault = registry.fault("token: status 503")
    challenge = registry.client.get("https://quay.io/v2/").headers["WWW-Authenticate"]
    realm = challenge.split('realm="')[1].split('"')[0]
    assert registry.client.get(realm).status_code == 503
    assert fault.struck == 1


def test_storage(make: MakeRegistry) -> None:
    """A blob is struck where it is long enough: the redirect to it isn't."""
    registry = make(redirects=True)
    layer = registry.add_random_image("org/app:1", size=5000).layers[0]
    blob = registry.fault("GET blob: reset after=2000")
    storage = registry.fault(f"cdn {layer.digest}: status 503 body=xml", nth=2)
    url = f"/v2/org/app/blobs/{layer.digest}"
    with pytest.raises(httpx.ReadError):
        registry.client.get(url, follow_redirects=True)
    answers = [registry.client.get(url, follow_redirects=True) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 200]
    assert [(one.part, one.faults) for one in registry.requests if one.faults] == [
        ("storage", ("reset after=2000",)),
        ("storage", ("status 503 body=xml",)),
    ]
    assert (blob.struck, storage.struck) == (1, 1)


def test_a_certificate_of_storage(make: MakeRegistry) -> None:
    """The registry itself is well."""
    registry = make(redirects=True)
    config = registry.add_image("org/app:1").config
    fault = registry.fault("cdn: tls_bad_certificate expired")
    url = f"/v2/org/app/blobs/{config.digest}"
    with httpx.Client(
        base_url=registry.https_url, verify=registry.ssl_context, follow_redirects=True
    ) as client:
        with pytest.raises(httpx.ConnectError, match="certificate has expired"):
            client.get(url)
        assert client.get(url).content == config.raw
    assert fault.struck == 1


def test_lists_of_quay_in_circles(make: MakeRegistry) -> None:
    """Repositories name their page again; pages of tags have numbers, and never end."""
    registry = make(dialect="quay", images=["org/app:1", "org/lib:1"])
    repositories = registry.fault("api /api/v1/repository: link_loop times=2")
    tags = registry.fault("api: link_loop times=0")
    other = registry.fault("api: link_loop other_host", allow_unused=True)
    url = "https://quay.io/api/v1/repository"
    query = {"namespace": "org", "public": "true"}
    first = registry.client.get(url, params=query).json()
    again = registry.client.get(url, params={**query, "next_page": first["next_page"]}).json()
    assert again == first
    listed = registry.client.get(f"{url}/org/app/tag/").json()
    assert listed["has_additional"] is True
    assert repositories.struck == 2
    assert tags.struck == 3
    assert other.struck == 0


def test_a_lost_upload_stays_lost(registry: FakeRegistry) -> None:
    """Others aren't; the registry has forgotten it, too."""
    first, second = (registry.client.post(UPLOADS).headers["Location"] for _ in range(2))
    registry.fault("GET upload: lose_upload")
    assert registry.client.get(first).status_code == 404
    assert registry.client.patch(first, content=b"1").status_code == 404
    assert registry.client.patch(second, content=b"1").status_code == 202
    registry.faults.clear()
    assert registry.client.get(first).status_code == 404


@pytest.mark.parametrize("what", ["manifest", "blob"])
def test_what_is_hidden_comes_to_light(registry: FakeRegistry, what: str) -> None:
    """By every name it has, in its repository, for as long as was said."""
    image = registry.add_image("org/app:1")
    fault = registry.fault("PUT: hide_after_push seconds=10")
    if what == "manifest":
        names = [f"manifests/{name}" for name in ("2", image.digest)]
        headers = {"Content-Type": image.media_type}
        url = "/v2/org/app/manifests/2"
        answer = registry.client.put(url, content=image.manifest.raw, headers=headers)
    else:
        names = [f"blobs/{image.config.digest}"]
        session = registry.client.post(UPLOADS).headers["Location"]
        url = str(httpx.URL(session).copy_merge_params({"digest": image.config.digest}))
        answer = registry.client.put(url, content=image.config.raw)
    assert (answer.status_code, fault.struck) == (201, 1)
    there = [f"/v2/org/app/{name}" for name in names]
    assert [registry.client.head(url).status_code for url in there] == [404] * len(there)
    assert registry.client.get(MANIFEST).status_code == 200
    registry.clock.advance(10)
    assert [registry.client.head(url).status_code for url in there] == [200] * len(there)
