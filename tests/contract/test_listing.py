"""Lists: tags, repositories, referrers; whole and page by page."""

from __future__ import annotations

import itertools
import json

import pytest

from occystrap.oci import media_types
from occystrap.oci.digest import Digest
from tests.contract.differences import Differs
from tests.support.wire import CONFIG, Wire, describe, error_code, image_manifest


def pages(wire: Wire, url: str, name: str) -> list[list[str]]:
    """Follow the links from the first page to the last."""
    found = []
    while True:
        response = wire.client.get(url)
        assert response.status_code == 200, response.text
        found.append(response.json()[name])
        if "next" not in response.links:
            return found
        url = response.links["next"]["url"]


def test_the_api_is_there(wire: Wire) -> None:
    """GET /v2/ is how clients find out what they talk to."""
    response = wire.client.get("/v2/")
    assert response.status_code == 200
    assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert response.json() == {}


def test_tags(wire: Wire, differs: Differs) -> None:
    """All tags at once, when nobody asks for pages, without regard to case."""
    for tag in ("v2", "latest", "v10", "B", "v1", "a"):
        wire.put_image("a/b", tag)
    response = wire.client.get("/v2/a/b/tags/list")
    tags = ["a", "B", "latest", "v1", "v10", "v2"]
    assert response.json()["name"] == "a/b"
    assert sorted(response.json()["tags"]) == sorted(tags)
    if differs("tags are sorted"):
        assert response.json()["tags"] == tags
    assert "Link" not in response.headers


def test_tags_of_an_unknown_repository(wire: Wire) -> None:
    """404 NAME_UNKNOWN."""
    response = wire.client.get("/v2/a/b/tags/list")
    assert (response.status_code, error_code(response)) == (404, "NAME_UNKNOWN")


def test_tags_in_pages(wire: Wire, differs: Differs) -> None:
    """Each page points at the next, and all of them hold all tags."""
    tags = [f"v{number}" for number in range(5)]
    for tag in tags:
        wire.put_image("a/b", tag)
    found = pages(wire, "/v2/a/b/tags/list?n=2", "tags")
    assert sorted(itertools.chain(*found)) == tags
    assert (found == [["v0", "v1"], ["v2", "v3"], ["v4"]]) == differs("tags come in pages")
    assert len(pages(wire, "/v2/a/b/tags/list?n=5", "tags")) == 1


def test_tags_after_a_tag(wire: Wire, differs: Differs) -> None:
    """`last` need not be there itself."""
    for tag in ("a", "c", "d"):
        wire.put_image("a/b", tag)
    tags = wire.client.get("/v2/a/b/tags/list?last=b").json()["tags"]
    assert (tags == ["c", "d"]) == differs("tags come in pages")


@pytest.mark.parametrize("last", ["v1", "v3", "v9"])
def test_the_rest_of_the_tags(wire: Wire, differs: Differs, last: str) -> None:
    """`last` need not come with `n`."""
    tags = [f"v{number}" for number in range(6)]
    for tag in tags:
        wire.put_image("a/b", tag)
    found = wire.client.get("/v2/a/b/tags/list", params={"last": last}).json()["tags"]
    expected = [tag for tag in tags if tag > last]
    assert (found == expected) == differs("tags come in pages")


def test_no_tags_when_none_are_wanted(wire: Wire, differs: Differs) -> None:
    """`n=0` brings an empty list, and no next page."""
    wire.put_image("a/b", "v1")
    response = wire.client.get("/v2/a/b/tags/list?n=0")
    assert (response.json()["tags"] == []) == differs("tags come in pages")
    assert "Link" not in response.headers


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "9" * 40, "²"])
def test_a_bad_number_of_tags_is_refused(wire: Wire, differs: Differs, number: str) -> None:
    """400 PAGINATION_NUMBER_INVALID."""
    wire.put_image("a/b", "v1")
    response = wire.client.get("/v2/a/b/tags/list", params={"n": number})
    assert response.status_code == differs("bad number of tags")
    if response.status_code != 200:
        assert error_code(response) == "PAGINATION_NUMBER_INVALID"


def test_repositories_in_pages(wire: Wire) -> None:
    """The catalog, whole and in pages."""
    names = ["a", "a/b", "b", "c/d/e"]
    for name in reversed(names):
        wire.put_image(name, "v1")
    assert pages(wire, "/v2/_catalog", "repositories") == [names]
    assert pages(wire, "/v2/_catalog?n=3", "repositories") == [names[:3], names[3:]]
    assert pages(wire, "/v2/_catalog?last=a/b", "repositories") == [names[2:]]


def test_an_empty_registry_has_no_repositories(wire: Wire) -> None:
    """An empty list, not an error."""
    assert wire.client.get("/v2/_catalog").json() == {"repositories": []}


def test_referrers_in_an_empty_registry(wire: Wire, differs: Differs) -> None:
    """An empty list; 404 would mean that there is no such list at all."""
    response = wire.client.get(f"/v2/a/b/referrers/{Digest.of(b'x')}")
    assert response.status_code == differs("referrers")
    if response.status_code == 200:
        assert response.json()["manifests"] == []


def test_referrers(wire: Wire, differs: Differs) -> None:
    """What refers to a manifest, as an index; an empty one when nothing does."""
    subject = wire.put_image("a/b", "v1")
    empty = wire.client.get(f"/v2/a/b/referrers/{Digest.of(subject)}")
    assert empty.status_code == differs("referrers")
    if empty.status_code == 404:
        return
    assert empty.headers["Content-Type"] == media_types.OCI_INDEX
    assert empty.json()["manifests"] == []
    referrer = image_manifest(
        subject=describe(subject, media_types.OCI_MANIFEST), annotations={"a": "b"}
    )
    assert wire.put_manifest("a/b", Digest.of(referrer), referrer).status_code == 201
    (found,) = wire.client.get(f"/v2/a/b/referrers/{Digest.of(subject)}").json()["manifests"]
    assert found == describe(
        referrer,
        media_types.OCI_MANIFEST,
        artifactType=media_types.OCI_CONFIG,
        annotations={"a": "b"},
    )


def test_referrers_of_a_kind(wire: Wire, differs: Differs) -> None:
    """The list is filtered by artifact type, and says so."""
    subject = describe(wire.put_image("a/b", "v1"), media_types.OCI_MANIFEST)
    for kind in ("application/x", "application/y"):
        document = json.loads(image_manifest(CONFIG, subject=subject, artifactType=kind))
        wire.put_manifest("a/b", kind[-1], json.dumps(document).encode())
    url = f"/v2/a/b/referrers/{subject['digest']}"
    response = wire.client.get(url, params={"artifactType": "application/x"})
    assert response.status_code == differs("referrers")
    if response.status_code == 200:
        assert [each["artifactType"] for each in response.json()["manifests"]] == ["application/x"]
        assert response.headers["OCI-Filters-Applied"] == "artifactType"


@pytest.mark.parametrize("path", ["/v2/a/b/nothing", "/elsewhere", "/v1/", "/v2/a/b/"])
def test_paths_that_are_not_of_the_api(wire: Wire, path: str) -> None:
    """404."""
    assert wire.client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/v2/A/tags/list", "/v2/a..b/tags/list", "/v2/-a/tags/list"])
def test_names_that_are_none(wire: Wire, differs: Differs, path: str) -> None:
    """What can't be the name of a repository is refused."""
    assert wire.client.get(path).status_code == differs("name outside the grammar")


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/v2/a/b/tags/list"), ("PATCH", "/v2/a/b/manifests/v1"), ("POST", "/v2/_catalog")],
)
def test_methods_that_are_not_supported(wire: Wire, method: str, path: str) -> None:
    """405, and what is supported instead."""
    response = wire.client.request(method, path)
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


def test_the_root_is_read(wire: Wire, differs: Differs) -> None:
    """Nothing can be sent to /v2/."""
    assert wire.client.post("/v2/").status_code == differs("method of the API's root")
