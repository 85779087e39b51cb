"""Distribution 2.8, word by word: the dialect and docker-registry 2.8.2 of Debian say the same."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import pytest

from occystrap.oci.digest import Digest
from occystrap.oci.media_types import DOCKER_MANIFEST
from tests.support.dialects import proves
from tests.support.wire import CONFIG, Wire, docker, image_manifest

UNKNOWN, OTHER = f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json; charset=utf-8"
WRONG_DIGEST = "provided digest did not match uploaded content"
NO_DETAIL = object()


@pytest.fixture
def wire(distribution2: Wire) -> Wire:
    """The dialect, and the registry that it is taken from."""
    return distribution2


def only_error(answer: httpx.Response) -> dict[str, object]:
    """Return the one error of an answer, without spaces and order."""
    assert answer.headers["Content-Type"] == JSON
    (error,) = answer.json()["errors"]
    assert isinstance(error, dict)
    return error


def expected(code: str, message: str, detail: object) -> Mapping[str, object]:
    """Write an error."""
    told = {} if detail is NO_DETAIL else {"detail": detail}
    return {"code": code, "message": message, **told}


@proves("distribution2", "rewordings")
@pytest.mark.parametrize(
    ("method", "path", "code", "message", "detail"),
    [
        ("GET", "manifests/no", "MANIFEST_UNKNOWN", "manifest unknown", {"Tag": "no"}),
        (
            "GET",
            f"manifests/{UNKNOWN}",
            "MANIFEST_UNKNOWN",
            "manifest unknown",
            {"Name": "a/b", "Revision": UNKNOWN},
        ),
        ("DELETE", f"manifests/{UNKNOWN}", "MANIFEST_UNKNOWN", "manifest unknown", NO_DETAIL),
        ("GET", f"blobs/{UNKNOWN}", "BLOB_UNKNOWN", "blob unknown to registry", UNKNOWN),
        ("DELETE", f"blobs/{UNKNOWN}", "BLOB_UNKNOWN", "blob unknown to registry", NO_DETAIL),
        ("GET", "blobs/sha256:short", "DIGEST_INVALID", WRONG_DIGEST, {}),
        (
            "GET",
            "blobs/uploads/none",
            "BLOB_UPLOAD_INVALID",
            "blob upload invalid",
            {},
        ),
    ],
)
def test_what_is_not_there_is_named_in_its_way(
    wire: Wire, method: str, path: str, code: str, message: str, detail: object
) -> None:
    """A tag, a digest, or nothing, by what was wanted of it."""
    answer = wire.client.request(method, f"/v2/a/b/{path}")
    assert only_error(answer) == expected(code, message, detail)


@proves("distribution2", "rewordings")
def test_each_blob_that_is_missing_is_an_error(wire: Wire) -> None:
    """With its digest, in the order in which the manifest names them."""
    wire.put_blob("a/b", CONFIG)
    manifest = docker(image_manifest(CONFIG, b"one", b"two"))
    answer = wire.put_manifest("a/b", "1", manifest, DOCKER_MANIFEST)
    assert answer.json()["errors"] == [
        expected("MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", str(Digest.of(blob)))
        for blob in (b"one", b"two")
    ]


@proves("distribution2", "rewordings")
def test_a_manifest_under_another_digest_has_no_detail(wire: Wire) -> None:
    """One that is no manifest has an empty one."""
    wire.put_blob("a/b", CONFIG)
    manifest = docker(image_manifest())
    wrong = wire.put_manifest("a/b", UNKNOWN, manifest, DOCKER_MANIFEST)
    assert only_error(wrong) == expected("DIGEST_INVALID", WRONG_DIGEST, NO_DETAIL)
    empty = wire.put_manifest("a/b", "1", b"{}", DOCKER_MANIFEST)
    assert only_error(empty) == expected("MANIFEST_INVALID", "manifest invalid", {})


@proves("distribution2", "uploads.no_digest", "uploads.bad_digest", "uploads.keeps_refused")
def test_a_commit_is_told_what_is_wrong_with_its_digest(wire: Wire) -> None:
    """It is missing, or none, or another one."""
    for query, detail in (
        ({}, "digest missing"),
        ({"digest": ""}, "digest missing"),
        ({"digest": "md5:abc"}, "digest parsing failed"),
        ({"digest": UNKNOWN}, {"Digest": UNKNOWN, "Reason": {}}),
    ):
        place = httpx.URL(wire.begin("a/b")).copy_merge_params(query)
        answer = wire.client.put(place, content=b"x")
        assert answer.status_code == 400
        assert only_error(answer) == expected("DIGEST_INVALID", WRONG_DIGEST, detail)


@proves("distribution2", "uploads.state", "uploads.stale_state", "rewordings")
def test_an_upload_is_told_what_is_wrong_with_its_state(wire: Wire) -> None:
    """An old one or one of another upload has no detail; a missing one, or no upload, an empty."""
    begun, other = httpx.URL(wire.begin("a/b")), httpx.URL(wire.begin("a/b"))
    wire.patch(str(begun), b"x")
    for place, detail in (
        (begun, NO_DETAIL),
        (begun.copy_set_param("_state", other.params["_state"]), NO_DETAIL),
        (begun.copy_remove_param("_state"), {}),
    ):
        answer = wire.client.get(place)
        assert only_error(answer) == expected("BLOB_UPLOAD_INVALID", "blob upload invalid", detail)
    assert wire.client.delete(other).status_code == 204
    gone = wire.client.get(other)
    message = "blob upload unknown to registry"
    assert only_error(gone) == expected("BLOB_UPLOAD_UNKNOWN", message, {})


@proves("distribution2", "listing.catalog", "listing.tags_come_with_the_first")
def test_a_list_tells_what_was_asked_for(wire: Wire) -> None:
    """The number that is too large, and the name of the repository that has no tags yet."""
    many = wire.client.get("/v2/_catalog?n=1001")
    message = "invalid number of results requested"
    assert only_error(many) == expected("PAGINATION_NUMBER_INVALID", message, {"n": 1001})
    wire.put_blob("a/b", CONFIG)
    message = "repository name not known to registry"
    for name in ("a/b", "a/c"):
        answer = wire.client.get(f"/v2/{name}/tags/list")
        assert only_error(answer) == expected("NAME_UNKNOWN", message, {"name": name})


@proves("distribution2", "listing.catalog")
def test_a_link_is_sorted(wire: Wire) -> None:
    """The parameters are in the order of their names, whatever was asked."""
    for repository in ("a/b", "a/c"):
        wire.put_image(repository, "1")
    answer = wire.client.get("/v2/_catalog?n=1")
    assert answer.headers["Link"] == '</v2/_catalog?last=a%2Fb&n=1>; rel="next"'
    assert answer.headers["Content-Type"] == JSON
    last = wire.client.get("/v2/_catalog?last=a%2Fb&n=1")
    assert "Link" not in last.headers


@proves("distribution2", "no_method", "no_route", "absent")
def test_plain_text_is_not_to_be_sniffed(wire: Wire) -> None:
    """As Go has it; and what a path takes is sorted."""
    wrong = wire.client.patch(f"/v2/a/b/blobs/{UNKNOWN}")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "DELETE, GET, HEAD")
    nowhere = wire.client.get("/v2/a/b/nothing")
    missing = wire.client.get(f"/v2/a/b/referrers/{UNKNOWN}")
    for answer in (wrong, nowhere, missing):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"] == TEXT


@proves("distribution2", "headers")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_has_not_changed_is_hardly_described(wire: Wire, method: str) -> None:
    """A manifest not at all; a blob by digest and tag, without a type."""
    digest = Digest.of(wire.put_image("a/b", "1"))
    for path, value, kept in (
        (f"manifests/{digest}", digest, set[str]()),
        (f"blobs/{Digest.of(CONFIG)}", Digest.of(CONFIG), {"ETag", "Docker-Content-Digest"}),
    ):
        answer = wire.client.request(
            method, f"/v2/a/b/{path}", headers={"If-None-Match": f'"{value}"'}
        )
        assert answer.status_code == 304
        named = {"ETag", "Docker-Content-Digest", "Content-Type", "Accept-Ranges"}
        assert {name for name in named if name in answer.headers} == kept


@proves("distribution2", "headers")
def test_json_has_its_charset(wire: Wire) -> None:
    """Wherever the registry writes it itself; manifests and blobs keep their types."""
    manifest = Digest.of(wire.put_image("a/b", "1"))
    for path in ("", "a/b/tags/list", "_catalog"):
        assert wire.client.get(f"/v2/{path}").headers["Content-Type"] == JSON
    assert wire.client.head(f"/v2/a/b/blobs/{OTHER}").headers["Content-Type"] == JSON
    for answer in (wire.get_manifest("a/b", manifest), wire.get_blob("a/b", Digest.of(CONFIG))):
        assert "charset" not in answer.headers["Content-Type"]
