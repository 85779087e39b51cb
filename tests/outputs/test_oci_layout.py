"""Writing OCI layouts: what is kept, what is added to, and what stays when it goes wrong."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from occystrap.errors import DigestMismatch, ImageOutputError
from occystrap.image.sources import BytesSource, VerifiedSource
from occystrap.move import move
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCI_CONFIG, Compression
from occystrap.outputs.layout_blobs import DirectoryBlobs
from occystrap.outputs.oci_layout import LayoutWriter
from occystrap.pipeline import PipelineBuilder
from tests.support.archives import docker_legacy_save, docker_save
from tests.support.console import Console, Shelf, client_of, error_of
from tests.support.elements import config_of, layers_of
from tests.support.handlers import Front, status
from tests.support.images import SampleImage, file, layer, make_image, sha256
from tests.support.indexes import put_artifact
from tests.support.wire import CONFIG, describe

HERE = "registry://r.example/demo/image:1"


@pytest.fixture
def image() -> SampleImage:
    """An image, one of whose layers is there twice."""
    return make_image(layer(file("a", b"a")), layer(file("b", b"b")), layer(file("a", b"a")))


@pytest.fixture
def shelf(image: SampleImage) -> Shelf:
    """A registry that has it."""
    shelf = Shelf()
    shelf.put("demo/image", "1", image)
    return shelf


@pytest.fixture
def front(shelf: Shelf) -> Front:
    """That registry, at which things may go wrong."""
    return Front(shelf.registry)


@pytest.fixture
def console(front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """The command line over it, in an empty directory."""
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return Console(directory, front)


def entries(layout: Path) -> list[dict[str, Any]]:
    """Read the list of images."""
    found: list[dict[str, Any]] = json.loads((layout / "index.json").read_bytes())["manifests"]
    return found


def names(layout: Path) -> list[str | None]:
    """Read the names of the images."""
    key = "org.opencontainers.image.ref.name"
    return [each.get("annotations", {}).get(key) for each in entries(layout)]


def test_an_image_of_a_registry_is_kept_byte_for_byte(console: Console, shelf: Shelf) -> None:
    """Docker's manifests as well; nothing is there but the layout, for everyone to read."""
    report = console.report("--verify-full", "process", HERE, "ocidir://layout:v1")
    manifest = shelf.manifest("demo/image", "1")
    assert report["digest"] == str(manifest.digest)
    assert (report["layers"], report["skipped"]) == (3, 1)
    layout = console.directory / "layout"
    blobs = {manifest.digest, manifest.config.digest, *(each.digest for each in manifest.layers)}
    expected = {f"layout/blobs/sha256/{digest.encoded}" for digest in blobs}
    above = {"layout", "layout/blobs", "layout/blobs/sha256", "layout/index.json"}
    assert console.files() == expected | above | {"layout/oci-layout"}
    assert all(sha256(path.read_bytes()) == path.name for path in layout.glob("blobs/sha256/*"))
    assert layout.stat().st_mode & 0o077 == 0o055
    assert names(layout) == ["v1"]


def test_without_a_name_an_image_keeps_its_tag(console: Console) -> None:
    """One that has no name at all gets none, once."""
    console.succeed("process", HERE, "ocidir://layout")
    assert names(console.directory / "layout") == ["1"]
    nameless = docker_legacy_save(make_image(layer(file("n"))).named())
    (console.directory / "a.tar").write_bytes(nameless)
    for _ in range(2):
        console.succeed("process", "tar://a.tar", "ocidir://layout")
    assert names(console.directory / "layout") == ["1", None]


def test_an_image_of_the_same_name_takes_its_place(console: Console, shelf: Shelf) -> None:
    """Others stay, and blobs that are there aren't fetched again."""
    console.succeed("process", HERE, "ocidir://layout:a")
    report = console.report("process", HERE, "ocidir://layout:b")
    assert (report["bytes"], report["skipped"]) == (0, 3)
    shelf.put("demo/image", "2", make_image(layer(file("c"))))
    console.succeed("process", HERE.replace(":1", ":2"), "ocidir://layout:a")
    assert names(console.directory / "layout") == ["b", "a"]
    second = shelf.manifest("demo/image", "2")
    assert entries(console.directory / "layout")[1]["digest"] == str(second.digest)
    assert not list(console.directory.glob("layout/.*"))


def test_a_blob_that_is_spoilt_is_written_anew(console: Console, shelf: Shelf) -> None:
    """W-32: what is there isn't believed for its name."""
    console.succeed("process", HERE, "ocidir://layout:a")
    digest = shelf.manifest("demo/image", "1").layers[0].digest
    blob = console.directory / "layout/blobs/sha256" / digest.encoded
    good = blob.read_bytes()
    blob.write_bytes(good[:-1] + b"\0")
    console.succeed("process", HERE, "ocidir://layout:b")
    assert blob.read_bytes() == good


@pytest.mark.parametrize("scheme", ["ocidir", "ocitar"])
@pytest.mark.parametrize("where", ["GET blob", "GET manifest"])
def test_nothing_is_left_of_a_run_that_failed(
    console: Console, front: Front, scheme: str, where: str
) -> None:
    """A layout that wasn't there isn't there afterwards; one that was is as it was."""
    front.tricks = {where: [status(403)]}
    error_of(console.run("process", HERE, f"{scheme}://new:a"))
    assert console.files() == set()
    front.tricks = {}
    console.succeed("process", HERE, f"{scheme}://old:a")
    before = {path: (console.directory / path).stat().st_mtime_ns for path in console.files()}
    front.tricks = {where: [status(403)]}
    other = HERE.replace(":1", ":1?platform=all")
    error_of(console.run("process", other, f"{scheme}://old:b"))
    assert {p: (console.directory / p).stat().st_mtime_ns for p in console.files()} | {
        "old": before["old"]
    } == before


@pytest.mark.parametrize("scheme", ["ocidir", "ocitar"])
def test_an_index_goes_in_whole_and_comes_out_in_parts(
    console: Console, shelf: Shelf, scheme: str
) -> None:
    """Under one name, with the digest it had; a platform is chosen from it."""
    images = {
        f"linux/{n}": make_image(layer(file(n)), layer(file("s"))) for n in ("amd64", "arm64")
    }
    index = shelf.put_all("many", "1", images)
    target = f"{scheme}://layout:many"
    report = console.report("process", "registry://r.example/many:1?platform=all", target)
    assert report["digest"] == str(index.digest)
    assert (report["images"], report["layers"]) == (2, 4)
    console.succeed("process", f"{target}?platform=all", "registry://r.example/back:1")
    back = shelf.get("back", "1")
    assert back is not None
    assert back.raw == index.raw
    console.succeed("process", f"{target}?platform=linux/arm64", "registry://r.example/arm:1")
    assert shelf.manifest("arm", "1").digest == index.manifests[1].digest
    message = error_of(console.run("process", f"{target}?platform=linux/s390x", "tar://a.tar"))
    assert "there is: linux/amd64, linux/arm64" in message


@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.ZSTD])
def test_layers_are_stored_as_asked_for(console: Console, compression: Compression) -> None:
    """Then they and the manifest are others; the config, and what is in the layers, are not."""
    (console.directory / "a.tar").write_bytes(docker_save(make_image(layer(file("a")))))
    target = f"ocidir://layout:v1?compression={compression.value}"
    console.succeed("--verify-full", "process", "tar://a.tar", target)
    console.succeed("process", "ocidir://layout", "tar://b.tar")
    (entry,) = entries(console.directory / "layout")
    digest = entry["digest"].removeprefix("sha256:")
    manifest = json.loads((console.directory / "layout/blobs/sha256" / digest).read_bytes())
    assert manifest["layers"][0]["mediaType"].endswith(f"+{compression.value}")
    assert manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json"


def test_a_directory_of_something_else_is_left_alone(console: Console) -> None:
    """And so is a list of images that can't be read."""
    place = console.directory / "home"
    place.mkdir()
    (place / "letter").write_text("dear")
    assert "it is no OCI layout" in error_of(console.run("process", HERE, "ocidir://home:a"))
    (place / "oci-layout").write_text("{}")
    (place / "index.json").write_text("nonsense")
    message = error_of(console.run("process", HERE, "ocidir://home:a"))
    assert "index.json can't be read" in message
    assert console.files() == {"home", "home/letter", "home/oci-layout", "home/index.json"}
    assert "no directory" in error_of(console.run("process", HERE, "ocidir://home/letter"))
    assert "No such file" in error_of(console.run("process", HERE, "ocidir://not/there"))


def test_several_may_add_to_a_layout_at_once(console: Console, shelf: Shelf) -> None:
    """W-31: none of them is lost, whoever made the directory."""
    for number in range(6):
        shelf.put("demo/image", f"n{number}", make_image(layer(file(f"{number}"))))
    problems: list[BaseException] = []

    def add(number: int) -> None:
        try:
            _process(console, f"registry://r.example/demo/image:n{number}", "ocidir://layout")
        except BaseException as error:  # noqa: BLE001 - told by the test
            problems.append(error)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert sorted(map(str, names(console.directory / "layout"))) == [f"n{n}" for n in range(6)]


def _process(console: Console, source: str, target: str) -> None:
    assert console.handler is not None
    with client_of(console.handler) as client, PipelineBuilder(client=client) as builder:
        assert move(builder, source, target).errors == []


def test_verification_finds_what_is_wrong(console: Console, shelf: Shelf) -> None:
    """Something has changed the layout since; reading all of it finds more."""
    image = make_image(layer(file("a")))
    writer = LayoutWriter(DirectoryBlobs(console.directory / "layout"), "v1")
    for element in [config_of(image), *layers_of(image)]:
        writer.process_image_element(element)
    writer.finalize()
    writer.close()
    assert [each.check for each in writer.verify(full=True).results] == ["verify.ok"]
    manifest = writer.manifest
    assert manifest is not None
    (blob,) = (
        path
        for path in console.directory.glob("layout/blobs/sha256/*")
        if path.name not in (manifest.digest.encoded, image.config_hex)
    )
    blob.write_bytes(bytes(blob.stat().st_size))
    assert writer.verify().errors == []
    assert [each.check for each in writer.verify(full=True).errors] == ["verify.layer"]
    blob.unlink()
    assert [each.check for each in writer.verify().errors] == ["verify.layer"]
    (console.directory / "layout/index.json").write_text('{"schemaVersion":2,"manifests":[]}')
    assert [each.check for each in writer.verify().errors] == ["verify.manifest", "verify.layer"]


def test_a_layer_that_is_not_what_it_should_be_is_refused(tmp_path: Path) -> None:
    """And the layout isn't there then."""
    blobs = DirectoryBlobs(tmp_path / "layout")
    good = Descriptor.of(b"good", "x/y")
    with pytest.raises(DigestMismatch):
        blobs.store(good, VerifiedSource(BytesSource(b"evil"), good.digest))
    blobs.discard()
    blobs.discard()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(ImageOutputError, match="it is no directory"):
        DirectoryBlobs(tmp_path / "file")


def test_a_layout_that_was_given_up_does_not_come_back(tmp_path: Path) -> None:
    """A thread that is late may still want to store a blob."""
    blobs = DirectoryBlobs(tmp_path / "layout")
    blobs.discard()
    with pytest.raises(ImageOutputError, match="No such file or directory"):
        blobs.store(Descriptor.of(b"late", "x/y"), BytesSource(b"late"))
    with pytest.raises(ImageOutputError, match="No such file or directory"):
        blobs.add(Descriptor.of(b"later", "x/y"), b"later")
    assert list(tmp_path.iterdir()) == []


def test_an_artifact_goes_in_and_comes_out(console: Console, shelf: Shelf) -> None:
    """Its layers are no tars, so that its config needn't name them, though it is one of images."""
    shelf.store.add_blob("many", Digest.of(CONFIG), CONFIG)
    artifact = put_artifact(shelf, "artifact", config=describe(CONFIG, OCI_CONFIG))
    shelf.store.add_manifest("many", artifact, "1")
    console.succeed("process", "registry://r.example/many:1", "ocidir://layout:a")
    console.succeed("process", "ocidir://layout:a", "registry://r.example/back:1")
    assert shelf.get("back", "1") == artifact
