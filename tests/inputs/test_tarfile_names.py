"""Which images are in a tar file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from occystrap.errors import ImageInputError
from occystrap.inputs.tarfile import Image, image_names
from tests.support import archives
from tests.support.images import layer, make_image

IMAGE = make_image(layer(), names=["a/b:1", "quay.io/c:2"])


def written(tmp_path: Path, content: bytes) -> str:
    """Write a file."""
    path = tmp_path / "image.tar"
    path.write_bytes(content)
    return str(path)


def layout(*names: str | None) -> bytes:
    """Write an index.json whose entries have these names."""
    digest = f"sha256:{'0' * 64}"
    entries = [
        {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": digest,
            "size": 1,
            "annotations": {"org.opencontainers.image.ref.name": name} if name else {},
        }
        for name in names
    ]
    return archives.tar_of(
        [("index.json", json.dumps({"schemaVersion": 2, "manifests": entries}).encode())]
    )


@pytest.mark.parametrize("shape", ["docker_legacy_save", "docker_save", "podman_save"])
def test_names_of_docker_save(tmp_path: Path, shape: str) -> None:
    """All of them, and each opens its image."""
    path = written(tmp_path, getattr(archives, shape)(IMAGE))
    assert image_names(path) == list(IMAGE.names)
    for name in IMAGE.names:
        image = Image(path, select=name)
        assert image.get_config() == IMAGE.config
        image.close()


def test_names_of_oci_layouts(tmp_path: Path) -> None:
    """Each once, though there is an entry a platform; those without a name have none."""
    assert image_names(written(tmp_path, layout("a:1", "a:1", None, "b:2"))) == ["a:1", "b:2"]
    assert image_names(written(tmp_path, layout(None))) == []


@pytest.mark.parametrize("content", [b"", b"[{}]", b'[{"Config": "c", "RepoTags": [1]}]'])
def test_a_list_that_can_t_be_read(tmp_path: Path, content: bytes) -> None:
    """The error names the file."""
    path = written(tmp_path, archives.tar_of([("manifest.json", content)]))
    with pytest.raises(ImageInputError, match=r"image\.tar"):
        image_names(path)


def test_a_tar_of_other_things(tmp_path: Path) -> None:
    """It is said as when the image is opened."""
    path = written(tmp_path, archives.tar_of([("file", b"")]))
    with pytest.raises(ImageInputError, match="does not appear to be"):
        image_names(path)
