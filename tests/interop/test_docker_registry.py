"""The main jobs against Debian's docker-registry, with and without a password, seen by skopeo."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from occystrap.oci.media_types import OCI_INDEX, OCI_MANIFEST
from tests.support.command import Occystrap
from tests.support.debian_registry import DebianRegistry, StartDebianRegistry
from tests.support.images import SampleImage, sha256
from tests.support.look import layer_digests, requests_of, tars_of
from tests.support.skopeo import Skopeo
from tests.support.wire import CONFIG, Wire, describe, image_manifest, index_of

IMAGE = "some/image:v1"


@pytest.fixture(params=[False, True], ids=["open", "htpasswd"])
def registry(
    request: pytest.FixtureRequest, start_debian_registry: StartDebianRegistry
) -> DebianRegistry:
    """A registry, open to everyone or to `CREDENTIALS` alone."""
    return start_debian_registry(htpasswd=request.param)


def test_a_pulled_tarball_is_the_image(
    occystrap: Occystrap,
    skopeo: Skopeo,
    registry: DebianRegistry,
    image: SampleImage,
    archive: Path,
    tmp_path: Path,
) -> None:
    """Every layer hashes to its diff_id, and skopeo reads config and layers as it pushed them."""
    skopeo.push(f"docker-archive:{archive}", registry, IMAGE)
    pulled = tmp_path / "pulled.tar"
    report = occystrap.process(
        registry.uri(IMAGE), f"tar://{pulled}", "--verify-full", login=registry.credentials
    )
    assert tars_of(pulled) == image.diff_ids
    manifest = skopeo.unpack(f"docker-archive:{pulled}", tmp_path / "read")
    assert manifest["config"]["digest"] == f"sha256:{image.config_hex}"
    assert (tmp_path / "read" / image.config_hex).read_bytes() == image.config
    assert layer_digests(manifest) == image.diff_ids
    assert report["layers"] == len(image.layers)
    assert {check["severity"] for check in report["verify"]} == {"info"}


def test_a_pushed_tarball_is_the_image(
    occystrap: Occystrap,
    skopeo: Skopeo,
    registry: DebianRegistry,
    image: SampleImage,
    archive: Path,
    tmp_path: Path,
) -> None:
    """Skopeo pulls it back with the config it had, and layers that inflate to the same tars."""
    report = occystrap.process(
        f"tar://{archive}", registry.uri(IMAGE), "--verify-full", login=registry.credentials
    )
    manifest = skopeo.pull(registry, IMAGE, tmp_path / "back", "--dest-decompress")
    assert manifest["config"]["digest"] == f"sha256:{image.config_hex}"
    assert layer_digests(manifest) == image.diff_ids
    assert report["digest"] == f"sha256:{sha256(skopeo.raw_manifest(registry, IMAGE))}"


def test_a_second_push_sends_nothing(
    occystrap: Occystrap, registry: DebianRegistry, image: SampleImage, archive: Path
) -> None:
    """What the registry holds is found by its digest, which is the same every time."""
    first, second = (
        occystrap.process(
            f"tar://{archive}", registry.uri(f"some/image:{tag}"), login=registry.credentials
        )
        for tag in ("v1", "v2")
    )
    assert first["digest"] == second["digest"]
    assert (second["bytes"], second["skipped"]) == (0, len(image.layers))


def test_a_copy_within_a_registry_is_mounted(
    occystrap: Occystrap, skopeo: Skopeo, registry: DebianRegistry, archive: Path
) -> None:
    """The manifest is the same byte for byte, and no layer leaves the registry."""
    skopeo.push(f"docker-archive:{archive}", registry, IMAGE)
    before = len(requests_of(registry))
    report = occystrap.process(
        registry.uri(IMAGE), registry.uri("other:2"), login=registry.credentials
    )
    during = requests_of(registry)[before:]
    raw = skopeo.raw_manifest(registry, IMAGE)
    assert skopeo.raw_manifest(registry, "other:2") == raw
    assert (report["digest"], report["bytes"]) == (f"sha256:{sha256(raw)}", 0)
    manifest = json.loads(raw)
    layers = set(layer_digests(manifest))
    mounts = [status for method, uri, status in during if method == "POST" and "mount=" in uri]
    assert mounts == [201] * len(layers)
    fetched = {uri.rpartition("/")[2] for method, uri, _ in during if method == "GET"}
    assert not fetched & {f"sha256:{layer}" for layer in layers}


def test_a_copy_to_another_registry_keeps_the_manifest(
    occystrap: Occystrap,
    skopeo: Skopeo,
    registry: DebianRegistry,
    start_debian_registry: StartDebianRegistry,
    archive: Path,
) -> None:
    """The manifest is the same byte for byte."""
    skopeo.push(f"docker-archive:{archive}", registry, IMAGE)
    other = start_debian_registry(htpasswd=registry.credentials is not None)
    report = occystrap.process(registry.uri(IMAGE), other.uri("a/b:c"), login=registry.credentials)
    raw = skopeo.raw_manifest(registry, IMAGE)
    assert skopeo.raw_manifest(other, "a/b:c") == raw
    assert report["digest"] == f"sha256:{sha256(raw)}"


def test_an_index_is_copied_whole(
    occystrap: Occystrap,
    skopeo: Skopeo,
    registry: DebianRegistry,
    start_debian_registry: StartDebianRegistry,
    archive: Path,
    tmp_path: Path,
) -> None:
    """With platform=all the index has the same digest, and skopeo finds everything below it."""
    for tag, kind in (("one", "v2s2"), ("two", "oci")):
        skopeo.push(f"docker-archive:{archive}", registry, f"many:{tag}", "--format", kind)
    manifests = [skopeo.raw_manifest(registry, f"many:{tag}") for tag in ("one", "two")]
    index = index_of(*manifests)
    with httpx.Client(base_url=registry.url, auth=registry.credentials) as client:
        answer = Wire(client).put_manifest("many", "v1", index, OCI_INDEX)
        assert answer.status_code == 201, answer.text
    other = start_debian_registry(htpasswd=registry.credentials is not None)
    report = occystrap.process(
        f"{registry.uri('many:v1')}?platform=all", other.uri("copy:v1"), login=registry.credentials
    )
    assert skopeo.raw_manifest(other, "copy:v1") == index
    assert (report["digest"], report["images"]) == (f"sha256:{sha256(index)}", 2)
    listed = skopeo.pull(other, "copy:v1", tmp_path / "all", "--all")["manifests"]
    assert [entry["digest"] for entry in listed] == [f"sha256:{sha256(m)}" for m in manifests]


def test_an_index_is_filtered_whole(
    occystrap: Occystrap,
    skopeo: Skopeo,
    registry: DebianRegistry,
    archive: Path,
    image: SampleImage,
    tmp_path: Path,
) -> None:
    """Skopeo finds under each platform an image whose layers are what its config says they are.

    The registry keeps an index only if all that it lists is there. An attestation of an image that
    has become another is left out; the second time nothing is sent.
    """
    for tag, kind in (("amd64", "v2s2"), ("arm64", "oci")):
        skopeo.push(f"docker-archive:{archive}", registry, f"many:{tag}", "--format", kind)
    manifests = {tag: skopeo.raw_manifest(registry, f"many:{tag}") for tag in ("amd64", "arm64")}
    with httpx.Client(base_url=registry.url, auth=registry.credentials) as client:
        wire = Wire(client)
        wire.put_blob("many", CONFIG)
        wire.put_blob("many", b"{}")
        about = image_manifest(CONFIG, layers=[describe(b"{}", "application/vnd.in-toto+json")])
        assert wire.put_manifest("many", "about", about).status_code == 201
        listed = [
            describe(
                raw, json.loads(raw)["mediaType"], platform={"os": "linux", "architecture": name}
            )
            for name, raw in manifests.items()
        ]
        annotations = {"vnd.docker.reference.digest": f"sha256:{sha256(manifests['arm64'])}"}
        listed.append(describe(about, OCI_MANIFEST, annotations=annotations))
        index = index_of(manifests=listed)
        assert wire.put_manifest("many", "v1", index, OCI_INDEX).status_code == 201
    reports = [
        occystrap.process(
            f"{registry.uri('many:v1')}?platform=all",
            registry.uri(f"new:{tag}"),
            "--verify-full",
            filters=["exclude:pattern=etc,opt"],
            login=registry.credentials,
        )
        for tag in ("v1", "v2")
    ]
    assert reports[0]["digest"] == reports[1]["digest"]
    assert reports[1]["bytes"] == 0
    assert len(reports[0]["left_out"]) == 1
    assert reports[0]["digest"] == f"sha256:{sha256(skopeo.raw_manifest(registry, 'new:v1'))}"
    for name in manifests:
        read = tmp_path / name
        found = skopeo.pull(registry, "new:v1", read, "--dest-decompress", "--override-arch", name)
        config = json.loads((read / found["config"]["digest"].removeprefix("sha256:")).read_bytes())
        digests = [f"sha256:{layer}" for layer in layer_digests(found)]
        assert config["rootfs"]["diff_ids"] == digests
        assert digests[0] != f"sha256:{image.diff_ids[0]}"
    listed = skopeo.pull(registry, "new:v1", tmp_path / "all", "--all")["manifests"]
    assert [entry["platform"]["architecture"] for entry in listed] == [*manifests]
