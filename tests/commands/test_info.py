"""`occystrap info`: what an image is, for people and for scripts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from occystrap.oci.media_types import Family
from tests.support.archives import docker_save
from tests.support.console import Console, Shelf, error_of
from tests.support.images import SampleImage

SOURCE = "registry://r.example/demo/image:1"
NAMES = """image tag digest schema_version media_type config_digest config_size layer_count
    total_compressed_size layers architecture os variant created diff_ids history_count
    empty_layer_count labels env entrypoint cmd working_dir user exposed_ports volumes"""


def configured(image: SampleImage, **changes: object) -> SampleImage:
    """Change the config of an image."""
    return replace(image, config=json.dumps(json.loads(image.config) | changes).encode())


def test_an_image_of_a_registry(console: Console, shelf: Shelf, image: SampleImage) -> None:
    """Every field is there, in its order, with what manifest and config say."""
    manifest = shelf.manifest("demo/image", "1")
    found = json.loads(console.succeed("-O", "json", "info", SOURCE).stdout)
    assert list(found) == NAMES.split()
    assert found["digest"] == str(manifest.digest)
    assert found["total_compressed_size"] == sum(layer.size for layer in manifest.layers)
    assert [layer["digest"] for layer in found["layers"]] == [
        str(layer.digest) for layer in manifest.layers
    ]
    assert [layer["diff_id"] for layer in found["layers"]] == found["diff_ids"]
    assert {layer["compression"] for layer in found["layers"]} == {"gzip"}


def test_an_image_of_a_tarball(console: Console, image: SampleImage) -> None:
    """What docker save doesn't keep isn't there: no manifest, and so no sizes."""
    (console.directory / "image.tar").write_bytes(docker_save(image.named("example/app:1.0")))
    found = json.loads(console.succeed("-O", "json", "info", "tar://image.tar").stdout)
    assert (found["image"], found["tag"], found["layer_count"]) == ("example/app", "1.0", 3)
    assert "digest" not in found
    assert "size" not in found["layers"][0]
    text = console.succeed("info", "tar://image.tar").stdout
    assert "Layers: 3\n" in text
    assert "Total compressed size" not in text


def test_the_platforms_of_an_index(console: Console, shelf: Shelf, image: SampleImage) -> None:
    """Whoever looks at one image sees which others there are."""
    index = shelf.put_all("demo/all", "1", {"linux/amd64": image, "linux/arm64/v8": image})
    found = json.loads(
        console.succeed("-O", "json", "info", "registry://r.example/demo/all:1").stdout
    )
    assert found["platforms"] == ["linux/amd64", "linux/arm64/v8"]
    assert (found["index_digest"], found["digest"]) == (
        str(index.digest),
        str(index.manifests[0].digest),
    )


def test_the_text(console: Console, shelf: Shelf, image: SampleImage) -> None:
    """Each thing has its line, and what the container runs is shown."""
    run = {"Cmd": ["sh", "-c", "x"], "Env": ["PATH=/bin"], "Labels": {"a": "b"}, "User": "nobody"}
    history = [{"created_by": "COPY  .\t/"}, {"empty_layer": True}, {}, {"created_by": "x" * 60}]
    shelf.put("demo/run", "1", configured(image, config=run, history=history), family=Family.OCI)
    text = console.succeed("info", "registry://r.example/demo/run:1").stdout
    for line in (
        "Image: demo/run:1",
        "Schema: v2",
        "Platform: linux/amd64",
        "History: 4 entries (1 empty)",
        "  Cmd: sh -c x",
        "  User: nobody",
        "    PATH=/bin",
        "    a=b",
    ):
        assert f"{line}\n" in text
    rows = [line for line in text.splitlines() if line.startswith(("0 ", "1 ", "2 "))]
    assert [row.rpartition("  ")[2] for row in rows] == ["COPY . /", "-", "x" * 47 + "..."]


def test_a_terminal_gets_no_control_characters(
    console: Console, shelf: Shelf, image: SampleImage
) -> None:
    """What would move the cursor is written out."""
    shelf.put("demo/bad", "1", configured(image, config={"Env": ["A=\x1b[2J\r\n"]}))
    text = console.succeed("info", "registry://r.example/demo/bad:1").stdout
    assert "    A=\\x1b[2J\\r\\n\n" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    "changes",
    [
        {"config": []},
        {"config": {"Env": [1]}},
        {"config": {"Labels": {"a": 1}}},
        {"config": {"ExposedPorts": "80"}},
        {"history": [1]},
        {"created": 7},
        {"rootfs": {"diff_ids": ["x"]}},
    ],
)
def test_a_config_that_is_none(
    console: Console, shelf: Shelf, image: SampleImage, changes: dict[str, object]
) -> None:
    """The error says which field is wrong."""
    shelf.put("demo/bad", "1", configured(image, **changes))
    said = error_of(console.run("info", "registry://r.example/demo/bad:1"))
    assert "the image configuration" in said
