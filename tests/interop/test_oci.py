"""OCI images and layouts that skopeo made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command import Occystrap
from tests.support.debian_registry import DebianRegistry, StartDebianRegistry
from tests.support.images import SampleImage, sha256
from tests.support.look import layer_digests, tars_of
from tests.support.skopeo import Skopeo

IMAGE = "some/image:v1"
COMPRESSIONS = [
    pytest.param((), "tar+gzip", id="gzip"),
    pytest.param(("--dest-compress-format", "zstd"), "tar+zstd", id="zstd"),
]


@pytest.mark.parametrize(("options", "ending"), COMPRESSIONS)
def test_an_oci_image_is_pulled(
    occystrap: Occystrap,
    skopeo: Skopeo,
    debian_registry: DebianRegistry,
    image: SampleImage,
    archive: Path,
    tmp_path: Path,
    options: tuple[str, ...],
    ending: str,
) -> None:
    """Its layers, gzip or zstd, become the tars of its diff_ids, and skopeo reads the tarball."""
    skopeo.push(f"docker-archive:{archive}", debian_registry, IMAGE, "--format=oci", *options)
    manifest = json.loads(skopeo.raw_manifest(debian_registry, IMAGE))
    assert {layer["mediaType"].rpartition(".")[2] for layer in manifest["layers"]} == {ending}
    pulled = tmp_path / "pulled.tar"
    occystrap.process(debian_registry.uri(IMAGE), f"tar://{pulled}")
    assert tars_of(pulled) == image.diff_ids
    read = skopeo.unpack(f"docker-archive:{pulled}", tmp_path / "read")
    assert read["config"]["digest"] == manifest["config"]["digest"]
    assert layer_digests(read) == image.diff_ids


@pytest.mark.parametrize(("options", "ending"), COMPRESSIONS)
def test_an_oci_image_is_copied(
    occystrap: Occystrap,
    skopeo: Skopeo,
    start_debian_registry: StartDebianRegistry,
    archive: Path,
    options: tuple[str, ...],
    ending: str,
) -> None:
    """From one registry to another its manifest stays the same byte for byte."""
    source, target = start_debian_registry(), start_debian_registry()
    skopeo.push(f"docker-archive:{archive}", source, IMAGE, "--format=oci", *options)
    report = occystrap.process(source.uri(IMAGE), target.uri(IMAGE))
    raw = skopeo.raw_manifest(source, IMAGE)
    assert ending in raw.decode()
    assert skopeo.raw_manifest(target, IMAGE) == raw
    assert report["digest"] == f"sha256:{sha256(raw)}"


@pytest.mark.parametrize(("options", "ending"), COMPRESSIONS)
def test_an_oci_layout_is_pushed(
    occystrap: Occystrap,
    skopeo: Skopeo,
    debian_registry: DebianRegistry,
    archive: Path,
    tmp_path: Path,
    options: tuple[str, ...],
    ending: str,
) -> None:
    """An oci-archive of skopeo keeps the digest of its manifest."""
    layout = tmp_path / "layout.tar"
    source = f"docker-archive:{archive}"
    skopeo("copy", "--dest-compress", *options, source, f"oci-archive:{layout}:v1")
    report = occystrap.process(f"tar://{layout}", debian_registry.uri(IMAGE))
    raw = skopeo("inspect", "--raw", f"oci-archive:{layout}:v1")
    assert ending in raw.decode()
    assert skopeo.raw_manifest(debian_registry, IMAGE) == raw
    assert report["digest"] == f"sha256:{sha256(raw)}"


def test_layers_are_stored_as_zstd_when_asked_for(
    occystrap: Occystrap,
    skopeo: Skopeo,
    debian_registry: DebianRegistry,
    image: SampleImage,
    archive: Path,
    tmp_path: Path,
) -> None:
    """Skopeo pulls what --compression zstd stores, and inflates it to the same tars."""
    target = debian_registry.uri(IMAGE)
    occystrap.process(f"tar://{archive}", target, "--compression", "zstd")
    manifest = json.loads(skopeo.raw_manifest(debian_registry, IMAGE))
    assert {layer["mediaType"].rpartition("+")[2] for layer in manifest["layers"]} == {"zstd"}
    assert manifest["config"]["digest"] == f"sha256:{image.config_hex}"
    back = skopeo.pull(debian_registry, IMAGE, tmp_path / "back", "--dest-decompress")
    assert layer_digests(back) == image.diff_ids
