"""Putting images into a fake registry, and looking at what is there."""

from __future__ import annotations

import pytest

from occystrap.errors import InvalidReference
from occystrap.oci.media_types import MANIFEST_ACCEPT
from pytest_occystrap.building import build_image
from pytest_occystrap.fake import FakeRegistry


def test_an_image_is_served_as_it_was_built(registry: FakeRegistry) -> None:
    """A client gets the manifest and the blobs byte for byte, with their digests."""
    image = registry.add_image("library/busybox:latest", layers=[{"bin/sh": b"#!"}])
    base = "/v2/library/busybox"
    response = registry.client.get(f"{base}/manifests/latest", headers={"Accept": MANIFEST_ACCEPT})
    assert response.json() == image.manifest
    assert response.content == image.manifest.raw
    assert response.headers["Docker-Content-Digest"] == image.digest
    assert response.headers["Content-Type"] == image.media_type
    for digest, content in image.blobs.items():
        assert registry.client.get(f"{base}/blobs/{digest}").content == content


def test_an_image_without_layers_has_one_of_its_own() -> None:
    """So two images that a test says nothing about are not the same."""
    with FakeRegistry() as one, FakeRegistry() as other:
        first, second = one.add_image("app:1"), one.add_image("app:2")
        assert first.digest != second.digest
        assert first.layers[0].files == {"etc/image": b"app:1\n"}
        assert other.add_image("app:1").digest == first.digest


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("busybox", "busybox:latest"),
        ("library/busybox:1.36", "library/busybox:1.36"),
        ("quay.io/org/app:1", "org/app:1"),
        ("127.0.0.1:5000/app:1", "app:1"),
        ("localhost/app", "app:latest"),
        ("docker.io/busybox", "library/busybox:latest"),
    ],
)
def test_references_are_of_this_registry(registry: FakeRegistry, given: str, kept: str) -> None:
    """A host is left out, and only a name that says Docker Hub follows its rules."""
    image = registry.add_image(given)
    assert image.reference == kept
    assert registry.image(given).digest == image.digest
    assert [one.reference for one in registry.images] == [kept]
    assert image.repository == kept.partition(":")[0]


def test_an_image_by_its_digest(registry: FakeRegistry) -> None:
    """A reference may hold the digest instead of the tag, or beside it."""
    image = registry.add_image("app:1")
    assert registry.image(f"app@{image.digest}").digest == image.digest
    assert registry.image(f"app:1@{image.digest}").reference == f"app:1@{image.digest}"


def test_an_image_that_is_not_there(registry: FakeRegistry) -> None:
    """The message lists what there is."""
    with pytest.raises(LookupError, match="no image app:2; the registry holds nothing with a tag"):
        registry.image("app:2")
    registry.add_image("app:1")
    registry.add_image("b/app")
    with pytest.raises(LookupError, match=r"the registry holds app:1, b/app:latest$"):
        registry.image("app:2")


def test_names_are_checked(registry: FakeRegistry) -> None:
    """What no registry could hold isn't put into this one."""
    with pytest.raises(InvalidReference, match="upper-case"):
        registry.add_image("App:1")


def test_an_index_brings_its_images(registry: FakeRegistry) -> None:
    """They may come from elsewhere, and can be asked for by digest beside the index."""
    amd64 = build_image([{"a": "1"}], platform="linux/amd64")
    arm64 = registry.add_image("other:arm", platform="linux/arm64/v8")
    index = registry.add_index("app:1", {"linux/amd64": amd64, "linux/arm64/v8": arm64})
    assert {name: image.digest for name, image in index.images.items()} == {
        "linux/amd64": amd64.digest,
        "linux/arm64/v8": arm64.digest,
    }
    for image in (amd64, arm64):
        assert registry.client.get(f"/v2/app/manifests/{image.digest}").status_code == 200
        for digest in image.blobs:
            assert registry.has_blob(digest, "app")
    assert [one.reference for one in registry.images] == ["app:1", "other:arm"]
    assert registry.image("app:1").images["linux/amd64"].layers[0].files == {"a": b"1"}


def test_an_index_of_an_image_twice(registry: FakeRegistry) -> None:
    """No image of it gets lost when a client pushes one with odd platforms."""
    image = build_image([])
    index = registry.add_index("app:1", {"linux/arm/v6": image, "linux/arm/v7": image})
    assert list(index.images) == ["linux/arm/v6", "linux/arm/v7"]
    document = {**index.manifest, "manifests": index.manifest["manifests"][:1] * 2}
    response = registry.client.put(
        "/v2/app/manifests/2", json=document, headers={"Content-Type": index.media_type}
    )
    assert response.status_code == 201
    assert list(registry.image("app:2").images) == ["linux/arm/v6", "#1"]


def test_a_referrer_is_found_through_its_subject(registry: FakeRegistry) -> None:
    """The referrers API lists it with its type and annotations."""
    image = registry.add_image("app:1")
    signature = registry.add_referrer(
        image, "application/vnd.example.signature", b"signed", annotations={"by": "me"}
    )
    sbom = registry.add_referrer("app:1", "application/vnd.example.sbom", media_type="text/spdx")
    listed = registry.client.get(f"/v2/app/referrers/{image.digest}").json()["manifests"]
    assert {one["digest"]: one["artifactType"] for one in listed} == {
        signature.digest: "application/vnd.example.signature",
        sbom.digest: "application/vnd.example.sbom",
    }
    assert signature.reference == f"app@{signature.digest}"
    assert registry.tags("app") == ["1"]


def test_random_images_depend_on_their_seed(registry: FakeRegistry) -> None:
    """The same seed gives the same digest, and the size is that of the content."""
    first = registry.add_random_image("a:1", size=100_000, layers=3, seed=1)
    again = registry.add_random_image("b:1", size=100_000, layers=3, seed=1)
    other = registry.add_random_image("c:1", size=100_000, layers=3, seed=2)
    assert first.digest == again.digest != other.digest
    sizes = [len(content) for layer in first.layers for content in layer.files.values()]
    assert sizes == [33334, 33333, 33333]


def test_what_is_put_must_have_the_digest_it_is_put_under(registry: FakeRegistry) -> None:
    """A registry that lies is made of faults, not by mistake."""
    image = build_image([])
    assert registry.put(image, f"app@{image.digest}").digest == image.digest
    with pytest.raises(ValueError, match=r"which app@sha256:0+ doesn't name"):
        registry.put(image, f"app@sha256:{'0' * 64}")


def test_what_was_pushed_can_be_looked_at(registry: FakeRegistry) -> None:
    """Images of clients look like those that a test has put there."""
    image = build_image([{"etc/motd": "hi"}], config={"Env": ["A=1"]}, compression="zstd")
    client = registry.client
    for digest, content in image.blobs.items():
        started = client.post("/v2/team/app/blobs/uploads/")
        url = started.headers["Location"]
        assert client.put(url, params={"digest": digest}, content=content).status_code == 201
    headers = {"Content-Type": image.media_type}
    client.put("/v2/team/app/manifests/1", content=image.manifest.raw, headers=headers)
    (pushed,) = registry.images
    assert pushed.reference == "team/app:1"
    assert pushed.manifest == image.manifest
    assert pushed.config["config"]["Env"] == ["A=1"]
    assert pushed.layers == image.layers
    assert pushed.layers[0].files == {"etc/motd": b"hi"}
    assert registry.tags("team/app") == ["1"]
    assert registry.tags("nobody/app") == []
    assert registry.has_blob(image.config.digest)
    assert not registry.has_blob(f"sha256:{'0' * 64}")
    assert not registry.has_blob(image.config.digest, "other")


def test_a_manifest_outlives_its_blobs(registry: FakeRegistry) -> None:
    """Deleted content can't be read, and everything else can."""
    image = registry.add_image("app:1")
    for digest in image.blobs:
        assert registry.client.delete(f"/v2/app/blobs/{digest}").status_code == 202
    (left,) = registry.images
    assert left.config == {}
    assert left.manifest == image.manifest
    with pytest.raises(LookupError, match=f"app has no blob {image.layers[0].digest}"):
        _ = left.layers[0].content
