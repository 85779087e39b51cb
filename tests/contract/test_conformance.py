"""The life of each kind of content: pushed, listed, looked at, pulled, removed.

The published conformance suite of the distribution specification goes these ways; nothing here
is taken from it but what it asks.
"""

from __future__ import annotations

import json

import httpx
import pytest

from occystrap.oci import media_types
from occystrap.oci.digest import Digest
from tests.contract.conftest import OURS
from tests.contract.differences import NOT_TAKEN, Differs
from tests.support.specimens import SPECIMENS, Specimen
from tests.support.wire import Wire

REPOSITORY = "conformance/life"
ACCEPT = f"{media_types.OCI_INDEX}, {media_types.OCI_MANIFEST}"


TAKEN = [
    (subject, name)
    for subject in (*OURS, "docker-registry")
    for name in SPECIMENS
    if subject in OURS or name not in NOT_TAKEN
]


@pytest.fixture(params=TAKEN, ids=["-".join(each) for each in TAKEN])
def taken(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Each registry with each kind of content that it takes."""
    subject, name = request.param
    return subject, name


@pytest.fixture
def subject(taken: tuple[str, str]) -> str:
    """Name of the registry under test."""
    return taken[0]


@pytest.fixture
def specimen(taken: tuple[str, str]) -> Specimen:
    """What goes through a life."""
    return SPECIMENS[taken[1]]


@pytest.fixture
def pushed(wire: Wire, specimen: Specimen) -> Specimen:
    """The specimen, in the registry, each manifest by digest and the tip by tag."""
    for digest, content in specimen.blobs.items():
        location = wire.begin(REPOSITORY)
        assert wire.finish(location, digest, content).status_code == 201
    for digest, raw in specimen.manifests.items():
        check_pushed(wire, put(wire, raw, str(digest)), digest, raw)
    raw = list(specimen.manifests.values())[-1]
    # A tag is no place to say which algorithm is meant.
    check_pushed(wire, put(wire, raw, "tip"), Digest.of(raw), raw)
    return specimen


def type_of(raw: bytes) -> str:
    """Tell what a specimen's manifest is."""
    return media_types.OCI_INDEX if b'"manifests":' in raw else media_types.OCI_MANIFEST


def put(wire: Wire, raw: bytes, reference: str) -> httpx.Response:
    """Push a manifest."""
    return wire.put_manifest(REPOSITORY, reference, raw, type_of(raw))


def check_pushed(wire: Wire, response: httpx.Response, digest: Digest, raw: bytes) -> None:
    """Hold the answer to a push against what was pushed, and follow its Location."""
    assert response.status_code == 201, response.text
    assert response.headers["Docker-Content-Digest"] == str(digest)
    got = wire.client.get(response.headers["Location"], headers={"Accept": ACCEPT})
    assert (got.status_code, got.content) == (200, raw)
    assert got.headers["Content-Type"] == type_of(raw)


def test_what_was_pushed_is_pulled(wire: Wire, pushed: Specimen) -> None:
    """HEAD and GET of each manifest and blob; the bytes, their type, length and digest."""
    places = [("manifests", digest, raw, type_of(raw)) for digest, raw in pushed.manifests.items()]
    blob_type = media_types.OCTET_STREAM
    places += [("blobs", digest, content, blob_type) for digest, content in pushed.blobs.items()]
    for kind, digest, content, media_type in places:
        url = f"/v2/{REPOSITORY}/{kind}/{digest}"
        head = wire.client.head(url, headers={"Accept": ACCEPT})
        get = wire.client.get(url, headers={"Accept": ACCEPT})
        assert (head.status_code, head.content) == (200, b"")
        assert (get.status_code, get.content) == (200, content)
        for response in (head, get):
            assert response.headers["Docker-Content-Digest"] == str(digest)
            assert response.headers["Content-Length"] == str(len(content))
            assert response.headers["Content-Type"] == media_type


def test_a_tag_is_listed_and_leads_to_the_tip(wire: Wire, pushed: Specimen) -> None:
    """By HEAD and by GET."""
    tip = list(pushed.manifests.values())[-1]
    assert wire.client.get(f"/v2/{REPOSITORY}/tags/list").json()["tags"] == ["tip"]
    url = f"/v2/{REPOSITORY}/manifests/tip"
    head = wire.client.head(url, headers={"Accept": ACCEPT})
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(tip)))
    assert wire.client.get(url, headers={"Accept": ACCEPT}).content == tip


def test_what_refers_is_listed(wire: Wire, pushed: Specimen, differs: Differs) -> None:
    """Each with its type and annotations; filtered by type, with the header that says so."""
    for subject, expected in pushed.referrers.items():
        url = f"/v2/{REPOSITORY}/referrers/{subject}"
        response = wire.client.get(url)
        assert response.status_code == differs("referrers")
        if response.status_code == 404:
            continue
        assert response.headers["Content-Type"] == media_types.OCI_INDEX
        index = response.json()
        assert (index["schemaVersion"], index["mediaType"]) == (2, media_types.OCI_INDEX)
        assert by_digest(index["manifests"]) == by_digest(expected)
        for kind in {each.get("artifactType", "") for each in expected} - {""}:
            filtered = wire.client.get(url, params={"artifactType": kind})
            assert filtered.headers["OCI-Filters-Applied"] == "artifactType"
            of_kind = [each for each in expected if each.get("artifactType") == kind]
            assert by_digest(filtered.json()["manifests"]) == by_digest(of_kind)


def by_digest(descriptors: list[dict[str, object]]) -> list[dict[str, object]]:
    """Put descriptors in an order, for there is none in the specification."""
    return sorted(descriptors, key=lambda each: str(each["digest"]))


def test_who_refers_is_told_so(wire: Wire, pushed: Specimen, differs: Differs) -> None:
    """OCI-Subject says that the registry keeps the list."""
    for raw in pushed.manifests.values():
        subject = json.loads(raw).get("subject", {}).get("digest")
        expected = subject if differs("referrers") == 200 else None
        assert put(wire, raw, "again").headers.get("OCI-Subject") == expected


def test_all_of_it_can_be_removed(wire: Wire, pushed: Specimen, differs: Differs) -> None:
    """The tag, the manifests and the blobs, each at once; the list of tags stays, and is empty."""
    base = f"/v2/{REPOSITORY}"
    removed = wire.client.delete(f"{base}/manifests/tip")
    assert removed.status_code == differs("removing a tag")
    if removed.status_code == 202:
        assert wire.client.head(f"{base}/manifests/tip").status_code == 404
    places = [f"{base}/manifests/{digest}" for digest in reversed(pushed.manifests)]
    places += [f"{base}/blobs/{digest}" for digest in pushed.blobs]
    for place in places:
        assert wire.client.delete(place).status_code == 202
        assert wire.client.head(place).status_code == 404
        assert wire.client.delete(place).status_code == 404
    if pushed.algorithm == "sha256":
        tags = wire.client.get(f"{base}/tags/list").json()["tags"]
        assert tags == differs("tags when there are none")
    else:
        canonical = Digest.of(list(pushed.manifests.values())[-1])
        assert wire.client.delete(f"{base}/manifests/{canonical}").status_code == 202
    for subject in pushed.referrers:
        response = wire.client.get(f"{base}/referrers/{subject}")
        assert response.status_code == differs("referrers")
        if response.status_code == 200:
            assert response.json()["manifests"] == []
