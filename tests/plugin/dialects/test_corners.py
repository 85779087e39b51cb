"""What is left to say of the handlers of dialects, where no registry stands out."""

from __future__ import annotations

import dataclasses

import pytest

from occystrap.oci.digest import Digest
from occystrap.oci.media_types import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX
from pytest_occystrap.dialects import DIALECTS, Dialect
from pytest_occystrap.dialects.cursors import opened, seal
from pytest_occystrap.dialects.form import UploadForm
from tests.support.dialects import BEGINNING, scene
from tests.support.wire import CONFIG, describe, error_code, image_manifest, index_of

SESSION = "00000000-0000-4000-8000-000000000000"
OLD = {"Accept": DOCKER_MANIFEST}


def test_a_dialect_that_differs_in_nothing_is_the_registry_itself() -> None:
    """No handler stands in front of it, and there is nothing to look at."""
    plain = scene(Dialect("", "the specification"))
    assert plain.speaking.handler is plain.registry
    assert (plain.speaking.gate, plain.cdn) == (None, None)
    plain.speaking.look()
    assert plain.wire().begin("a").startswith("/v2/a/blobs/uploads/")


@pytest.mark.parametrize("name", ["quay", "ecr"])
def test_an_upload_that_nobody_began_is_unknown(name: str) -> None:
    """What the registry says of it is said."""
    answer = scene(name).wire().client.get(f"/v2/a/b/blobs/uploads/{SESSION}")
    assert (answer.status_code, error_code(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_an_old_client_finds_no_image_of_its_kind_in_a_list() -> None:
    """There is none for linux/amd64, so there is none."""
    wire = scene("distribution2").wire()
    image = wire.put_image("a/b", "1")
    entries = [describe(image, DOCKER_MANIFEST, platform={"os": "aix", "architecture": "ppc64"})]
    entries.append(describe(image, DOCKER_MANIFEST))
    listed = index_of(mediaType=DOCKER_INDEX, manifests=entries)
    assert wire.put_manifest("a/b", "list", listed, DOCKER_INDEX).status_code == 201
    answer = wire.client.get("/v2/a/b/manifests/list", headers=OLD)
    assert (answer.status_code, error_code(answer)) == (404, "MANIFEST_UNKNOWN")


def test_quay_makes_nothing_up_of_what_is_no_image() -> None:
    """An index without an image for linux/amd64, and an artifact, come as they are."""
    wire = scene("quay").wire()
    assert wire.put_manifest("a/b", "empty", index_of(), OCI_INDEX).status_code == 201
    assert wire.client.get("/v2/a/b/manifests/empty", headers=OLD).content == index_of()
    artifact = image_manifest(b"no configuration")
    wire.put_blob("a/b", b"no configuration")
    assert wire.put_manifest("a/b", "artifact", artifact).status_code == 201
    assert wire.client.get("/v2/a/b/manifests/artifact", headers=OLD).content == artifact


def test_quay_tells_how_popular_a_repository_is_if_asked() -> None:
    """Nobody is interested in a fake."""
    wire = scene("quay").wire()
    wire.put_image("a/b", "1")
    listed = wire.client.get("/api/v1/repository?public=true&popularity=true").json()
    assert listed["repositories"][0]["popularity"] == 0.0


def test_azure_without_accounts_knows_everyone() -> None:
    """But takes no other grant, and no identity that is empty."""
    http = scene("acr").http()
    form = {"grant_type": "access_token", "access_token": "any"}
    assert http.post("/oauth2/exchange", data=form).status_code == 200
    assert http.post("/oauth2/exchange", data={**form, "access_token": ""}).status_code == 401
    assert http.post("/oauth2/exchange", data={**form, "grant_type": "other"}).status_code == 400
    too_long = http.post("/oauth2/exchange", content=b"grant_type=" + b"x" * 70_000)
    assert too_long.status_code == 400


def test_quay_counts_tags_from_one() -> None:
    """A page that is no number is the first."""
    wire = scene("quay").wire()
    wire.put_image("a/b", "1")
    answer = wire.client.get("/api/v1/repository/a/b/tag/?page=nonsense").json()
    assert (answer["page"], len(answer["tags"])) == (1, 1)
    assert wire.client.get("/api/v1/repository/a/b").status_code == 404


def test_a_chunk_that_broke_off_counts_as_far_as_it_came() -> None:
    """What was refused isn't counted: the next Range is where the registry is."""
    wire = scene("quay").wire()
    place = wire.begin("a/b")
    assert wire.patch(place, b"12345", Content_Range="0-4").status_code == 202
    refused = wire.patch(place, b"678", Content_Range="3-5")
    assert refused.headers["Range"] == "0-5"
    assert wire.patch(place, b"678", Content_Range="5-7").headers["Range"] == "0-7"
    assert wire.finish(place, Digest.of(b"12345678")).status_code == 201


def test_a_limit_of_chunks_without_words_of_its_own_is_413() -> None:
    """A table may say how long a chunk is at most, and leave the answer out."""
    form = UploadForm(longest_chunk=4)
    wire = scene(dataclasses.replace(DIALECTS["zot"], uploads=form)).wire()
    answer = wire.patch(wire.begin("a"), b"12345")
    assert (answer.status_code, error_code(answer)) == (413, "SIZE_INVALID")


def test_a_cancelled_upload_is_forgotten() -> None:
    """Its Location is no good any more."""
    wire = scene("distribution2").wire()
    place = wire.begin("a/b")
    assert wire.client.delete(place).status_code == 204
    assert wire.client.get(place).status_code == 404


def test_a_cursor_is_read_for_two_days() -> None:
    """And only if it is one."""
    cursor = seal("a/b", BEGINNING)
    assert opened(cursor, BEGINNING + 2 * 24 * 3600) == "a/b"
    assert opened(cursor, BEGINNING + 2 * 24 * 3600 + 1) is None
    for junk in ("", "x", "gAAAAA", "AAAAAAAAAAAAAAAA", "Zm9v\u00e9"):
        assert opened(junk, BEGINNING) is None


def test_a_private_blob_stays_where_it_is() -> None:
    """Who may not see a repository isn't redirected to its blobs either."""
    quay = scene("quay", accounts={"me": "x"}, private={"acme/secret"})
    digest = quay.wire(("me", "x")).put_blob("acme/secret", CONFIG)
    assert quay.http().get(f"/v2/acme/secret/blobs/{digest}").status_code == 401
    assert quay.wire(("me", "x")).get_blob("acme/secret", digest).status_code == 302
