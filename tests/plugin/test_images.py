"""Images that are built: deterministic, complete, and as the specifications want them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, cast

import pytest

from occystrap.errors import InvalidOption
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Config, Index, Manifest, parse_manifest
from pytest_occystrap.building import (
    CompressionName,
    MediaName,
    build_artifact,
    build_image,
    build_index,
    random_layers,
)
from pytest_occystrap.entries import File, Symlink
from pytest_occystrap.images import Document, FakeImage

LAYERS: list[dict[str, Any]] = [
    {"bin/sh": b"#!", "etc/passwd": "root:x:0:0"},
    {"bin/bash": Symlink("sh")},
]


def manifest_of(image: FakeImage) -> Manifest:
    """Parse the manifest as strictly as the client and the server do."""
    manifest = parse_manifest(image.manifest.raw)
    assert isinstance(manifest, Manifest)
    return manifest


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
@pytest.mark.parametrize("media", ["oci", "docker"])
def test_an_image_holds_together(media: MediaName, compression: CompressionName) -> None:
    """Manifest, config and layers name each other by the digests that they have."""
    image = build_image(LAYERS, media=media, compression=compression)
    manifest = manifest_of(image)
    assert image.media_type == manifest.media_type == image.manifest["mediaType"]
    assert str(manifest.digest) == image.digest == str(Digest.of(image.manifest.raw))
    assert [str(layer.digest) for layer in manifest.layers] == [x.digest for x in image.layers]
    for layer, said in zip(image.layers, manifest.layers, strict=True):
        assert str(Digest.of(layer.content)) == layer.digest
        assert str(Digest.of(layer.tar)) == layer.diff_id
        assert len(layer.content) == layer.size == said.size
        assert said.media_type == layer.media_type
    config = Config.parse(image.config.raw)
    assert [str(diff_id) for diff_id in config.diff_ids] == [x.diff_id for x in image.layers]
    assert str(config.digest) == image.config.digest == str(manifest.config.digest)
    assert len(image.config["history"]) == len(image.layers)


def test_layers_are_shown_as_they_were_given() -> None:
    """A test can look into a layer without knowing tar or gzip."""
    image = build_image(LAYERS)
    assert image.layers[0].files == {"bin/sh": b"#!", "etc/passwd": b"root:x:0:0"}
    assert image.layers[0].entries["bin/sh"] == File(b"#!")
    assert image.layers[1].entries == {"bin/bash": Symlink("sh")}
    assert image.layers[1].files == {}


def test_digests_are_the_same_everywhere() -> None:
    """The same call gives these digests with every Python, library, machine and day."""
    oci = build_image(LAYERS, config={"Env": ["A=1"]}, annotations={"org.example": "é"})
    docker = build_image(LAYERS, media="docker", compression="zstd", platform="linux/arm64/v8")
    artifact = build_artifact("application/vnd.example", b"signed", subject=oci)
    index = build_index({"linux/amd64": oci, "linux/arm64/v8": docker})
    random = build_image(list(random_layers(100_000, 3, 7)), compression="none")
    found = {"oci": oci, "docker": docker, "artifact": artifact, "index": index, "random": random}
    assert {name: image.digest for name, image in found.items()} == {
        "oci": "sha256:bdc16fba28c00fb8c76274a334c5f7e804b2481b756fe0cc8003ad4537b8bf3e",
        "docker": "sha256:f20240b1f1b4ce94c12f1f0600bc8e5f34172b2f2ec81d2fbdf6913d6d9600ed",
        "artifact": "sha256:03c9a4b17881f35b1b66b8dfb0534edf9fc1cf7e3e67668e95cc50b16559ebd2",
        "index": "sha256:9cadba59d15a12272a360abfac6c9daf7a13621492a713b5cd292cc440ea8109",
        "random": "sha256:9015d3e2fda63f872c89782815f86b59fa9389a33f371c43b59120731e93438f",
    }


def test_another_process_makes_the_same() -> None:
    """Nothing of a process gets in, such as the seed of hashes."""
    script = (
        "from pytest_occystrap.building import build_image, random_layers;"
        "print(build_image(list(random_layers(5000, 2, 'x')), config={'Cmd': ['a']}).digest)"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    here = build_image(list(random_layers(5000, 2, "x")), config={"Cmd": ["a"]}).digest
    assert shown.stdout.decode().strip() == here


def test_config_says_how_to_run_and_anything_else() -> None:
    """Keys with a capital go where runtimes look, others are of the document itself."""
    image = build_image(
        [], config={"Env": ["A=1"], "Labels": {"a": "b"}, "author": "me", "created": "2023-11-14Z"}
    )
    assert image.config["config"] == {"Env": ["A=1"], "Labels": {"a": "b"}}
    assert image.config["author"] == "me"
    assert image.config["created"] == "2023-11-14Z"


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64/v8", "windows(10.0.17763)/amd64"])
def test_the_platform_is_in_the_config(platform: str) -> None:
    """Clients that choose by platform read it there."""
    image = build_image([], platform=platform)
    assert image.platform == platform
    assert str(Config.parse(image.config.raw).platform) == platform


def test_annotations_are_in_the_manifest() -> None:
    """An image without annotations doesn't have the field at all."""
    assert build_image([], annotations={"a": "b"}).manifest["annotations"] == {"a": "b"}
    assert "annotations" not in build_image([]).manifest


def test_a_layer_can_be_a_tar_that_is_ready() -> None:
    """A tar of one's own is taken as it is."""
    tar = bytes(10240)
    image = build_image([tar])
    assert image.layers[0].tar == tar


@pytest.mark.parametrize("media", ["oci", "docker"])
def test_an_index_names_images_by_platform(media: MediaName) -> None:
    """Each image stands there with digest, size and platform."""
    images = {name: build_image([], platform=name) for name in ("linux/amd64", "linux/arm/v7")}
    index = build_index(images, media=media, annotations={"a": "b"})
    parsed = parse_manifest(index.manifest.raw)
    assert isinstance(parsed, Index)
    assert parsed.media_type == index.media_type
    assert [str(said.platform) for said in parsed.manifests] == list(images)
    assert [str(said.digest) for said in parsed.manifests] == [x.digest for x in images.values()]
    assert index.images == images
    assert index.layers == ()
    assert index.config == {}
    assert index.blobs == {}
    assert index.manifest["annotations"] == {"a": "b"}


def test_an_artifact_refers_to_its_subject() -> None:
    """A signature names what it signs, and what kind of thing it is."""
    subject = build_image([])
    artifact = build_artifact(
        "application/vnd.example.signature", b"signed", media_type="text/plain", subject=subject
    )
    manifest = manifest_of(artifact)
    assert manifest.artifact_type == "application/vnd.example.signature"
    assert str(manifest.subject and manifest.subject.digest) == subject.digest
    assert [layer.content for layer in artifact.layers] == [b"signed"]
    assert artifact.layers[0].media_type == "text/plain"
    assert artifact.layers[0].diff_id == ""


def test_an_artifact_may_have_no_content() -> None:
    """Then it has the empty descriptor that the specification asks for."""
    artifact = build_artifact("application/vnd.example")
    assert artifact.layers[0].media_type == "application/vnd.oci.empty.v1+json"
    assert artifact.layers[0].content == b"{}"
    assert "subject" not in artifact.manifest


@pytest.mark.parametrize(("size", "layers"), [(0, 1), (10, 3), (2_500_000, 2)])
def test_random_layers_share_the_size(size: int, layers: int) -> None:
    """The bytes are as many as asked for, one file a layer, and depend on the seed alone."""
    made = list(random_layers(size, layers, 1))
    files = [cast("bytes", content) for layer in made for content in cast("Any", layer).values()]
    assert len(files) == layers
    assert sum(map(len, files)) == size
    assert list(random_layers(size, layers, 1)) == made
    assert size == 0 or list(random_layers(size, layers, 2)) != made


def test_a_document_is_a_dict_with_its_bytes() -> None:
    """It compares with what a client has parsed, and still knows the bytes and their digest."""
    raw = b'{ "a": 1 }'
    document = Document(raw, "application/json")
    assert document == json.loads(raw)
    assert (document.raw, document.size) == (raw, len(raw))
    assert document.digest == str(Digest.of(raw))
    assert Document(b"\xff", "application/octet-stream") == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"media": "rocket"}, "media is one of 'docker', 'oci', not 'rocket'"),
        ({"compression": "xz"}, "compression is one of 'none', 'gzip', 'zstd', not 'xz'"),
        ({"platform": "arm64"}, "not a platform: 'arm64'"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    """The message says what there is to choose from."""
    with pytest.raises(InvalidOption, match=message):
        build_image([], **options)
