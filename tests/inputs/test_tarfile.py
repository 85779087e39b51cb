"""Images are read from every kind of tar file that holds one."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from occystrap.errors import (
    ImageInputError,
    PlatformNotFound,
)
from occystrap.image.element import CONFIG_FILE, IMAGE_LAYER, ImageElement
from occystrap.inputs.tarfile import Image
from occystrap.oci.digest import Digest
from tests.support import archives
from tests.support.archives import SHAPES, tar_of
from tests.support.images import layer, make_image, varied_image

VARIED = varied_image()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file that doesn't exist yet."""
    return tmp_path / "x.tar"


def opened(path: Path, content: bytes, **options: Any) -> Image:
    """Write a file, and open the image in it."""
    path.write_bytes(content)
    return Image(path, **options)


def tars(elements: list[ImageElement]) -> list[bytes]:
    """Read the layers of an image as tars."""
    layers = [element.open_layer() for element in elements if element.element_type == IMAGE_LAYER]
    return [b"" if layer is None else b"".join(layer.open_tar()) for layer in layers]


def stored_blobs(image: Image) -> Iterator[tuple[Digest, bytes]]:
    """Read the layers of an image as they are stored, with what they should hash to."""
    for element in image.fetch():
        if element.layer is not None:
            assert element.layer.stored is not None
            blob = b"".join(element.layer.open_stored())
            assert element.layer.stored.size == len(blob)
            yield element.layer.stored.digest, blob


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_image(path: Path, shape: str) -> None:
    """Config first, then the layers in order, each by its diff_id; repeated ones come twice."""
    image = opened(path, SHAPES[shape](VARIED))
    elements = list(image.fetch())
    assert (image.image, image.tag) == ("example/app", "1.0")
    assert [element.element_type for element in elements] == [CONFIG_FILE] + [IMAGE_LAYER] * 4
    assert [element.layer_index for element in elements] == [None, 0, 1, 2, 3]
    assert elements[0].name == f"{VARIED.config_hex}.json"
    assert [element.name for element in elements[1:]] == VARIED.diff_ids
    assert elements[0].read_config() == image.get_config() == VARIED.config
    assert tars(elements) == list(VARIED.layers)
    image.close()


@pytest.mark.parametrize("shape", SHAPES)
def test_stored_bytes_are_carried_with_their_digest(path: Path, shape: str) -> None:
    """What an output may pass on as it is hashes to what the layer says of it."""
    for digest, blob in stored_blobs(opened(path, SHAPES[shape](VARIED))):
        assert digest == Digest.of(blob)


@pytest.mark.parametrize("shape", SHAPES)
def test_layers_that_nobody_wants_are_not_read(path: Path, shape: str) -> None:
    """A layer that the callback declines comes without content; each is asked for by name."""
    asked: list[str] = []

    def only_last(name: str) -> bool:
        asked.append(name)
        return name == VARIED.diff_ids[2]

    elements = list(opened(path, SHAPES[shape](VARIED)).fetch(only_last, ordered=False))
    assert asked == VARIED.diff_ids
    assert tars(elements) == [b"", b"", VARIED.layers[2], b""]


@pytest.mark.parametrize("shape", SHAPES)
def test_layers_are_read_by_many_threads(path: Path, shape: str) -> None:
    """All layers can be open at once, each several times."""
    layers = [element.layer for element in opened(path, SHAPES[shape](VARIED)).fetch()][1:] * 3
    found: list[bytes] = [b""] * len(layers)

    def read(number: int) -> None:
        opened_layer = layers[number]
        assert opened_layer is not None
        found[number] = b"".join(opened_layer.open_tar())

    threads = [threading.Thread(target=read, args=(number,)) for number in range(len(layers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == list(VARIED.layers) * 3


def test_only_an_oci_layout_has_a_manifest(path: Path) -> None:
    """Its digest is kept; a manifest.json of docker wins over the layout around it."""
    assert opened(path, archives.docker_save(VARIED)).get_manifest() is None
    image = opened(path, archives.oci_layout(VARIED))
    manifest = image.get_manifest()
    assert manifest is not None
    assert next(image.fetch()).manifest == manifest
    blobs = dict(stored_blobs(image))
    assert [descriptor.digest in blobs for descriptor in manifest.layers] == [True] * 4


@pytest.mark.parametrize(
    ("names", "image", "tag"),
    [
        (["app:1"], "app", "1"),
        (["localhost:5000/ns/app:1", "b:2"], "localhost:5000/ns/app", "1"),
        (["localhost:5000/app"], "localhost:5000/app", "latest"),
        (["docker.io/library/app:1.0-a"], "docker.io/library/app", "1.0-a"),
        (["ns/app"], "ns/app", "latest"),
        ([], "unknown", "unknown"),
    ],
)
def test_the_name_is_the_first_tag(path: Path, names: list[str], image: str, tag: str) -> None:
    """It is split at the colon of the tag, never at that of a port."""
    found = opened(path, archives.docker_save(VARIED.named(*(names or ["x:1"]))))
    if not names:
        found = opened(path, archives.docker_legacy_save(VARIED.named()))
    assert (found.image, found.tag) == (image, tag)


def test_names_of_oci_layouts(path: Path) -> None:
    """The whole name counts before the bare tag; without either there is none."""
    containerd = archives.oci_layout(
        VARIED.named("docker.io/a/b:1"), annotation="io.containerd.image.name"
    )
    found = [opened(path, containerd)]
    found += [opened(path, archives.oci_layout(VARIED.named(*n))) for n in (["v2"], ["a/b:3"], [])]
    assert [(image.image, image.tag) for image in found] == [
        ("docker.io/a/b", "1"),
        ("unknown", "v2"),
        ("a/b", "3"),
        ("unknown", "unknown"),
    ]


SECOND = make_image(layer(), names=["other/app:2", "other/app:latest"])


def two_images() -> bytes:
    """Save two images into one archive."""
    entries: list[tuple[str, bytes | str]] = []
    manifest = []
    for image in (VARIED, SECOND):
        paths = [f"{diff_id}.tar" for diff_id in image.diff_ids]
        entries += [*zip(paths, image.layers, strict=True), (image.config_hex, image.config)]
        manifest.append(
            {"Config": image.config_hex, "RepoTags": list(image.names), "Layers": paths}
        )
    return tar_of([*entries, ("manifest.json", json.dumps(manifest).encode())])


@pytest.mark.parametrize("make", [two_images, lambda: archives.oci_layout(VARIED, SECOND)])
def test_of_several_images_one_is_selected(path: Path, make: Callable[[], bytes]) -> None:
    """The first by default, another by any of its names, however it is written."""
    content = make()
    assert opened(path, content).get_config() == VARIED.config
    for name in ("other/app:2", "docker.io/other/app:2"):
        image = opened(path, content, select=name)
        assert image.get_config() == SECOND.config
        assert image.image in name
    for name in ("nope:1", "NOT/a name"):
        with pytest.raises(
            ImageInputError, match=f"image '{name}'; there is: 'example/app:1.0', '"
        ):
            opened(path, content, select=name)


PLATFORMS = [
    make_image(layer(), architecture="arm64", variant="v8", names=[]),
    make_image(layer(), layer(), architecture="amd64", names=[]),
    make_image(layer(), architecture="amd64", os="windows", names=[]),
]


@pytest.mark.parametrize("nested", [True, False])
def test_of_several_platforms_one_is_chosen(path: Path, nested: bool) -> None:
    """linux/amd64 by default; one that isn't there is an error that lists what is."""
    content = archives.oci_layout_of_platforms(*PLATFORMS, nested=nested)
    assert opened(path, content).get_config() == PLATFORMS[1].config
    assert opened(path, content, architecture="arm64").get_config() == PLATFORMS[0].config
    assert opened(path, content, os="windows").get_config() == PLATFORMS[2].config
    with pytest.raises(PlatformNotFound, match="linux/arm64/v8, linux/amd64, windows/amd64"):
        opened(path, content, architecture="s390x")


def test_the_only_image_is_taken_for_what_it_is(path: Path) -> None:
    """A layout or archive of one image needs no platform."""
    for save in (archives.oci_layout, archives.docker_save):
        image = opened(path, save(PLATFORMS[0].named("a:1")))
        assert image.get_config() == PLATFORMS[0].config


@pytest.mark.parametrize("target", ["docker-archive:{}:app/x:2", "oci-archive:{}:app/x:2"])
def test_what_skopeo_writes_is_read(tmp_path: Path, skopeo: str, target: str) -> None:
    """Archives that skopeo makes of an image hold the same layers."""
    source, copy = tmp_path / "source.tar", tmp_path / "copy.tar"
    source.write_bytes(archives.docker_save(VARIED))
    subprocess.run(
        [skopeo, "copy", "--quiet", f"docker-archive:{source}", target.format(copy)], check=True
    )
    image = Image(copy)
    assert (image.image.removeprefix("docker.io/"), image.tag) == ("app/x", "2")
    assert tars(list(image.fetch())) == list(VARIED.layers)
