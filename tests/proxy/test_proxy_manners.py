"""What a proxy does as any registry does, and what it does not do."""

from __future__ import annotations

import pytest

from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCI_MANIFEST
from tests.support.images import file, layer, make_image
from tests.support.proxied import PREFIX, digest_of, proxied
from tests.support.wire import CONFIG, error_code, image_manifest


def test_tags_given_with_a_digest() -> None:
    """Each of them is downstream, and told."""
    with proxied() as scene:
        scene.wire.put_blob("app", CONFIG)
        manifest = image_manifest()
        url = f"/v2/app/manifests/{Digest.of(manifest)}?tag=a&tag=b"
        response = scene.client.put(url, content=manifest, headers={"Content-Type": OCI_MANIFEST})
        assert response.headers.get_list("OCI-Tag") == ["a", "b"]
        assert scene.stored("app", "a") == scene.stored("app", "b")


def test_a_digest_of_another_kind() -> None:
    """By sha512: pushed, answered and asked for by that name."""
    with proxied() as scene:
        scene.wire.put_blob("app", CONFIG)
        manifest = image_manifest()
        digest = Digest.of(manifest, "sha512")
        response = scene.wire.put_manifest("app", digest, manifest)
        assert (response.status_code, digest_of(response)) == (201, digest)
        assert scene.wire.get_manifest("app", digest).content == manifest


def test_a_tag_that_has_changed_meanwhile_is_not_overwritten() -> None:
    """If the client says what it believes to be there."""
    with proxied() as scene:
        scene.wire.put_blob("app", CONFIG)
        manifest, other = image_manifest(), image_manifest(CONFIG, annotations={"a": "b"})
        url = "/v2/app/manifests/v1"
        headers = {"Content-Type": OCI_MANIFEST, "If-None-Match": "*"}
        assert scene.client.put(url, content=manifest, headers=headers).status_code == 201
        assert scene.client.put(url, content=other, headers=headers).status_code == 412
        assert scene.stored("app", "v1").raw == manifest


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "app/manifests/1"),
        ("DELETE", f"app/manifests/{Digest.of(b'')}"),
        ("DELETE", f"app/blobs/{Digest.of(b'')}"),
        ("GET", "_catalog"),
        ("POST", "app/manifests/1"),
    ],
)
def test_what_a_proxy_does_not_do(method: str, path: str) -> None:
    """It removes nothing, and lists no repositories."""
    with proxied() as scene:
        scene.downstream.put(f"{PREFIX}/app", "1", make_image(layer(file("bin/app"))))
        response = scene.client.request(method, f"/v2/{path}")
        assert response.status_code in (404, 405)
        assert scene.downstream.get(f"{PREFIX}/app", "1") is not None


def test_it_speaks_as_a_registry() -> None:
    """What clients look at first, and names that can't be."""
    with proxied() as scene:
        response = scene.client.get("/v2/")
        assert response.status_code == 200
        assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
        assert error_code(scene.client.get("/v2/UPPER/tags/list")) == "NAME_INVALID"
        long = f"/v2/{'a' * 253}/tags/list"
        assert scene.client.get(long).status_code == 400
