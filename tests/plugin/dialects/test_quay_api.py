"""The API of Quay: held against answers of a real one, and asked by occystrap's own client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCI_INDEX
from occystrap.quay import QuayClient, resolve_quay_uri
from tests.support.dialects import BEGINNING, Scene, proves, scene
from tests.support.wire import CONFIG, index_of

RECORDED = Path(__file__).parents[2] / "data" / "quay_api.jsonl"
DAY = 24 * 3600
TOKEN = "secret"
OWNER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def quay() -> Scene:
    """A Quay with the repositories that the recordings tell of."""
    quay = scene("quay", accounts={"acme+robot": TOKEN}, private={"acme/secret"})
    wire = quay.wire(("acme+robot", TOKEN))
    image = wire.put_image("acme/app-001", "latest", b"layer", b"another")
    wire.put_manifest("acme/app-001", "multi", index_of(image), OCI_INDEX)
    wire.put_image("acme/app-002", "t1")
    wire.client.delete("/v2/acme/app-002/manifests/t1")
    wire.put_blob("acme/team/nested/img", CONFIG)
    wire.put_image("acme/secret", "v1")
    return quay


def ask(quay: Scene, target: str, **headers: str) -> httpx.Response:
    """Ask the API."""
    return quay.http().get(f"/api/v1/repository{target}", headers=headers)


def recordings() -> list[dict[str, Any]]:
    """Read what a real one answered, but for what nginx and another account's rights did."""
    lines = RECORDED.read_text(encoding="utf-8").splitlines()
    exchanges: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return [each for each in exchanges if each["status"] not in (403, 404, 429)]


def names(value: Any) -> Any:
    """Keep the names in a body, in order; of a list, those of its first entry."""
    if isinstance(value, dict):
        # Digests are no names, and whether there is another page is up to what is listed.
        kept = [name for name in value if ":" not in name and name != "next_page"]
        return [(name, names(value[name])) for name in kept]
    return names(value[0]) if isinstance(value, list) and value else None


@proves("quay", "quay_api")
@pytest.mark.parametrize("exchange", recordings(), ids=lambda exchange: exchange["target"][18:])
def test_its_answers_have_the_form_of_real_ones(quay: Scene, exchange: dict[str, Any]) -> None:
    """The same status, the same headers, and a body with the same names in the same order."""
    answer = quay.http().get(exchange["target"])
    assert answer.status_code == exchange["status"]
    left_out = {"content-length", "date", "connection"}
    assert {name.lower() for name in answer.headers} - left_out == {
        name.lower() for name, _ in exchange["headers"]
    } - left_out
    if answer.headers["Content-Type"] == "application/json":
        assert names(answer.json()) == names(json.loads(exchange["body"]))


def test_a_tag_is_described(quay: Scene) -> None:
    """With the size of its layers, and the time that it was set at."""
    answer = ask(quay, "/acme/app-001/tag/?specificTag=latest&onlyActiveTags=true&limit=1").json()
    manifest = quay.wire().get_manifest("acme/app-001", "latest")
    assert answer == {
        "tags": [
            {
                "name": "latest",
                "reversion": False,
                "start_ts": 1795452242,
                "manifest_digest": str(Digest.of(manifest.content)),
                "is_manifest_list": False,
                "size": 12,
                "last_modified": "Mon, 23 Nov 2026 16:44:02 -0000",
            }
        ],
        "page": 1,
        "has_additional": False,
    }


def test_an_index_has_no_size_but_children(quay: Scene) -> None:
    """And tells whether they are there."""
    (tag,) = ask(quay, "/acme/app-001/tag/?specificTag=multi").json()["tags"]
    assert (tag["is_manifest_list"], tag["size"], tag["is_sparse"]) == (True, None, False)
    assert (tag["child_manifest_count"], tag["present_child_count"]) == (1, 1)
    assert list(tag["child_manifests_presence"].values()) == [True]


def test_what_was_deleted_is_history(quay: Scene) -> None:
    """It shows with its end, unless active tags alone are asked for."""
    (tag,) = ask(quay, "/acme/app-002/tag/?onlyActiveTags=false").json()["tags"]
    assert (tag["name"], tag["end_ts"], tag["expiration"]) == (
        "t1",
        1795452242,
        "Mon, 23 Nov 2026 16:44:02 -0000",
    )
    assert ask(quay, "/acme/app-002/tag/?onlyActiveTags=true").json()["tags"] == []


def test_a_tag_that_moves_begins_anew(quay: Scene) -> None:
    """The newest life comes first."""
    quay.clock.sleep(DAY)
    quay.wire(("acme+robot", TOKEN)).put_image("acme/app-001", "latest", b"newer")
    tags = ask(quay, "/acme/app-001/tag/?specificTag=latest").json()["tags"]
    assert [tag["start_ts"] for tag in tags] == [int(BEGINNING) + DAY, int(BEGINNING)]
    assert tags[1]["end_ts"] == int(BEGINNING) + DAY
    active = ask(quay, "/acme/app-001/tag/?specificTag=latest&onlyActiveTags=true").json()["tags"]
    assert [tag["start_ts"] for tag in active] == [int(BEGINNING) + DAY]


def test_tags_come_in_pages(quay: Scene) -> None:
    """Numbered from 1; behind the last there is nothing."""
    first = ask(quay, "/acme/app-001/tag/?limit=1&page=1").json()
    second = ask(quay, "/acme/app-001/tag/?limit=1&page=2").json()
    assert [first["has_additional"], second["has_additional"]] == [True, False]
    names = {tag["name"] for page in (first, second) for tag in page["tags"]}
    assert names == {"latest", "multi"}
    behind = {"tags": [], "page": 9, "has_additional": False}
    assert ask(quay, "/acme/app-001/tag/?limit=1&page=9").json() == behind


def test_tags_are_filtered(quay: Scene) -> None:
    """By a part of their name, or all of it."""
    for text, names in (("like:l", {"latest", "multi"}), ("eq:multi", {"multi"})):
        answer = ask(quay, f"/acme/app-001/tag/?filter_tag_name={text}").json()
        assert {tag["name"] for tag in answer["tags"]} == names
    bad = ask(quay, "/acme/app-001/tag/?filter_tag_name=bogus")
    assert (bad.status_code, list(bad.json())) == (400, ["message"])


def test_repositories_come_in_the_order_of_their_creation(quay: Scene) -> None:
    """With the time of their newest tag, or nothing where there is none; private ones not."""
    answer = ask(quay, "?namespace=acme&public=true&last_modified=true").json()
    listed = [(each["name"], each["last_modified"]) for each in answer["repositories"]]
    now = int(BEGINNING)
    assert listed == [("app-001", now), ("app-002", None), ("team/nested/img", None)]
    assert ask(quay, "?namespace=acme").json() == {"repositories": []}


def test_who_has_a_token_sees_what_is_private(quay: Scene) -> None:
    """A token that is no good is overlooked, where strangers may look."""
    (secret,) = [
        each
        for each in ask(quay, "?namespace=acme", **OWNER).json()["repositories"]
        if each["name"] == "secret"
    ]
    assert (secret["is_public"], secret["is_starred"]) == (False, False)
    bad = {"Authorization": "Bearer expired"}
    listed = ask(quay, "?namespace=acme&public=true", **bad)
    assert len(listed.json()["repositories"]) == 3
    assert "Vary" not in listed.headers
    assert ask(quay, "/acme/secret/tag/?specificTag=v1", **bad).status_code == 401
    assert ask(quay, "/acme/secret/tag/?specificTag=v1", **OWNER).json()["tags"][0]["name"] == "v1"
    absent = ask(quay, "/acme/absent/tag/?specificTag=v1", **OWNER)
    assert (absent.status_code, absent.json()["error_type"]) == (404, "not_found")


def test_a_page_has_a_hundred_repositories(quay: Scene) -> None:
    """The cursor is no secret of the client's, and one that isn't good begins anew."""
    manifest = next(quay.registry.store.manifests("acme/app-001"))
    for number in range(130):
        quay.registry.store.add_manifest(f"many/app-{number:03}", manifest, "1")
    first = ask(quay, "?namespace=many&public=true").json()
    assert len(first["repositories"]) == 100
    assert first["next_page"].startswith("gAAAAA")
    query = {"namespace": "many", "public": "true", "next_page": first["next_page"]}
    second = quay.http().get("/api/v1/repository", params=query).json()
    assert len(second["repositories"]) == 30
    assert "next_page" not in second
    garbage = ask(quay, "?namespace=many&public=true&next_page=garbage").json()
    assert garbage["repositories"] == first["repositories"]
    quay.clock.sleep(2 * DAY + 1)
    old = quay.http().get("/api/v1/repository", params=query).json()
    assert old["repositories"] == first["repositories"]


def test_nothing_is_changed_through_it(quay: Scene) -> None:
    """A write without a session is refused, and what isn't there isn't found."""
    write = quay.http().delete("/api/v1/repository/acme/app-001")
    assert (write.status_code, write.json()) == (
        403,
        {"error": "CSRF token was invalid or missing."},
    )
    assert ask(quay, "/?namespace=acme").status_code == 404
    assert quay.http().get("/api/v1/nosuch").headers["Location"].endswith("/api/v1/nosuch/")
    head = quay.http().head("/api/v1/repository?namespace=acme&public=true")
    assert (head.status_code, head.content) == (200, b"")


def test_what_is_put_into_the_store_is_dated_when_somebody_looks(quay: Scene) -> None:
    """`look` is what a fake calls when a test adds an image."""
    manifest = next(quay.registry.store.manifests("acme/app-001"))
    quay.registry.store.add_manifest("acme/seeded", manifest, "1")
    quay.speaking.look()
    quay.clock.sleep(10 * DAY)
    (tag,) = ask(quay, "/acme/seeded/tag/").json()["tags"]
    assert tag["start_ts"] == int(BEGINNING)


def test_the_client_finds_images(quay: Scene) -> None:
    """A glob, a tag and a day, over pages, with and without a token."""
    manifest = next(quay.registry.store.manifests("acme/app-001"))
    for number in range(120):
        quay.registry.store.add_manifest(f"acme/more-{number:03}", manifest, "v2")
    quay.speaking.look()
    quay.clock.sleep(10 * DAY)
    quay.wire(("acme+robot", TOKEN)).put_image("acme/newest", "v2")
    http = quay.http()
    found = resolve_quay_uri("quay://acme/*:v2", client=http)
    assert len(found) == 121
    assert found[0] == ("quay.io", "acme/more-000", "v2")
    recent = resolve_quay_uri("quay://acme/*:v2?since=2026-12-01", client=http)
    assert recent == [("quay.io", "acme/newest", "v2")]
    assert resolve_quay_uri("quay://acme/secret:v1", client=http) == []
    private = resolve_quay_uri("quay://acme/secret:v1", token=TOKEN, client=http)
    assert private == [("quay.io", "acme/secret", "v1")]


def test_the_client_is_told_of_a_tag(quay: Scene) -> None:
    """Or that there is none."""
    client = QuayClient(client=quay.http())
    assert client.list_repositories("acme") == ["app-001", "app-002", "team/nested/img"]
    tag = client.has_tag("acme", "app-001", "latest")
    assert tag is not None
    assert tag["name"] == "latest"
    assert client.has_tag("acme", "app-002", "t1") is None
    assert client.has_tag("acme", "team/nested/img", "latest") is None
