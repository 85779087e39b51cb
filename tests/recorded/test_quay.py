"""occystrap at a Quay that was recorded, and next to it at the fake that has its ways."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from occystrap.errors import APIException
from occystrap.quay import QuayAPIError, QuayClient, resolve_quay_uri
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.hosts import Hosts
from pytest_occystrap import FakeRegistry, RunOccystrap
from pytest_occystrap.plugin import MakeRegistry

BASE = "https://quay.io/api/v1"
NAMES = [*(f"app-{number:03}" for number in range(1, 131)), "team/nested/img"]
ROBOT = ("--username", "acme+pusher", "--password", "any")


@pytest.fixture(params=["recorded", "fake"])
def kind(request: pytest.FixtureRequest) -> str:
    """Either of the two."""
    return str(request.param)


@pytest.fixture
def listed(kind: str, make_registry: MakeRegistry) -> httpx.Client:
    """A client of a Quay with an organisation of 131 public repositories."""
    registry = make_registry(dialect="quay")
    if kind == "recorded":
        registry.replay("quay/list-repositories", "quay/tags")
    else:
        registry.load("quay/push")
        for name in NAMES:
            if not registry.tags(f"acme/{name}"):
                registry.add_image(f"acme/{name}:any")
    return registry.client


def quay(client: httpx.Client, token: str | None = None) -> QuayClient:
    """Ask the API as that of quay.io is asked."""
    return QuayClient(token, client, base=BASE, retries=0)


def test_repositories_are_listed_over_all_pages(listed: httpx.Client) -> None:
    """Each once; of an organisation that isn't there, none."""
    assert sorted(quay(listed).list_repositories("acme")) == NAMES
    assert quay(listed).list_repositories("nosuchns") == []


def test_repositories_since_a_day(listed: httpx.Client) -> None:
    """Those with a push since then, and not those without a tag."""
    long_ago, later = datetime(2026, 11, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
    assert "app-001" in quay(listed).list_repositories("acme", long_ago)
    assert quay(listed).list_repositories("acme", later) == []


def test_a_tag_is_looked_up(listed: httpx.Client) -> None:
    """With its digest; an index is known as one, and a tag that isn't there as nothing."""
    tag = quay(listed).has_tag("acme", "app-001", "latest")
    assert tag is not None
    assert tag["manifest_digest"].startswith("sha256:7f18df02fec6")
    index = quay(listed).has_tag("acme", "app-001", "multi")
    assert index is not None
    assert index["is_manifest_list"] is True
    assert quay(listed).has_tag("acme", "app-001", "absent") is None
    with pytest.raises(QuayAPIError, match=r"Provide a valid quay\.io API token"):
        quay(listed).has_tag("acme", "absent", "latest")


@pytest.mark.registry_cassette("quay/list-repositories-with-token")
def test_an_owner_sees_a_private_repository(fake_registry: FakeRegistry) -> None:
    """With the token, by which the recorded Quay knew its owner."""
    since = datetime(2026, 11, 1, tzinfo=UTC)
    client = quay(fake_registry.client, "any")
    assert "secret" in client.list_repositories("acme", since)


@pytest.mark.registry_cassette("quay/ratelimit")
def test_too_many_requests(fake_registry: FakeRegistry) -> None:
    """Said by nginx as HTML, without a word of how long."""
    client = quay(fake_registry.client)
    assert client.list_repositories("emptyorg") == []
    with pytest.raises(APIException, match="429 Too Many Requests"):
        client.list_repositories("emptyorg")


@pytest.mark.registry_cassette("quay/list-repositories", "quay/tags")
def test_a_uri_finds_its_images(fake_registry: FakeRegistry) -> None:
    """Over the recorded pages, and the tag that was looked up."""
    found = resolve_quay_uri("quay://acme/app-001:latest", client=fake_registry.client)
    assert found == [("quay.io", "acme/app-001", "latest")]


@pytest.fixture
def images(kind: str, make_registry: MakeRegistry) -> FakeRegistry:
    """A Quay with an image of two layers, and an index."""
    registry = make_registry(dialect="quay", redirects=False)
    if kind == "recorded":
        registry.replay("quay/skopeo-pull")
    else:
        registry.load("quay/skopeo-pull")
    return registry


def test_an_image_is_pulled(images: FakeRegistry, tmp_path: Path) -> None:
    """What skopeo has pulled when it was recorded, occystrap pulls, verified."""
    run = RunOccystrap(images.client, images.clock)
    target = f"tar://{tmp_path}/app.tar"
    result = run("process", "registry://quay.io/acme/app-001:v1.0", target)
    assert result.ok, result.stderr
    assert "Summary: 2 layers" in result.stderr
    assert "verified OK" in result.stderr


@pytest.mark.registry_cassette("quay/skopeo-pull")
def test_a_token_is_got_as_the_challenge_says(fake_registry: FakeRegistry, tmp_path: Path) -> None:
    """It is good for one repository, and goes along with every request behind it."""
    run = RunOccystrap(fake_registry.client, fake_registry.clock)
    assert run("process", "registry://quay.io/acme/app-001:v1.0", f"tar://{tmp_path}/a.tar").ok
    fake_registry.assert_requests(
        [
            "GET /v2/acme/app-001/manifests/v1.0 401",
            "GET /v2/auth?service=127.0.0.1:8443&scope=repository:acme/app-001:pull 200",
            "GET /v2/acme/app-001/manifests/v1.0 200",
            *["GET /v2/acme/app-001/blobs/* 200"] * 3,
        ],
    )
    first, token, *rest = fake_registry.requests
    assert "Authorization" not in first.headers
    assert "Authorization" not in token.headers
    assert len({request.headers.get("Authorization") for request in rest}) == 1


@pytest.mark.registry_cassette("quay/skopeo-refused", "quay/auth")
def test_a_wrong_password_is_told(fake_registry: FakeRegistry, tmp_path: Path) -> None:
    """In the words of Quay."""
    run = RunOccystrap(fake_registry.client, fake_registry.clock)
    login = ("--username", "acme+puller", "--password", "wrong")
    image = "registry://quay.io/acme/secret:v1"
    result = run(*login, "process", image, f"tar://{tmp_path}/a.tar")
    assert not result.ok
    assert "UNAUTHORIZED: Could not find robot with username: " in result.stderr


@pytest.fixture
def pushed_to(kind: str, make_registry: MakeRegistry) -> FakeRegistry:
    """A Quay that takes what skopeo had pushed to it."""
    accounts = {"acme+pusher": "any"}
    registry = make_registry(dialect="quay", redirects=False, accounts=accounts)
    if kind == "recorded":
        registry.replay("quay/skopeo-push")
    return registry


def test_an_image_is_pushed(pushed_to: FakeRegistry, make_registry: MakeRegistry) -> None:
    """What skopeo pushed when it was recorded occystrap pushes, and Quay takes it as it did."""
    source = make_registry(name="source")
    source.load("quay/skopeo-push")
    handler = Hosts({"source.example": source.handler}, pushed_to.handler)
    with httpx.Client(transport=InProcessTransport(handler)) as client:
        result = RunOccystrap(client, pushed_to.clock)(
            *ROBOT,
            "--no-verify",  # skopeo hasn't read it back
            "process",
            "registry://source.example/acme/app-002:fresh",
            "registry://quay.io/acme/app-002:fresh",
        )
    assert result.ok, result.stderr
    pushed_to.assert_requests(
        ["PUT /v2/acme/app-002/blobs/uploads/* 201", "PUT /v2/acme/app-002/manifests/fresh 201"],
        in_order=False,
        others=True,
    )


def test_other_bytes_are_not_pushed(make_registry: MakeRegistry) -> None:
    """The recording takes nothing but what it has seen."""
    source = make_registry(name="source")
    source.add_image("acme/app-002:fresh", layers=[{"a": "something else"}])
    target = make_registry(dialect="quay")
    replay = target.replay("quay/skopeo-push", allow_unmatched=True)
    handler = Hosts({"source.example": source.handler}, target.handler)
    with httpx.Client(transport=InProcessTransport(handler)) as client:
        result = RunOccystrap(client, target.clock)(
            *ROBOT,
            "process",
            "registry://source.example/acme/app-002:fresh",
            "registry://quay.io/acme/app-002:fresh",
        )
    assert not result.ok
    assert replay.unmatched
