"""How often a byte is written, inflated and compressed, and how much memory that takes.

The kernel counts what is written to files. Every copy of a layer that isn't needed shows here.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h11
import pytest
from isal import igzip_lib, isal_zlib

from occystrap.client.build import create_client
from occystrap.move import move
from occystrap.pipeline import PipelineBuilder
from pytest_occystrap import FakeRegistry
from tests.support.work import work_of

MIB = 1024 * 1024
LAYERS = 5
#: Headers, padding, documents: not bytes of layers.
SLACK = 128 * 1024
#: The most that any of these may take, whatever the image.
MOST_MIB = 64


def files(number: int, size: int) -> dict[str, bytes]:
    """Make a file of so many bytes, with little in it that repeats."""
    noise = random.Random(number).randbytes(MIB)  # noqa: S311 - no secret
    return {f"file{number}": noise * (size // MIB)}


@dataclass(frozen=True)
class Shelf:
    """A registry on a socket, the URI of its image, and the sizes of its layers."""

    registry: FakeRegistry
    uri: str
    raw: int
    stored: int


def shelf_of(size: int) -> Shelf:
    """Make a registry with an image whose layers have so many bytes each."""
    registry = FakeRegistry()
    layers = [files(number, size) for number in range(LAYERS)]
    image = registry.add_image("org/app:1", layers=layers)
    stored = sum(len(layer.content) for layer in image.layers)
    return Shelf(registry, f"registry://{registry.host}/org/app:1", LAYERS * size, stored)


@pytest.fixture(scope="module")
def shelf() -> Iterator[Shelf]:
    """A registry with layers large enough to count; the fake's gzip doesn't make them smaller."""
    made = shelf_of(12 * MIB)
    yield made
    made.registry.close()


def test_a_layer_is_written_once_into_a_tar(shelf: Shelf, tmp_path: Path) -> None:
    """Inflated and side by side, each goes to its place at once."""
    work = work_of("-j", LAYERS, "process", shelf.uri, f"tar://{tmp_path / 'out.tar'}")
    assert shelf.raw <= work.written <= shelf.raw + SLACK
    assert work.peak < MOST_MIB


@pytest.mark.parametrize("scheme", ["ocidir", "ocitar"])
def test_a_layer_is_written_once_into_a_layout(shelf: Shelf, scheme: str, tmp_path: Path) -> None:
    """As it is stored."""
    work = work_of("-j", LAYERS, "process", shelf.uri, f"{scheme}://{tmp_path / 'out'}")
    assert shelf.stored <= work.written <= shelf.stored + SLACK
    assert work.peak < MOST_MIB


def test_a_copy_writes_nothing(shelf: Shelf) -> None:
    """From registry to registry layers never touch the disk."""
    target = FakeRegistry()
    try:
        work = work_of("process", shelf.uri, f"registry://{target.host}/org/copy:1")
    finally:
        target.close()
    assert work.written <= SLACK
    assert work.peak < MOST_MIB


def test_a_push_writes_what_it_sends(shelf: Shelf, tmp_path: Path) -> None:
    """A compressed layer waits in a file until its digest is known, by which it is looked for."""
    work_of("process", shelf.uri, f"tar://{tmp_path / 'out.tar'}")
    target = FakeRegistry()
    try:
        uri = f"registry://{target.host}/org/new:1"
        work = work_of("process", f"tar://{tmp_path / 'out.tar'}", uri)
        stored = sum(len(layer.content) for layer in target.image("org/new:1").layers)
    finally:
        target.close()
    assert stored <= work.written <= stored + SLACK
    assert work.peak < MOST_MIB


@pytest.mark.parametrize("scheme", ["tar", "ocidir"])
def test_memory_is_that_of_an_image_a_tenth_as_large(scheme: str, tmp_path: Path) -> None:
    """With sixteen layers at once as well."""
    peaks = []
    for name, size in (("small", 2 * MIB), ("large", 20 * MIB)):
        made = shelf_of(size)
        out = tmp_path / name
        peaks.append(work_of("-j", 16, "process", made.uri, f"{scheme}://{out}").peak)
        made.registry.close()
    assert peaks[1] < peaks[0] + 6
    assert peaks[1] < MOST_MIB


def test_little_of_a_layer_passes_through_the_parser(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heads do, with what came along; a parser copies bodies at a fifth of the speed."""
    parsed: list[int] = []
    receive = h11.Connection.receive_data

    def counting(connection: h11.Connection, data: bytes) -> None:
        if connection.our_role is h11.CLIENT:
            parsed.append(len(data))
        receive(connection, data)

    monkeypatch.setattr(h11.Connection, "receive_data", counting)
    with create_client() as client, PipelineBuilder(client=client) as builder:
        uri = f"{shelf.uri}?insecure=true"
        move(builder, uri, f"ocidir://{tmp_path}/out")
    assert len(parsed) < 2 * (LAYERS + 2)
    assert sum(parsed) < shelf.stored / 10


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Count how many streams are inflated and compressed."""
    counts = {"inflated": 0, "compressed": 0}

    def counting(name: str, make: Any) -> Any:
        def made(*arguments: Any, **options: Any) -> Any:
            counts[name] += 1
            return make(*arguments, **options)

        return made

    decompressor, compressor = igzip_lib.IgzipDecompressor, isal_zlib.compressobj
    monkeypatch.setattr(igzip_lib, "IgzipDecompressor", counting("inflated", decompressor))
    monkeypatch.setattr(isal_zlib, "compressobj", counting("compressed", compressor))
    return counts


@pytest.mark.parametrize(
    ("target", "inflated", "compressed"),
    [
        ("tar://{}/out.tar", LAYERS, 0),  # docker load of old wants plain tars
        ("ocidir://{}/out", 0, 0),  # carried as they are
        ("registry://b.example/org/copy:1", 0, 0),
        ("ocidir://{}/out?compression=zstd", LAYERS, 0),
        ("registry://b.example/org/copy:1?compression=gzip", 0, 0),  # they are gzip already
    ],
)
def test_layers_are_inflated_once_or_not_at_all(
    worked: dict[str, int], tmp_path: Path, target: str, inflated: int, compressed: int
) -> None:
    """Looking whether all is well, at the end, included."""
    registry = FakeRegistry()
    registry.add_image("org/app:1", layers=[files(number, MIB) for number in range(LAYERS)])
    worked.update(inflated=0, compressed=0)
    with PipelineBuilder(client=registry.client) as builder:
        move(builder, "registry://a.example/org/app:1", target.format(tmp_path))
    assert worked == {"inflated": inflated, "compressed": compressed}


def test_a_tar_is_compressed_once(worked: dict[str, int], tmp_path: Path) -> None:
    """Each layer, and nothing is inflated for it."""
    registry = FakeRegistry()
    registry.add_image("org/app:1", layers=[files(number, MIB) for number in range(LAYERS)])
    with PipelineBuilder(client=registry.client) as builder:
        move(builder, "registry://a.example/org/app:1", f"tar://{tmp_path}/out.tar")
        worked.update(inflated=0, compressed=0)
        move(builder, f"tar://{tmp_path}/out.tar", "registry://b.example/org/new:1")
    assert worked == {"inflated": 0, "compressed": LAYERS}
