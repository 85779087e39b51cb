"""`occystrap check`: each rule finds what it is there for, and a sound image is sound."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from occystrap.oci.descriptor import Descriptor
from occystrap.oci.manifest import build_manifest
from occystrap.oci.media_types import DOCKER_CONFIG, OCTET_STREAM, Compression, Family
from tests.support.archives import docker_save
from tests.support.console import Console, Shelf, error_of
from tests.support.images import SampleImage, file, layer, make_image, special, thorough_image

SOURCE = "registry://r.example/demo/image:1"
BROKEN = "registry://r.example/demo/broken:1"


def look(console: Console, *words: str) -> tuple[int, dict[str, Any]]:
    """Check an image; return the exit code and what was found."""
    result = console.run("-O", "json", "check", *words)
    return result.exit_code, json.loads(result.stdout)


def found(console: Console, *words: str) -> set[tuple[str, str]]:
    """Return severity and rule of what isn't well."""
    _, document = look(console, *words)
    results: Sequence[dict[str, str]] = document["results"]
    return {(each["severity"], each["check"]) for each in results if each["severity"] != "info"}


def changed(image: SampleImage, **changes: object) -> SampleImage:
    """Change the config of an image."""
    return replace(image, config=json.dumps(json.loads(image.config) | changes).encode())


def of_layers(*layers: bytes) -> SampleImage:
    """Make an image of a layer that is sound, and others."""
    return make_image(layer(file("etc/sound", b"x")), *layers)


def test_a_sound_image(console: Console, shelf: Shelf) -> None:
    """Whatever layers may hold, none of it is an error."""
    shelf.put("demo/whole", "1", thorough_image(), family=Family.OCI)
    code, document = look(console, "registry://r.example/demo/whole:1")
    assert (code, document["mode"], document["errors"]) == (0, "full", 0)
    rules = {each["check"] for each in document["results"]}
    assert rules >= {
        "schema-version",
        "oci-media-type",
        "config-descriptor",
        "config-digest",
        "config-size",
        "rootfs-type",
        "layer-count",
        "history-count",
        "diff-id",
    }


def test_a_tarball(console: Console, image: SampleImage) -> None:
    """Without a manifest there is less to check, and the layers are read all the same."""
    (console.directory / "image.tar").write_bytes(docker_save(image))
    code, document = look(console, "tar://image.tar")
    rules = [each["check"] for each in document["results"]]
    assert code == 0
    assert rules.count("diff-id") == 3
    assert "schema-version" not in rules


def test_the_text(console: Console, shelf: Shelf) -> None:
    """Errors come first, and the last line counts."""
    shelf.put("demo/broken", "1", changed(of_layers(), rootfs={"type": "x", "diff_ids": []}))
    result = console.run("check", "--fast", BROKEN)
    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    assert lines[:2] == ["Image: demo/broken:1", "Errors:"]
    assert "  [rootfs-type] rootfs.type is 'x', and has to be 'layers'" in lines
    assert lines[-1] == "Check complete (fast (metadata only)): 2 error(s), 0 warning(s)"


def test_fast_fetches_no_layer(console: Console, shelf: Shelf, image: SampleImage) -> None:
    """A layer that isn't there isn't missed."""
    manifest = shelf.manifest("demo/image", "1")
    shelf.store.remove_blob("demo/image", manifest.layers[0].digest)
    code, document = look(console, "--fast", SOURCE)
    assert (code, document["mode"]) == (0, "fast")
    assert "404" in error_of(console.run("check", SOURCE))


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"history": [{}, {}, {}]}, ("error", "history-count")),
        ({"history": [{}, {"empty_layer": True}, {}, {}]}, ("error", "history-count")),
        ({"config": {"ArgsEscaped": True}}, ("warning", "args-escaped")),
        ({"rootfs": {"type": "layers", "diff_ids": []}}, ("error", "layer-count")),
        ({"rootfs": None}, ("error", "rootfs-type")),
        ({"history": ["x"]}, ("error", "metadata")),
        ({"config": "x"}, ("error", "metadata")),
    ],
)
def test_configs(
    console: Console, shelf: Shelf, changes: dict[str, object], rule: tuple[str, str]
) -> None:
    """What a config can have wrong."""
    shelf.put("demo/broken", "1", changed(of_layers(), **changes))
    assert rule in found(console, "--fast", BROKEN)


def test_a_config_that_is_no_json(console: Console, shelf: Shelf) -> None:
    """It is an error of the image, not of the command."""
    shelf.put("demo/broken", "1", replace(of_layers(), config=b"{"))
    assert found(console, BROKEN) == {("error", "metadata")}


def test_zstd_and_large_layers(console: Console, shelf: Shelf) -> None:
    """They are what some can't use."""
    shelf.put("demo/broken", "1", of_layers(), Compression.ZSTD, Family.OCI)
    assert found(console, BROKEN) == {("warning", "zstd-compat")}
    image = shelf.manifest("demo/broken", "1")
    large = [replace(each, size=2 * 1024**3) for each in image.layers]
    shelf.store.add_manifest("demo/broken", build_manifest(Family.OCI, image.config, large), "2")
    assert ("warning", "large-layer") in found(
        console, "--fast", "registry://r.example/demo/broken:2"
    )


def test_an_artifact_is_no_image(console: Console, shelf: Shelf) -> None:
    """A chart, say, has no diff_ids, and that is no error."""
    config = b'{"name": "chart"}'
    media_type = "application/vnd.cncf.helm.config.v1+json"
    shelf.store.add_blob("demo/chart", Descriptor.of(config, DOCKER_CONFIG).digest, config)
    shelf.store.add_blob("demo/chart", Descriptor.of(b"x", OCTET_STREAM).digest, b"x")
    layers = [Descriptor.of(b"x", OCTET_STREAM)]
    manifest = build_manifest(Family.OCI, Descriptor.of(config, media_type), layers)
    shelf.store.add_manifest("demo/chart", manifest, "1")
    assert found(console, "--fast", "registry://r.example/demo/chart:1") == set()


@pytest.mark.parametrize(
    ("tar", "rule"),
    [
        (layer(file(".wh.")), ("error", "whiteout")),
        (layer(file("etc/.wh.gone", b"content")), ("warning", "whiteout-size")),
        (layer(file("old", mtime=-5)), ("error", "tar-timestamp")),
        (layer(file("bin/su", mode=0o4757)), ("warning", "tar-permissions")),
        (b"no tar at all" * 100, ("error", "tar-format")),
        (layer(file("cut", b"x" * 2000))[:1100], ("error", "tar-format")),
        (layer(file("a"))[:100] + b"zzzzzzzz" + layer(file("a"))[108:], ("error", "tar-format")),
    ],
)
def test_layers(console: Console, shelf: Shelf, tar: bytes, rule: tuple[str, str]) -> None:
    """What a layer can have wrong."""
    shelf.put("demo/broken", "1", of_layers(tar))
    assert found(console, BROKEN) == {rule}


def test_a_layer_that_is_another(console: Console, shelf: Shelf) -> None:
    """Its tar hashes to something else than the config names."""
    image = of_layers(layer(file("other")))
    diff_ids = ["sha256:" + "0" * 64, f"sha256:{image.diff_ids[1]}"]
    shelf.put("demo/broken", "1", changed(image, rootfs={"type": "layers", "diff_ids": diff_ids}))
    assert found(console, BROKEN) == {("error", "diff-id")}


def test_opaque_directories_and_links_are_well(console: Console, shelf: Shelf) -> None:
    """They are what layers are made of."""
    tar = layer(
        special("etc", tarfile.DIRTYPE),
        file("etc/.wh..wh..opq"),
        file("etc/.wh.gone"),
        special("link", tarfile.SYMTYPE, "etc"),
    )
    shelf.put("demo/broken", "1", of_layers(tar))
    assert found(console, BROKEN) == set()


def test_files_that_come_again_are_told_a_few(console: Console, shelf: Shelf) -> None:
    """Ten by name, the others by number, and in which layers they are."""
    names = [f"file-{n:02}" for n in range(13)]
    tars = [layer(*(file(name, str(n).encode()) for name in names)) for n in range(2)]
    shelf.put("demo/broken", "1", make_image(*tars))
    _, document = look(console, BROKEN)
    said = [r["message"] for r in document["results"] if r["check"] == "duplicate-file"]
    assert said[0] == "file-00 is in layers 0, 1"
    assert said[-1] == "... and 3 more duplicate files"
    assert len(said) == 11


def test_many_findings_of_a_kind_are_counted(console: Console, shelf: Shelf) -> None:
    """A layer of ten thousand such files doesn't fill the screen."""
    shelf.put("demo/broken", "1", of_layers(layer(*(file(f"{n}", mtime=-1) for n in range(25)))))
    _, document = look(console, BROKEN)
    said = [r["message"] for r in document["results"] if r["check"] == "tar-timestamp"]
    assert len(said) == 11
    assert said[-1] == "layer 1: ... and 15 more"
