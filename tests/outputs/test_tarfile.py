"""Images are written to tar files that docker load takes."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import subprocess
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from occystrap.image.checks import CheckResults
from occystrap.image.element import IMAGE_LAYER, ImageElement
from occystrap.image.layer import StoredLayer, UnnamedLayer
from occystrap.image.progress import LineProgress
from occystrap.image.promised import promised_size
from occystrap.image.sources import BytesSource
from occystrap.inputs.tarfile import Image
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCI_LAYER, Compression, Family, layer_media_type
from occystrap.outputs.tarfile import TarWriter, repository_tags
from tests.support.archives import SHAPES, docker_save, tar_of
from tests.support.elements import EndedSource, config_of, layers_of
from tests.support.images import file, layer, make_image, sha256, stored, varied_image

VARIED = varied_image()
OTHER = make_image(VARIED.layers[0], layer())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name the file to be written, in a directory of its own."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "x.tar"


def write(path: Path, elements: Iterable[ImageElement], **options: Any) -> TarWriter:
    """Write an image, and close the output on every way out."""
    writer = TarWriter("example/app", "1.0", path, **options)
    try:
        for element in elements:
            writer.process_image_element(element)
        writer.finalize()
    finally:
        writer.close()
    return writer


def checks(results: CheckResults) -> list[str]:
    """List what was found."""
    return [result.check for result in results.results]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("compression", Compression)
@pytest.mark.parametrize("config_first", [True, False])
def test_the_file_is_what_docker_save_writes(
    path: Path, compression: Compression, known: bool, config_first: bool
) -> None:
    """Config, plain layers by their digest, each once, and manifest.json at the end."""
    elements = layers_of(VARIED, compression, known=known)
    config = config_of(VARIED)
    write(path, [config, *elements] if config_first else [*elements, config])
    config_name = f"{VARIED.config_hex}.json"
    layers = [f"{diff_id}/layer.tar" for diff_id in VARIED.diff_ids]
    with tarfile.open(path) as tar:
        infos = tar.getmembers()
        content = {info.name: tar.extractfile(info).read() for info in infos}  # type: ignore[union-attr]
    names = [info.name for info in infos]
    unique = list(dict.fromkeys(layers))
    assert names == (
        [config_name, *unique, "manifest.json"]
        if config_first
        else [*unique, config_name, "manifest.json"]
    )
    assert {(info.mode, info.mtime, info.uid, info.type) for info in infos} == {
        (0o644, 0, 0, tarfile.REGTYPE)
    }
    assert content[config_name] == VARIED.config
    assert [sha256(content[name]) for name in layers] == VARIED.diff_ids
    assert json.loads(content["manifest.json"]) == [
        {"Config": config_name, "RepoTags": ["example/app:1.0"], "Layers": layers}
    ]


def test_the_same_image_makes_the_same_file(path: Path) -> None:
    """However it was stored, and whichever thread is first."""
    found = set()
    for number, compression in enumerate([*Compression, *Compression]):
        elements = layers_of(VARIED, compression, known=number > 2)
        write(path, [config_of(VARIED), *elements], max_workers=1 + number)
        found.add(path.read_bytes())
    assert len(found) == 1


@pytest.mark.parametrize("shape", SHAPES)
def test_what_was_read_is_written(tmp_path: Path, path: Path, shape: str) -> None:
    """Every kind of tar file goes through, and reads back as the same image."""
    source = tmp_path / "source.tar"
    source.write_bytes(SHAPES[shape](VARIED))
    image = Image(source)
    writer = write(path, image.fetch(writer_wants_all), temp_dir=str(tmp_path))
    assert checks(writer.verify(full=True)) == ["verify.ok"]
    assert (writer.moved.layers, writer.moved.skipped) == (4, 1)
    assert writer.moved.size == sum(len(tar) for tar in set(VARIED.layers))
    again = Image(path)
    assert (again.image, again.tag) == ("example/app", "1.0")
    assert again.get_config() == VARIED.config


def writer_wants_all(name: str) -> bool:
    """Ask a writer, which never declines."""
    return TarWriter.fetch_callback(None, name)  # type: ignore[arg-type]


def test_layers_come_as_files_too(path: Path) -> None:
    """An element with an open file and no index is the next layer."""
    elements = [ImageElement(IMAGE_LAYER, "x", io.BytesIO(tar)) for tar in VARIED.layers]
    write(path, [*elements, config_of(VARIED)])
    assert Image(path).get_config() == VARIED.config


@pytest.mark.parametrize(
    ("image", "tag", "expected"),
    [
        ("busybox", "1", ["busybox:1"]),
        ("library/busybox", "1", ["busybox:1"]),
        ("docker.io/library/busybox", "1", ["busybox:1"]),
        ("ns1/app", "2", ["ns1/app:2"]),
        ("docker.io/ns/app", "2", ["ns/app:2"]),
        ("quay.io/ns/app", "2", ["quay.io/ns/app:2"]),
        ("localhost:5000/app", "2", ["localhost:5000/app:2"]),
        ("ns/app", f"sha256:{'0' * 64}", []),
        ("ns/app", f"2@sha256:{'0' * 64}", ["ns/app:2"]),
        ("unknown", "unknown", []),
        ("ns/app", "", []),
        ("No/Name", "1", []),
    ],
)
def test_the_name_is_kept_whole(image: str, tag: str, expected: list[str]) -> None:
    """As docker shows it: ns1/app and ns2/app stay apart, and a digest is no tag."""
    assert repository_tags(image, tag) == expected


def test_equal_layers_of_another_shape_are_stored_once(path: Path) -> None:
    """Whether their digest was known before or only afterwards."""
    image = make_image(*[VARIED.layers[0]] * 6)
    known, unknown = layers_of(image), layers_of(image, known=False)
    elements = [
        a if number % 2 else b for number, (a, b) in enumerate(zip(known, unknown, strict=True))
    ]
    writer = write(path, [config_of(image), *elements])
    assert checks(writer.verify(full=True)) == ["verify.ok"]
    with tarfile.open(path) as tar:
        assert len(tar.getmembers()) == 3


def test_progress_counts_the_stored_bytes(path: Path) -> None:
    """Each layer is a task of as many bytes as have to be read; unknown ones have no total."""
    stream = io.StringIO()
    image = make_image(VARIED.layers[0], VARIED.layers[1], VARIED.layers[2])
    blobs = [stored(tar, Compression.GZIP) for tar in image.layers]
    unnamed = UnnamedLayer(BytesSource(blobs[1]), Digest.of(image.layers[1]), OCI_LAYER)
    elements = [
        config_of(image),
        layers_of(image)[0],
        ImageElement(IMAGE_LAYER, "x", layer_index=1, layer=unnamed),
        ImageElement(IMAGE_LAYER, "y", io.BytesIO(image.layers[2]), layer_index=2),
    ]
    write(path, elements, progress=LineProgress(stream), max_workers=1)
    assert stream.getvalue().splitlines() == [
        f"sha256:{sha256(blobs[0])[:12]}: starting ({len(blobs[0])} bytes)",
        f"sha256:{image.diff_ids[1][:12]}: starting ({len(blobs[1])} bytes)",
        "layer 3: starting",
    ]


def shrink(path: Path) -> None:
    """Put a shorter layer in the place of the first."""
    with tarfile.open(path) as tar:
        files = {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]
    files[f"{VARIED.diff_ids[0]}/layer.tar"] = b"short"
    path.write_bytes(tar_of(files.items()))


def damage(path: Path, old: bytes, new: bytes) -> None:
    """Change bytes of a file in place."""
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))


@pytest.mark.parametrize(
    ("spoil", "quick", "full"),
    [
        (lambda path: path.unlink(), ["verify.tarball"], ["verify.tarball"]),
        (lambda path: path.write_bytes(b""), ["verify.tarball"], ["verify.tarball"]),
        (lambda path: os.truncate(path, 100_000), ["verify.tarball"], ["verify.tarball"]),
        (lambda path: damage(path, b"app:1.0", b"app:1.1"), ["verify.tarball"], ["verify.tarball"]),
        (lambda path: damage(path, b"/bin/tool", b"/bin/evil"), ["verify.config"], None),
        (lambda path: damage(path, b"exit 0", b"exit 1"), ["verify.ok"], ["verify.layer"]),
        (
            lambda path: path.write_bytes(docker_save(VARIED)),
            ["verify.tarball", "verify.config"] + ["verify.layer"] * 3,
            None,
        ),
        (shrink, ["verify.layer"], None),
        (
            lambda path: write(path, [config_of(OTHER), *layers_of(OTHER)]),
            ["verify.tarball", "verify.config", "verify.layer"],
            None,
        ),
    ],
)
def test_verifying_finds_what_is_wrong(
    path: Path, spoil: Callable[[Path], object], quick: list[str], full: list[str] | None
) -> None:
    """A quick look sees documents and sizes, a full one every byte."""
    writer = write(path, [config_of(VARIED), *layers_of(VARIED)])
    assert checks(writer.verify()) == checks(writer.verify(full=True)) == ["verify.ok"]
    spoil(path)
    assert checks(writer.verify()) == quick
    assert checks(writer.verify(full=True)) == (full or quick)


def test_skopeo_reads_the_file(path: Path, tmp_path: Path, skopeo: str) -> None:
    """It finds the same config, and copies every layer."""
    write(path, [config_of(VARIED), *layers_of(VARIED)])
    source = f"docker-archive:{path}"
    inspected = subprocess.run(
        [skopeo, "inspect", "--config", "--raw", source], check=True, capture_output=True
    )
    assert inspected.stdout == VARIED.config
    named = subprocess.run(
        [skopeo, "inspect", f"{source}:example/app:1.0"], check=True, capture_output=True
    )
    assert json.loads(named.stdout)["Layers"] == [f"sha256:{d}" for d in VARIED.diff_ids]
    copy = tmp_path / "copy.tar"
    subprocess.run([skopeo, "copy", "--quiet", source, f"oci-archive:{copy}"], check=True)
    layers = [element.open_layer() for element in Image(copy).fetch()][1:]
    assert [b"".join(found.open_tar()) for found in layers if found] == list(VARIED.layers)


def test_layers_of_several_gzip_members_come_out_whole(path: Path) -> None:
    """Their end promises the size of the last member alone: the file is written again."""
    noise = random.Random(1).randbytes(3 << 20)  # noqa: S311 - no secret
    image = make_image(layer(file("a", bytes(5 << 20) + noise)), layer(file("b", noise)))
    elements = [config_of(image)]
    for number, tar in enumerate(image.layers):
        cut = len(tar) - (3 << 20)
        content = gzip.compress(tar[:cut]) + gzip.compress(tar[cut:], 0)
        named = Descriptor.of(content, layer_media_type(Family.OCI, Compression.GZIP))
        part = StoredLayer(named, EndedSource(content), Digest.of(tar))
        assert promised_size(part) == 3 << 20
        elements.append(ImageElement(IMAGE_LAYER, "", layer_index=number, layer=part))
    assert not write(path, elements).verify(full=True).errors
    with tarfile.open(path) as written:
        found = [written.extractfile(f"{each}/layer.tar") for each in image.diff_ids]
        assert [each and each.read() for each in found] == list(image.layers)
    assert list(path.parent.iterdir()) == [path]
