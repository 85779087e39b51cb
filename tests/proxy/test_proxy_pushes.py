"""What is pushed to a proxy goes on to the registry behind it."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Index, Manifest
from occystrap.oci.media_types import OCI_MANIFEST
from occystrap.options import Options
from tests.support.console import Shelf
from tests.support.images import SampleImage, file, layer, make_image
from tests.support.proxied import PREFIX, digest_of, proxied, push
from tests.support.wire import CONFIG, describe, error_code, image_manifest

EXCLUDE = "exclude:pattern=*.pyc"
PLATFORMS = ("linux/amd64", "linux/arm64")


def sample(architecture: str = "amd64") -> SampleImage:
    """An image with a file that filters leave out."""
    return make_image(
        layer(file("bin/app", architecture.encode() * 1000)),
        layer(file("lib/app.py", b"#"), file("lib/app.pyc", b"compiled" * 100)),
        architecture=architecture,
    )


@pytest.fixture
def source() -> Shelf:
    """What clients push: an image, and an index of two."""
    shelf = Shelf()
    shelf.put("image", "1", sample())
    shelf.put_all("image", "all", {name: sample(name.split("/")[1]) for name in PLATFORMS})
    return shelf


@pytest.mark.parametrize("tag", ["1", "all"])
def test_what_is_pushed_is_downstream_byte_for_byte(source: Shelf, tag: str) -> None:
    """An image or an index, under the prefix, when the push is answered; nothing stays behind."""
    with proxied() as scene:
        response = push(scene.wire, "org/app", "v1", source, tag)
        assert response.status_code == 201
        stored = scene.stored("org/app", "v1")
        assert stored == source.get("image", tag)
        assert digest_of(response) == stored.digest
        assert response.headers["Location"] == f"/v2/org/app/manifests/{stored.digest}"
        assert scene.proxy.disk_use == 0


def test_what_is_there_is_not_sent_again(source: Shelf) -> None:
    """Neither to the proxy, which no longer has it, nor downstream."""
    with proxied() as scene:
        push(scene.wire, "app", "v1", source, "1")
        scene.asked.clear()
        assert push(scene.wire, "app", "v2", source, "1").status_code == 201
        assert not [one for one in scene.asked if " POST " in one]
        assert scene.stored("app", "v2") == scene.stored("app", "v1")


@pytest.mark.parametrize("tag", ["1", "all"])
def test_the_digest_answered_is_that_of_what_is_stored(source: Shelf, tag: str) -> None:
    """W-34: also where filters have changed it, of an image as of an index."""
    with proxied(EXCLUDE) as scene:
        response = push(scene.wire, "app", "v1", source, tag)
        stored = scene.stored("app", "v1")
        assert stored != source.get("image", tag)
        assert digest_of(response) == stored.digest
        found = scene.wire.get_manifest("app", "v1")
        assert (found.content, digest_of(found)) == (stored.raw, stored.digest)
        again = scene.wire.get_manifest("app", stored.digest)
        assert again.content == stored.raw


def test_an_index_names_what_its_images_have_become(source: Shelf) -> None:
    """With their platforms, and each of them is there without the file that was left out."""
    with proxied(EXCLUDE) as scene:
        push(scene.wire, "app", "v1", source, "all")
        index, before = scene.stored("app", "v1"), source.get("image", "all")
        assert isinstance(index, Index)
        assert isinstance(before, Index)
        assert [each.platform for each in index.manifests] == [
            each.platform for each in before.manifests
        ]
        for listed in index.manifests:
            manifest = scene.downstream.store.manifest(f"{PREFIX}/app", listed.digest)
            assert isinstance(manifest, Manifest)
            assert listed.size == len(manifest.raw)
            contents = [scene.downstream.content(f"{PREFIX}/app", each) for each in manifest.layers]
            assert b"compiled" not in b"".join(map(_inflated, contents))


def _inflated(blob: bytes) -> bytes:
    return gzip.decompress(blob)


@pytest.mark.parametrize("filters", [(EXCLUDE,), ()])
def test_an_attestation_keeps_to_its_image(
    filters: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """It is no image, so it goes as it is; it isn't listed beside what the image has become."""
    shelf = Shelf()
    image = shelf.put("image", "1", sample())
    statement = b'{"_type":"in-toto"}'
    attestation = image_manifest(
        CONFIG, layers=[describe(statement, "application/vnd.in-toto+json")]
    )
    about = {"vnd.docker.reference.digest": str(image.digest)}
    document = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            image.descriptor.to_document(),
            {**describe(attestation, OCI_MANIFEST), "annotations": about},
        ],
    }
    with proxied(*filters) as scene:
        push(scene.wire, "app", "v1", shelf, "1")
        for blob in (CONFIG, statement):
            scene.wire.put_blob("app", blob)
        digest = Digest.of(attestation)
        assert digest_of(scene.wire.put_manifest("app", digest, attestation)) == digest
        raw, media_type = json.dumps(document).encode(), str(document["mediaType"])
        assert scene.wire.put_manifest("app", "all", raw, media_type).status_code == 201
        index, stored = scene.stored("app", "all"), scene.stored("app", "v1")
        assert isinstance(index, Index)
        listed = {each.digest: dict(each.annotations) for each in index.manifests}
        assert listed == {stored.digest: {}} | ({} if filters else {digest: about})
    told = f"the attestation {digest}: it names {image.digest}, which has become {stored.digest}"
    assert (told in caplog.messages) == bool(filters)


def test_a_filtered_index_can_be_pushed_under_another_tag(source: Shelf) -> None:
    """What filters have made is known, and stays what it is."""
    with proxied(EXCLUDE) as scene:
        push(scene.wire, "app", "v1", source, "all")
        stored = scene.stored("app", "v1")
        response = scene.wire.put_manifest("app", "v2", stored.raw, stored.media_type)
        assert response.status_code == 201
        assert scene.stored("app", "v2") == stored


def test_layers_get_another_compression(source: Shelf) -> None:
    """As the options of the run, or of the place, say; then by digest they get another digest."""
    chosen: tuple[dict[str, Any], ...] = (
        {"options": Options(compression="zstd")},
        {"place": "down.example/team?compression=zstd"},
    )
    for more in chosen:
        with proxied(**more) as scene:
            response = push(scene.wire, "app", "v1", source, "all")
            index = scene.stored("app", "v1")
            assert digest_of(response) == index.digest
            assert isinstance(index, Index)
            child = scene.downstream.store.manifest(f"{PREFIX}/app", index.manifests[0].digest)
            assert isinstance(child, Manifest)
            assert all(each.media_type.endswith("+zstd") for each in child.layers)


def test_blobs_are_mounted_from_what_was_pushed(source: Shelf) -> None:
    """W-34: from another repository, before its image is there."""
    with proxied() as scene:
        digest = scene.wire.put_blob("one", b"content")
        url = f"/v2/two/blobs/uploads/?mount={digest}&from=one"
        assert scene.client.post(url).status_code == 201
        assert scene.wire.get_blob("two", digest).content == b"content"


@pytest.mark.parametrize(("filters", "code"), [((), 201), ((EXCLUDE,), 202)])
def test_blobs_are_mounted_downstream(source: Shelf, filters: tuple[str, ...], code: int) -> None:
    """From an image that is there already; with filters a client sends it, for it may change."""
    with proxied(*filters) as scene:
        blob = source.manifest("image", "1").layers[0]
        scene.downstream.put(f"{PREFIX}/one", "1", sample())
        url = f"/v2/two/blobs/uploads/?mount={blob.digest}&from=one"
        assert scene.client.post(url).status_code == code
        there = scene.downstream.store.blob(f"{PREFIX}/two", blob.digest) is not None
        assert there == (code == 201)


def test_an_unknown_blob_is_not_mounted() -> None:
    """The client may send it instead."""
    with proxied() as scene:
        url = f"/v2/two/blobs/uploads/?mount={Digest.of(b'?')}&from=one"
        assert scene.client.post(url).status_code == 202


@pytest.mark.parametrize("filters", [(), (EXCLUDE,)])
def test_a_manifest_of_what_was_not_pushed_is_refused(
    source: Shelf, filters: tuple[str, ...]
) -> None:
    """By the name of what is missing; nothing is downstream, and once it's pushed all is well."""
    with proxied(*filters) as scene:
        manifest = source.manifest("image", "1")
        missing = manifest.layers[1]
        for blob in (manifest.config, manifest.layers[0]):
            scene.wire.put_blob("app", source.content("image", blob))
        response = scene.wire.put_manifest("app", "v1", manifest.raw, manifest.media_type)
        assert (response.status_code, error_code(response)) == (404, "MANIFEST_BLOB_UNKNOWN")
        assert str(missing.digest) in response.text
        assert scene.downstream.get(f"{PREFIX}/app", "v1") is None
        assert push(scene.wire, "app", "v1", source, "1").status_code == 201
        assert (scene.proxy.counts.pushed, scene.proxy.counts.failed) == (1, 1)


@pytest.mark.parametrize("filters", [(), (EXCLUDE,)])
def test_an_index_of_what_was_not_pushed_is_refused(
    source: Shelf, filters: tuple[str, ...]
) -> None:
    """Its images come before it."""
    with proxied(*filters) as scene:
        index = source.get("image", "all")
        assert index is not None
        response = scene.wire.put_manifest("app", "v1", index.raw, index.media_type)
        assert (response.status_code, error_code(response)) == (404, "MANIFEST_BLOB_UNKNOWN")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"schemaVersion":1}', b"\xff"])
def test_what_is_no_manifest_is_refused(raw: bytes) -> None:
    """W-34: with an answer."""
    with proxied() as scene:
        response = scene.wire.put_manifest("app", "v1", raw)
        assert (response.status_code, error_code(response)) == (400, "MANIFEST_INVALID")
        assert scene.asked == []


def test_a_config_that_fits_no_image_is_refused() -> None:
    """The client's own fault, and said so."""
    with proxied(EXCLUDE) as scene:
        for blob in (CONFIG, b"no tar"):
            scene.wire.put_blob("app", blob)
        response = scene.wire.put_manifest("app", "v1", image_manifest(CONFIG, b"no tar"))
        assert (response.status_code, error_code(response)) == (400, "MANIFEST_INVALID")
