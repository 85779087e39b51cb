"""The images that a recording shows, in the fake registry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from occystrap.errors import CassetteError
from pytest_occystrap import FakeImage, FakeRegistry, build_image, build_index
from pytest_occystrap.cassettes.form import Ending, Interaction
from tests.support.recordings import HOST, digest_of, exchange, recording

IMAGE = build_image([{"a": "1"}, {"b": "2"}])
OTHER = build_image([{"c": "3"}], platform="linux/arm64")


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """A fake registry."""
    with FakeRegistry() as registry:
        yield registry


def pulled(image: FakeImage, name: str = "app") -> list[Interaction]:
    """Record that the blobs of an image were pulled."""
    return [
        exchange(f"GET /v2/{name}/blobs/{digest}", 200, content)
        for digest, content in image.blobs.items()
    ]


def manifest(image: FakeImage, reference: str, name: str = "app") -> Interaction:
    """Record that a manifest was pulled."""
    return exchange(f"GET /v2/{name}/manifests/{reference}", 200, image.manifest.raw)


def test_what_was_pulled(registry: FakeRegistry) -> None:
    """It can be pulled from the fake, byte for byte, and is a tag like any other."""
    (image,) = registry.load(recording(manifest(IMAGE, "1"), *pulled(IMAGE)))
    assert image.reference == "app:1"
    assert image.digest == IMAGE.digest
    assert image.blobs == IMAGE.blobs
    for digest, content in IMAGE.blobs.items():
        assert registry.client.get(f"/v2/app/blobs/{digest}").content == content
    answer = registry.client.get("/v2/app/manifests/1", headers={"Accept": IMAGE.media_type})
    assert answer.content == IMAGE.manifest.raw


def test_what_was_pushed(registry: FakeRegistry) -> None:
    """In one request, in chunks, with a body at the end, and mounted."""
    uploads = "/v2/app/blobs/uploads/"
    config, first, second = IMAGE.blobs.items()
    half = len(first[1]) // 2
    mounted = f"POST {uploads}?mount={second[0]}&from=other"
    (image,) = registry.load(
        recording(
            exchange(f"POST {uploads}?digest={config[0]}", 201, sent=config[1]),
            exchange(f"PATCH {uploads}s-1", 202, sent=first[1][:half]),
            exchange(f"PATCH {uploads}s-1", 416, sent=b"out of order"),
            exchange(f"PUT {uploads}s-1?digest={first[0]}", 201, sent=first[1][half:]),
            exchange(f"GET /v2/other/blobs/{second[0]}", 200, second[1]),
            exchange(mounted, 201),
            exchange("PUT /v2/app/manifests/1", 201, sent=IMAGE.manifest.raw),
        )
    )
    assert (image.reference, image.blobs) == ("app:1", IMAGE.blobs)


def test_an_index_with_its_images(registry: FakeRegistry) -> None:
    """Its images are under it, and aren't listed beside it."""
    index = build_index({"linux/amd64": IMAGE, "linux/arm64": OTHER})
    interactions = [
        manifest(index, "all"),
        manifest(IMAGE, IMAGE.digest),
        manifest(OTHER, OTHER.digest),
        *pulled(IMAGE),
        *pulled(OTHER),
    ]
    (image,) = registry.load(recording(*interactions))
    assert {name: child.blobs for name, child in image.images.items()} == {
        "linux/amd64": IMAGE.blobs,
        "linux/arm64": OTHER.blobs,
    }


def test_blobs_that_came_from_storage(registry: FakeRegistry) -> None:
    """Whatever the URL, the bytes say what they are."""
    layer = IMAGE.layers[0]
    signed = "https://storage.example/?Signature=gone"
    told = {"Location": signed}
    blob = exchange(f"GET /v2/app/blobs/{layer.digest}", 307, answer=told)
    (image,) = registry.load(
        recording(manifest(IMAGE, "1"), blob, exchange(f"GET {signed}", 200, layer.content))
    )
    assert image.layers[0].content == layer.content
    with pytest.raises(LookupError, match="has no blob"):
        image.layers[1].read()


def test_a_tag_points_where_it_pointed_last(registry: FakeRegistry) -> None:
    """What it pointed at before is there by digest."""
    images = registry.load(recording(manifest(IMAGE, "1"), manifest(OTHER, "1")))
    assert [image.digest for image in images] == [OTHER.digest]
    assert registry.image(f"app@{IMAGE.digest}").digest == IMAGE.digest


def test_what_is_no_image_is_left_out(registry: FakeRegistry) -> None:
    """Errors, parts, manifests of schema 1, and bytes that aren't what they should be."""
    blob = IMAGE.layers[0]
    wrong = digest_of(b"something else")
    assert (
        registry.load(
            recording(
                exchange("GET /v2/app/manifests/1", 404, b"{}"),
                exchange("GET /v2/app/manifests/2", 200, b'{"schemaVersion": 1, "name": "app"}'),
                exchange("GET /v2/app/manifests/3", 200, OTHER.manifest.raw, ending=Ending.RESET),
                exchange(f"GET /v2/app/manifests/{wrong}", 200, OTHER.manifest.raw),
                exchange(f"GET /v2/app/blobs/{blob.digest}", 401),
                exchange(f"PUT {HOST}/v2/app/blobs/uploads/s?digest={wrong}", 201, sent=b"wrong"),
                exchange("GET /v2/app/tags/list", None, ending=Ending.REFUSED),
            )
        )
        == []
    )
    assert registry.images == []
    assert not registry.has_blob(wrong)


def test_what_was_loaded_can_be_pushed_to(registry: FakeRegistry) -> None:
    """It is an ordinary registry afterwards."""
    registry.load(recording(manifest(IMAGE, "1"), *pulled(IMAGE)))
    answer = registry.client.put(
        "/v2/app/manifests/2",
        content=IMAGE.manifest.raw,
        headers={"Content-Type": IMAGE.media_type},
    )
    assert answer.status_code == 201
    assert registry.tags("app") == ["1", "2"]


def test_nothing_to_load(registry: FakeRegistry) -> None:
    """A name that nobody knows is an error, not an empty registry."""
    with pytest.raises(CassetteError, match="no cassette 'quay/nothing'"):
        registry.load("quay/nothing")
