"""What differs for who isn't root, and hasn't the rights that root has: here root gives them up."""

from __future__ import annotations

import json
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.support import survey as surveying
from tests.support.archives import docker_save
from tests.support.command import Occystrap, output
from tests.support.components import real_component
from tests.support.images import Entry, SampleImage, file, layer, make_image, special
from tests.support.namespaces import as_a_user, with_mounts
from tests.support.survey import Survey

_LOOK: Final = (sys.executable, surveying.__file__)


def directory(name: str, mode: int, mtime: int) -> Entry:
    """Make a directory of a layer."""
    return special(name, tarfile.DIRTYPE, mode=mode, mtime=mtime)


def locked_image() -> SampleImage:
    """Make an image of directories that their owner may not enter, list or change.

    A higher layer links to what is in them, removes it, replaces it, adds to it, and says nothing
    of the directories. The image's user and their groups are there, too.
    """
    bottom = layer(
        directory("./", 0o311, 1),
        directory("locked", 0o640, 2),
        directory("locked/deep", 0o000, 3),
        file("locked/file", b"file", 0o200),
        file("locked/gone", b"gone"),
        file("locked/deep/file", b"deep"),
        directory("fixed", 0o555, 4),
        file("fixed/file", b"old"),
        directory("emptied", 0o100, 5),
        file("emptied/file", b"old"),
        directory("etc", 0o600, 6),
        file("etc/passwd", b"app:x:5:6::/:/bin/sh\n", 0o000),
        file("etc/group", b"extra:x:7:app\n", 0o040),
    )
    top = layer(
        special("linked", tarfile.LNKTYPE, "locked/deep/file", 0o644),
        special("locked/deep/linked", tarfile.LNKTYPE, "locked/file", 0o644),
        file("locked/.wh.gone"),
        file("fixed/file", b"new"),
        file("fixed/added", b"added"),
        file("emptied/.wh..wh..opq"),
        file("etc/.wh.none"),
    )
    image = make_image(bottom, top, layer(directory("locked/deep", 0o300, 7)))
    config = json.loads(image.config)
    config["config"] = {**config.get("config", {}), "User": "app"}
    return replace(image, config=json.dumps(config).encode())


def described(seen: Survey) -> dict[str, str]:
    """Tell kinds, modes, times of directories, and contents, in a line each."""
    return {
        path: f"{each['mode']} {each['time'] // 10**9}"  # type: ignore[operator]
        if str(each["mode"]).startswith("d")
        else f"{each['mode']} {bytes.fromhex(str(each['content'])).decode()}"
        for path, each in seen.items()
        if path != "etc/passwd"
    }


EXPECTED: Final = {
    ".": "d-wx--x--x 1",
    "locked": "drw-r----- 2",
    "locked/deep": "d-wx------ 7",
    "locked/file": "--w------- file",
    "locked/deep/file": "-rw-r--r-- deep",
    "locked/deep/linked": "--w------- file",
    "linked": "-rw-r--r-- deep",
    "fixed": "dr-xr-xr-x 4",
    "fixed/file": "-rw-r--r-- new",
    "fixed/added": "-rw-r--r-- added",
    "emptied": "d--x------ 5",
    "etc": "drw------- 6",
    "etc/group": "----r----- extra:x:7:app\n",
}


@pytest.mark.parametrize("scheme", ["oci", "mounts"])
def test_directories_that_their_owner_may_not_enter(
    occystrap: Occystrap, tmp_path: Path, scheme: str
) -> None:
    """Layers refer into them, and they stay as they are; the user is looked up behind them."""
    (tmp_path / "a.tar").write_bytes(docker_save(locked_image()))
    place = tmp_path / "there"
    ended = occystrap.run(
        "process", f"tar://{tmp_path}/a.tar", f"{scheme}://{place}", before=as_a_user()
    )
    assert ended.returncode == 0, ended.stderr
    inside = with_mounts(as_a_user(), privileged=False)
    mount = [*inside, "sh", "-c", '"$0" && exec "$@"', f"{place}/mount.sh"]
    before = mount if scheme == "mounts" else inside
    assert described(json.loads(output([*before, *_LOOK, f"{place}/rootfs"]))) == EXPECTED
    user = json.loads((place / "config.json").read_bytes())["process"]["user"]
    assert (user["uid"], user["gid"]) == (5, 6)


def test_skopeo_reads_a_tar_of_a_layout_without_root(occystrap: Occystrap, tmp_path: Path) -> None:
    """It makes directories without an entry for root, which only root can."""
    (tmp_path / "a.tar").write_bytes(docker_save(make_image(layer(file("a", b"a")))))
    occystrap.process(f"tar://{tmp_path}/a.tar", f"ocitar://{tmp_path}/b.tar:v1")
    inspect = [real_component("skopeo"), "inspect", "--raw", f"oci-archive:{tmp_path}/b.tar:v1"]
    manifest = json.loads(output([*as_a_user(), *inspect]))
    assert len(manifest["layers"]) == 1
