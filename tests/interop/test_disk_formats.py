"""Our formats on disks, in the hands of those who know them: skopeo, runc, GNU tar and dockerd."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from occystrap.oci.descriptor import Descriptor
from occystrap.oci.documents import encode
from occystrap.oci.media_types import OCI_INDEX, OCI_MANIFEST
from tests.support.archives import docker_save
from tests.support.command import Occystrap, output
from tests.support.components import real_component
from tests.support.daemons import running_daemon
from tests.support.debian_registry import DebianRegistry
from tests.support.images import SampleImage, file, layer, make_image, special
from tests.support.look import layer_digests
from tests.support.namespaces import as_a_user, with_mounts
from tests.support.programs import program_entries
from tests.support.skopeo import Skopeo

_PASSWD = b"root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n"
_GROUP = b"root:x:0:\napp:x:1001:\nextra:x:2000:other,app\n"


@pytest.fixture
def runnable() -> SampleImage:
    """An image that runs as a user by name, and tells what it finds."""
    base = layer(
        *program_entries("sh", "id", "cat"),
        *(special(name, tarfile.DIRTYPE) for name in ("etc", "proc", "dev", "sys", "data")),
        file("etc/passwd", _PASSWD),
        file("etc/group", _GROUP),
        file("data/gone", b"gone"),
    )
    top = layer(file("data/.wh.gone"), file("data/kept", b"kept\n"))
    image = make_image(base, top)
    config = json.loads(image.config) | {
        "config": {
            "User": "app",
            "Env": ["GREETING=hello world", "PATH=/bin"],
            "WorkingDir": "/data",
            "Entrypoint": ["sh", "-c"],
            "Cmd": ['id; echo "$GREETING"; cat kept; echo *; echo x >/data/new || echo refused'],
        }
    }
    return replace(image, config=json.dumps(config).encode())


def run_bundle(bundle: Path, state: Path, *before: str) -> str:
    """Run a bundle with runc, and return what its process prints."""
    state.mkdir()
    command = [real_component("runc"), "--root", str(state), "run", f"occystrap-{os.getpid()}"]
    environ = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(state)}
    return output([*before, *command], cwd=bundle, environ=environ)


def test_runc_runs_a_bundle_as_the_image_says(
    occystrap: Occystrap, runnable: SampleImage, tmp_path: Path
) -> None:
    """User and groups by their names in the image, environment, directory and command."""
    if os.geteuid() != 0:
        pytest.skip("bundles of root's need root; run the tests as root")
    (tmp_path / "a.tar").write_bytes(docker_save(runnable))
    occystrap.process(f"tar://{tmp_path}/a.tar", f"oci://{tmp_path}/bundle")
    lines = run_bundle(tmp_path / "bundle", tmp_path / "state").splitlines()
    assert lines == [
        "uid=1000(app) gid=1001(app) groups=1001(app),2000(extra)",
        "hello world",
        "kept",
        "kept",
        "refused",
    ]


def test_runc_runs_a_bundle_without_root(
    occystrap: Occystrap, runnable: SampleImage, tmp_path: Path
) -> None:
    """Who makes a bundle without being root is root in it."""
    config = json.loads(runnable.config)
    del config["config"]["User"]
    image = replace(runnable, config=json.dumps(config).encode())
    (tmp_path / "a.tar").write_bytes(docker_save(image))
    source, target = f"tar://{tmp_path}/a.tar", f"oci://{tmp_path}/bundle?readonly=true"
    ended = occystrap.run("process", source, target, before=as_a_user())
    assert ended.returncode == 0, ended.stderr
    lines = run_bundle(tmp_path / "bundle", tmp_path / "state", *as_a_user()).splitlines()
    assert lines[0].startswith("uid=0(root) gid=0(root)")
    assert lines[1:] == ["hello world", "kept", "kept", "refused"]


def test_what_skopeo_puts_into_a_layout_keeps_its_digests(
    occystrap: Occystrap, skopeo: Skopeo, archive: Path, tmp_path: Path
) -> None:
    """From skopeo's layout into ours, and from ours to skopeo."""
    skopeo("copy", f"docker-archive:{archive}", f"oci:{tmp_path}/theirs:v1")
    occystrap.process(f"ocidir://{tmp_path}/theirs:v1", f"ocidir://{tmp_path}/ours:v2")
    occystrap.process(f"ocidir://{tmp_path}/ours", f"ocitar://{tmp_path}/ours.tar:v3")
    raw = skopeo("inspect", "--raw", f"oci:{tmp_path}/theirs:v1")
    assert skopeo("inspect", "--raw", f"oci:{tmp_path}/ours:v2") == raw
    assert skopeo("inspect", "--raw", f"oci-archive:{tmp_path}/ours.tar:v3") == raw
    back = skopeo.unpack(f"oci-archive:{tmp_path}/ours.tar:v3", tmp_path / "back")
    assert layer_digests(back) == layer_digests(json.loads(raw))


def test_what_we_put_into_a_layout_is_what_skopeo_reads(
    occystrap: Occystrap, skopeo: Skopeo, image: SampleImage, archive: Path, tmp_path: Path
) -> None:
    """Beside what skopeo has put there, and skopeo beside ours."""
    layout = tmp_path / "layout"
    skopeo("copy", f"docker-archive:{archive}", f"oci:{layout}:theirs")
    report = occystrap.process(f"tar://{archive}", f"ocidir://{layout}:ours")
    skopeo("copy", f"oci:{layout}:ours", f"oci:{layout}:again")
    raw = skopeo("inspect", "--raw", f"oci:{layout}:ours")
    assert skopeo("inspect", "--raw", f"oci:{layout}:again") == raw
    assert report["digest"] == _entries(layout)[1]["digest"]
    manifest = skopeo.unpack(f"oci:{layout}:ours", tmp_path / "plain", "--dest-decompress")
    assert layer_digests(manifest) == image.diff_ids
    names = [each["annotations"] for each in _entries(layout)]
    assert [each["org.opencontainers.image.ref.name"] for each in names] == [
        *("theirs", "ours", "again")
    ]


def _entries(layout: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((layout / "index.json").read_bytes())["manifests"]
    return entries


def test_all_platforms_go_through_a_layout(
    occystrap: Occystrap,
    skopeo: Skopeo,
    debian_registry: DebianRegistry,
    archive: Path,
    tmp_path: Path,
) -> None:
    """An index goes from a registry into a layout and back with the digest that it had."""
    skopeo.push(f"docker-archive:{archive}", debian_registry, "demo/one:1", "--format", "oci")
    one = skopeo.raw_manifest(debian_registry, "demo/one:1")
    entry = Descriptor.of(one, OCI_MANIFEST).to_document()
    platforms = [{"os": "linux", "architecture": each} for each in ("amd64", "arm64")]
    entries = [{**entry, "platform": platform} for platform in platforms]
    index = encode({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
    httpx.put(
        f"{debian_registry.url}/v2/demo/one/manifests/all",
        content=index,
        headers={"Content-Type": OCI_INDEX},
    ).raise_for_status()
    source = debian_registry.uri("demo/one:all")
    occystrap.process(f"{source}?platform=all", f"ocidir://{tmp_path}/layout:all")
    target = debian_registry.uri("demo/copy:all")
    occystrap.process(f"ocidir://{tmp_path}/layout:all?platform=all", target)
    raw = skopeo.raw_manifest(debian_registry, "demo/one:all")
    assert skopeo.raw_manifest(debian_registry, "demo/copy:all") == raw
    assert skopeo("inspect", "--raw", f"oci:{tmp_path}/layout:all") == raw


def directories_of(tar: bytes) -> list[str]:
    """List the directories of which a layer says something."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        return [member.name for member in opened if member.isdir()]


def listing(root: Path) -> list[tuple[str, str, str, int, int, int, str]]:
    """Describe the files below a directory as `find` sees them."""
    find = ["find", ".", "-mindepth", "1", "-printf", r"%P\t%y\t%m\t%U\t%G\t%s\t%l\n"]
    done = subprocess.run(find, cwd=root, capture_output=True, check=True)
    rows = (line.split("\t") for line in done.stdout.decode(errors="surrogateescape").splitlines())
    return sorted(
        # The size of a directory is the file system's own affair.
        (name, kind, mode, int(user), int(group), 0 if kind == "d" else int(size), target)
        for name, kind, mode, user, group, size, target in rows
    )


def test_a_layer_is_extracted_as_gnu_tar_does_it(
    occystrap: Occystrap, image: SampleImage, tmp_path: Path
) -> None:
    """Modes, owners, links, long names, pipes, and with devices=true devices."""
    if os.geteuid() != 0:
        pytest.skip("owners and devices need root; run the tests as root")
    bottom = make_image(image.layers[0], image.layers[2])
    (tmp_path / "a.tar").write_bytes(docker_save(bottom))
    occystrap.process(f"tar://{tmp_path}/a.tar", f"oci://{tmp_path}/ours?devices=true")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for tar in bottom.layers:
        command = [real_component("tar"), "-xp", "--numeric-owner", "--xattrs", "-C", str(theirs)]
        subprocess.run(command, input=tar, check=True, capture_output=True)
    assert listing(tmp_path / "ours" / "rootfs") == listing(theirs)
    assert os.getxattr(tmp_path / "ours/rootfs/etc/capable", "user.colour") == b"blue"


#: What docker puts into every container.
_DOCKERS: frozenset[str] = frozenset(
    {".dockerenv", "dev", "dev/console", "dev/pts", "dev/shm", "etc/hostname", "etc/hosts"}
    | {"etc/mtab", "etc/resolv.conf", "proc", "sys"}
)


def test_a_bundle_has_the_files_of_a_container_of_docker(
    occystrap: Occystrap, image: SampleImage, archive: Path, tmp_path: Path
) -> None:
    """All layers one over the other, whiteouts among them, are what dockerd exports of them."""
    if os.geteuid() != 0:
        pytest.skip("owners and devices need root; run the tests as root")
    occystrap.process(f"tar://{archive}", f"oci://{tmp_path}/ours?devices=true")
    with running_daemon("dockerd", tmp_path) as engine:
        engine.load(archive.read_bytes())
        exported = engine.export(image.names[0])
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    command = [real_component("tar"), "-xp", "--numeric-owner", "-C", str(theirs)]
    subprocess.run(command, input=exported, check=True, capture_output=True)

    # docker makes up modes for directories of which no layer says anything.
    said = {name for tar in image.layers for name in directories_of(tar)}

    def seen(root: Path) -> list[tuple[str, str, str, int, int, int, str]]:
        rows = (row for row in listing(root) if row[0] not in _DOCKERS)
        return [row for row in rows if row[1] != "d" or row[0] in said]

    assert seen(tmp_path / "ours" / "rootfs") == seen(theirs)


def test_what_is_mounted_is_what_a_bundle_has(
    occystrap: Occystrap, archive: Path, tmp_path: Path
) -> None:
    """The script mounts the layers with overlayfs, for who isn't root, too; it can be changed."""
    for target in ("oci", "mounts"):
        words = ("process", f"tar://{archive}", f"{target}://{tmp_path}/{target}")
        ended = occystrap.run(*words, before=as_a_user())
        assert ended.returncode == 0, ended.stderr
    find = r"find . -mindepth 1 -printf '%P %y %m %s %l\n' | sort"
    script = """
set -e
"$1/mount.sh"
cd "$1/rootfs"
touch new; rm etc/kept
cd /; umount "$1/rootfs"; "$1/mount.sh"; cd "$1/rootfs"
rm new; test ! -e etc/kept; echo kept >etc/kept; chmod 644 etc/kept
"""
    inside = with_mounts(as_a_user(), privileged=False)
    command = [*inside, "sh", "-c", script + find, "sh", str(tmp_path / "mounts")]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert mounted.returncode == 0, mounted.stderr
    extracted = subprocess.run(
        ["/bin/sh", "-c", find],
        cwd=tmp_path / "oci/rootfs",
        capture_output=True,
        text=True,
        check=True,
    )
    assert _files(mounted.stdout) == _files(extracted.stdout)
    assert len(_files(mounted.stdout)) > 20


def _files(found: str) -> list[str]:
    """Keep what has a size of its own."""
    return [line for line in found.splitlines() if line.split()[1] != "d"]
