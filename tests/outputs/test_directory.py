"""Directories that images share: what is in them, and who adds to them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.archives import docker_save
from tests.support.console import Console, error_of
from tests.support.images import SampleImage, file, layer, make_image
from tests.support.look import tars_of

SHARED = layer(file("etc/shared", b"shared"))
FIRST = make_image(SHARED, layer(file("first")), names=["quay.io/org/first:1"])
SECOND = make_image(SHARED, layer(file("second"), file("etc/.wh.shared")), names=["second:2"])


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """The command line in a directory with two tarballs."""
    for name, image in (("first", FIRST), ("second", SECOND)):
        (tmp_path / f"{name}.tar").write_bytes(docker_save(image))
    monkeypatch.chdir(tmp_path)
    return Console(tmp_path)


def hexes(image: SampleImage) -> set[str]:
    """Name the files of an image."""
    return {f"{image.config_hex}.json", *(f"{each}/layer.tar" for each in image.diff_ids)}


def files_below(directory: Path) -> set[str]:
    """List the files below a directory."""
    return {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file()}


def test_a_directory_has_config_layers_and_lists(console: Console) -> None:
    """W-32: the config is the image's, byte for byte, so that its name is its digest."""
    report = console.report("--verify-full", "process", "tar://first.tar", "dir://store")
    store = console.directory / "store"
    assert files_below(store) == {*hexes(FIRST), "manifest.json", "catalog.json"}
    assert (store / f"{FIRST.config_hex}.json").read_bytes() == FIRST.config
    (entry,) = json.loads((store / "manifest.json").read_bytes())
    assert entry["Layers"] == [f"{each}/layer.tar" for each in FIRST.diff_ids]
    catalog = json.loads((store / "catalog.json").read_bytes())
    assert catalog == {"quay.io/org/first": {"1": "manifest.json"}}
    assert report["layers"] == 2
    assert store.stat().st_mode & 0o077 == 0o055


def test_images_share_layers_and_keep_their_lists(console: Console) -> None:
    """With unique names; a layer that is there is not written again."""
    console.succeed("process", "tar://first.tar", "dir://store?unique_names=true")
    report = console.report("process", "tar://second.tar", "dir://store?unique_names")
    assert (report["layers"], report["skipped"]) == (2, 1)
    store = console.directory / "store"
    lists = {"manifest-quay.io_org_first-1.json", "manifest-second-2.json", "catalog.json"}
    assert files_below(store) == hexes(FIRST) | hexes(SECOND) | lists
    (entry,) = json.loads((store / "manifest-second-2.json").read_bytes())
    assert entry["ImageName"] == "second"
    for name, image in (("quay.io/org/first:1", FIRST), ("second:2", SECOND)):
        console.succeed("process", f"dir://store?image={name}", "tar://again.tar")
        assert tars_of(console.directory / "again.tar") == image.diff_ids
    message = error_of(console.run("process", "dir://store", "tar://again.tar"))
    assert "'second:2'" in message
    assert "image=NAME chooses one" in message
    assert "holds no image 'x'" in error_of(
        console.run("process", "dir://store?image=x", "tar://again.tar")
    )


def test_several_may_add_to_a_directory_at_once(console: Console) -> None:
    """W-31: processes side by side; each image is in the catalog, and whole."""
    command = [sys.executable, "-m", "occystrap", "process"]
    for number in range(4):
        archive = docker_save(make_image(SHARED, layer(file(str(number))), names=[f"app:{number}"]))
        (console.directory / f"{number}.tar").write_bytes(archive)
    running = [
        subprocess.Popen([*command, f"tar://{n}.tar", "dir://store?unique_names=true"])
        for n in range(4)
    ]
    assert [each.wait() for each in running] == [0, 0, 0, 0]
    catalog = json.loads((console.directory / "store/catalog.json").read_bytes())
    assert catalog["app"].keys() == {"0", "1", "2", "3"}
    for number in range(4):
        console.succeed("process", f"dir://store?image=app:{number}", f"tar://again{number}.tar")


def test_the_registry_may_be_left_away(console: Console) -> None:
    """Where that leaves no doubt; else the error lists what there is."""
    for name in ("a.example/app:1", "b.example/app:1"):
        archive = docker_save(make_image(SHARED, names=[name]))
        (console.directory / "app.tar").write_bytes(archive)
        console.succeed("process", "tar://app.tar", "dir://store?unique_names=true")
    console.succeed("process", "tar://first.tar", "dir://store?unique_names=true")
    console.succeed("process", "dir://store?image=org/first:1", "tar://again.tar")
    said = error_of(console.run("process", "dir://store?image=app:1", "tar://again.tar"))
    assert "'a.example/app:1', 'b.example/app:1'" in said


def test_a_layer_that_was_cut_off_is_written_anew(console: Console) -> None:
    """W-32: a run that was killed once spoils nothing for ever."""
    console.succeed("process", "tar://first.tar", "dir://store")
    path = console.directory / "store" / FIRST.diff_ids[0] / "layer.tar"
    path.write_bytes(SHARED[:700])
    assert "corrupt" in error_of(console.run("process", "dir://store", "tar://again.tar"))
    console.succeed("--verify-full", "process", "tar://second.tar", "dir://store")
    assert path.read_bytes() == SHARED


def test_the_files_of_an_image_can_be_there_as_well(console: Console) -> None:
    """All layers one over the other; what is there already isn't touched."""
    console.succeed("process", "tar://second.tar", "dir://store?expand=true&unique_names=true")
    tree = console.directory / "store/manifest-second-2"
    assert files_below(tree) == {"second"}
    before = tree.stat().st_mtime_ns
    message = error_of(
        console.run("process", "tar://second.tar", "dir://store?expand=true&unique_names=true")
    )
    assert message == "store/manifest-second-2 is there already; remove it first"
    assert tree.stat().st_mtime_ns == before
    assert not list((console.directory / "store").glob(".*"))


def test_a_directory_without_images_is_no_source(console: Console) -> None:
    """Nor is what isn't there, or isn't one; a name of a file leads nowhere else."""
    (console.directory / "empty").mkdir()
    message = error_of(console.run("process", "dir://empty", "tar://a.tar"))
    assert message == "empty: no manifest.json found"
    assert "No such file" in error_of(console.run("process", "dir://none", "tar://a.tar"))
    assert "it is no directory" in error_of(
        console.run("process", "dir://first.tar", "tar://a.tar")
    )
    evil = [{"Config": "../first.tar", "RepoTags": [], "Layers": []}]
    (console.directory / "empty/manifest.json").write_text(json.dumps(evil))
    message = error_of(console.run("process", "dir://empty", "tar://a.tar"))
    assert message == "empty: '../first.tar' is no name of a file in it"
