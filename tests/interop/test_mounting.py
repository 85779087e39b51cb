"""`mounts://PATH?mount=true`, which mounts: by root, by root of a namespace, and by who may not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support import survey as surveying
from tests.support.archives import docker_save
from tests.support.changing import changing_image
from tests.support.command import Occystrap, the_error
from tests.support.components import real_component
from tests.support.namespaces import as_a_user, with_mounts
from tests.support.survey import Survey, survey

#: Runs the command, shows what is mounted, and does what the command says on how to unmount it.
_SCRIPT: Final = """
set -e
python=$1; look=$2; root=$3; shift 3
said=$("$@")
"$python" "$look" "$root"
eval "${said#*to unmount it: }"
test -z "$(ls "$root")"
"""


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A tarball."""
    (tmp_path / "a.tar").write_bytes(docker_save(changing_image()))
    return f"tar://{tmp_path}/a.tar"


@pytest.mark.parametrize("privileged", [True, False], ids=["root", "root of a namespace"])
def test_an_image_is_mounted_at_once(
    occystrap: Occystrap, source: str, tmp_path: Path, *, privileged: bool
) -> None:
    """What is mounted is what a bundle has, and what is told unmounts it."""
    if privileged and os.geteuid() != 0:
        pytest.skip("only root can mount anything here; run the tests as root")
    inside = with_mounts(privileged=privileged)
    bundle = tmp_path / "bundle"
    ended = occystrap.run("process", source, f"oci://{bundle}", before=inside)
    assert ended.returncode == 0, ended.stderr
    place = tmp_path / "it's; there"
    before = [*inside, "sh", "-c", _SCRIPT, "sh"]
    look = [sys.executable, surveying.__file__, f"{place}/rootfs"]
    target = f"mounts://{place}?mount=true"
    ended = occystrap.run("process", source, target, before=[*before, *look])
    assert ended.returncode == 0, ended.stderr
    mounted: Survey = json.loads(ended.stdout)
    assert mounted.keys() == survey(bundle / "rootfs").keys()
    assert mounted["etc/conf"]["content"] == b"conf".hex()
    assert "verified OK" in ended.stderr or "verify warnings" in ended.stderr


def test_who_is_not_root_is_told_before_anything_is_written(
    occystrap: Occystrap, source: str, tmp_path: Path
) -> None:
    """And where everyone is root."""
    target = f"mounts://{tmp_path}/there?mount=true"
    ended = occystrap.run("process", source, target, before=as_a_user())
    assert the_error(ended) == (
        f"Error: can't mount {tmp_path}/there: only root can; anyone is root in:"
        " unshare --user --map-root-user --mount"
    )
    assert not list(tmp_path.glob("*there*"))


def test_the_script_tells_who_is_not_root_where_it_works(
    occystrap: Occystrap, source: str, tmp_path: Path
) -> None:
    """It is the same for all who run it."""
    ended = occystrap.run("process", source, f"mounts://{tmp_path}/there", before=as_a_user())
    assert ended.returncode == 0, ended.stderr
    command = [*as_a_user(), f"{tmp_path}/there/mount.sh"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (
        *(1, ""),
        "only root can mount it; anyone is root in: unshare --user --map-root-user --mount\n",
    )


def test_what_the_system_refuses_to_mount_stays_for_another_try(
    occystrap: Occystrap, source: str, tmp_path: Path
) -> None:
    """Such as to root of a container that may not mount; the script is named, and works."""
    inside = with_mounts(privileged=False)
    less = [real_component("setpriv"), "--bounding-set=-sys_admin"]
    target = f"mounts://{tmp_path}/there?mount=true"
    ended = occystrap.run("process", source, target, before=[*inside, *less])
    error = the_error(ended)
    assert error.startswith(f"Error: {tmp_path}/there is whole, but can't be mounted: mount: ")
    before, _, again = error.partition("; to try again: ")
    assert "permission denied" in before
    done = subprocess.run(
        [*inside, "sh", "-c", f"{again} && ls {tmp_path}/there/rootfs"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "etc\n" in done.stdout
