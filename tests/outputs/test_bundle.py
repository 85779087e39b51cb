"""Bundles and mounts: where they may be made, and what is left when it goes wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from occystrap.image.whiteouts import takes_trusted
from occystrap.pipeline import Pipeline
from tests.support.archives import docker_save
from tests.support.console import Console, error_of
from tests.support.images import SampleImage, file, layer, make_image

SCHEMES = ["oci", "mounts"]
IMAGE = make_image(
    layer(file("etc/passwd", b"app:x:5:6::/:\n"), file("etc/gone"), file("d/lower", b"x")),
    layer(file("etc/.wh.gone"), file("etc/group", b"extra:x:7:app\n"), file("new", b"new")),
    layer(file("d/.wh..wh..opq"), file("d/upper", b"y")),
)


def running_as(image: SampleImage, user: str) -> SampleImage:
    """Give an image a user."""
    config = json.loads(image.config)
    config["config"]["User"] = user
    return replace(image, config=json.dumps(config).encode())


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """The command line in a directory with a tarball."""
    (tmp_path / "a.tar").write_bytes(docker_save(running_as(IMAGE, "app")))
    monkeypatch.chdir(tmp_path)
    return Console(tmp_path)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_user_is_looked_up_in_the_layers(console: Console, scheme: str) -> None:
    """Also where /etc/passwd and /etc/group are in different ones (W-5: and it ends well)."""
    console.succeed("--verify-full", "process", "tar://a.tar", f"{scheme}://there")
    place = console.directory / "there"
    config = json.loads((place / "config.json").read_bytes())
    user = config["process"]["user"]
    assert (user["uid"], user["gid"]) == (5, 6)
    if os.geteuid() == 0:
        assert user["additionalGids"] == [7]
    image = json.loads((place / "container-config.json").read_bytes())
    assert image["config"]["User"] == "app"
    assert place.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_user_that_is_not_there_leaves_nothing(console: Console, scheme: str) -> None:
    """The error comes last, when all layers are there."""
    (console.directory / "b.tar").write_bytes(docker_save(running_as(IMAGE, "nobody")))
    message = error_of(console.run("process", "tar://b.tar", f"{scheme}://there"))
    assert message == "the image has no user 'nobody' in its /etc/passwd"
    assert console.files() == {"a.tar", "b.tar"}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_only_an_empty_directory_is_filled(console: Console, scheme: str) -> None:
    """It stays what it is, its mode as well; one with something in it is left alone."""
    place = console.directory / "there"
    place.mkdir(0o750)
    before = place.stat()
    console.succeed("process", "tar://a.tar", f"{scheme}://there")
    assert (place.stat().st_ino, place.stat().st_mode) == (before.st_ino, before.st_mode)
    assert not list(place.glob(".*"))
    files = console.files()
    message = error_of(console.run("process", "tar://a.tar", f"{scheme}://there"))
    assert message == "can't write there: the directory isn't empty"
    assert console.files() == files


def test_a_bundle_has_the_files_of_all_layers(console: Console) -> None:
    """W-6, W-8: removed is what a higher layer removes, and nothing else."""
    console.succeed("process", "tar://a.tar", "oci://there")
    root = console.directory / "there/rootfs"
    assert {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()} == {
        *("etc/passwd", "etc/group", "new", "d/upper")
    }
    assert {path.name for path in root.parent.iterdir()} == {
        *("rootfs", "config.json", "container-config.json")
    }


@pytest.mark.parametrize(
    ("target", "root"),
    [
        ("oci://there", "rootfs"),
        ("mounts://there", "delta"),
        ("dir://there?expand=true", "manifest"),
    ],
)
def test_directories_that_no_layer_mentions_are_open(
    console: Console, target: str, root: str
) -> None:
    """Whatever the umask is: the user of the image has to get in, at the root already."""
    image = make_image(layer(file("d/e/f"), file("x")), layer(file(".wh.d"), file("d/g/h")))
    (console.directory / "b.tar").write_bytes(docker_save(image))
    umask = os.umask(0o077)
    try:
        console.succeed("process", "tar://b.tar", target)
    finally:
        os.umask(umask)
    place = console.directory / "there"
    found = [place / root, *(place / root).rglob("*"), *place.glob("*/layer"), *place.rglob("d")]
    directories = [path for path in found if path.is_dir()]
    assert len(directories) >= 3
    assert {path.stat().st_mode & 0o777 for path in directories} == {0o755}


def test_mounts_have_a_directory_for_each_layer(console: Console) -> None:
    """With whiteouts as overlayfs has them (W-8), and a script without a name in it (W-16)."""
    console.succeed("process", "tar://a.tar", "mounts://it's there;")
    place = console.directory / "it's there;"
    digests = IMAGE.diff_ids
    assert {path.name for path in place.iterdir()} == {
        *(*digests, "l", "rootfs", "delta", "working", "mount.sh", "manifest.json"),
        *("config.json", "container-config.json"),
    }
    gone = (place / digests[1] / "layer/etc/gone").lstat()
    assert (gone.st_mode & 0o170000, gone.st_rdev) == (0o020000, 0)
    kind = "trusted" if takes_trusted(place) else "user"
    assert os.getxattr(place / digests[2] / "layer/d", f"{kind}.overlay.opaque") == b"y"
    assert (place / "l/0").resolve() == place / digests[0] / "layer"
    assert "lowerdir=l/2:l/1:l/0," in (place / "mount.sh").read_text()


@pytest.mark.parametrize(
    "break_it",
    [
        lambda place: (place / "config.json").write_text("{}"),
        lambda place: (place / "config.json").unlink(),
    ],
)
def test_verification_reads_the_documents_back(
    console: Console, break_it: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever changes them between writing and looking is found out."""
    run = Pipeline.run

    def run_and_break(pipeline: Pipeline) -> None:
        run(pipeline)
        break_it(console.directory / "there")

    monkeypatch.setattr(Pipeline, "run", run_and_break)
    result = console.run("process", "tar://a.tar", "oci://there")
    assert result.exit_code == 1
    assert "[verify.config]" in result.stderr
