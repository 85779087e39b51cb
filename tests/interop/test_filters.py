"""Filtered images, as programs that aren't ours write and read them."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.archives import docker_save
from tests.support.command import Occystrap
from tests.support.components import real_component
from tests.support.debian_registry import DebianRegistry
from tests.support.images import SampleImage, make_image, sha256
from tests.support.look import layer_digests
from tests.support.skopeo import Skopeo

FILTERS = ("-f", "exclude:pattern=bin/tool,opt/data", "-f", "normalize-timestamps:ts=86400")


def process(occystrap: Occystrap, source: str, target: str, *filters: str) -> dict[str, Any]:
    """Move an image through filters, and return the report."""
    arguments = ("--insecure", "-O", "json", "process", *filters, source, target)
    report: dict[str, Any] = json.loads(occystrap.succeed(*arguments).stdout)
    return report


def test_skopeo_reads_a_filtered_tarball(
    occystrap: Occystrap, skopeo: Skopeo, archive: Path, image: SampleImage, tmp_path: Path
) -> None:
    """Every digest is right, the config names the layers, and has the history that it had."""
    new = tmp_path / "new.tar"
    process(occystrap, f"tar://{archive}", f"tar://{new}", *FILTERS)
    manifest = skopeo.unpack(f"docker-archive:{new}", tmp_path / "read")
    hexadecimal = manifest["config"]["digest"].removeprefix("sha256:")
    config = json.loads((tmp_path / "read" / hexadecimal).read_bytes())
    assert config["rootfs"]["diff_ids"] == [f"sha256:{d}" for d in layer_digests(manifest)]
    assert set(layer_digests(manifest)).isdisjoint({image.diff_ids[0], image.diff_ids[2]})
    assert config["history"] == json.loads(image.config)["history"]


def test_a_registry_has_every_blob_of_the_second_push(
    occystrap: Occystrap,
    skopeo: Skopeo,
    debian_registry: DebianRegistry,
    archive: Path,
    tmp_path: Path,
) -> None:
    """From a tarball or from what was pushed: it is the same image, which skopeo pulls."""
    source, uris = f"tar://{archive}", [debian_registry.uri(f"a/b:{tag}") for tag in "123"]
    first = process(occystrap, source, uris[0], *FILTERS)
    second = process(occystrap, source, uris[1], *FILTERS)
    third = process(occystrap, uris[0], uris[2], *FILTERS)
    assert first["digest"] == second["digest"] == third["digest"]
    assert second["skipped"] == third["skipped"] == 5
    skopeo.pull(debian_registry, "a/b:1", tmp_path / "pulled")
    raw = (tmp_path / "pulled" / "manifest.json").read_bytes()
    assert f"sha256:{sha256(raw)}" == first["digest"]


def test_filters_between_registries(
    occystrap: Occystrap, skopeo: Skopeo, debian_registry: DebianRegistry, archive: Path
) -> None:
    """Layers that nothing is taken from keep the digest that skopeo has given them."""
    skopeo.push(f"docker-archive:{archive}", debian_registry, "from/skopeo:1")
    source, target = (debian_registry.uri(name) for name in ("from/skopeo:1", "to/us:1"))
    process(occystrap, source, target, "-f", "exclude:pattern=bin/tool")
    before, after = (
        layer_digests(json.loads(skopeo.raw_manifest(debian_registry, name)))
        for name in ("from/skopeo:1", "to/us:1")
    )
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, *[True] * 4]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Files on a disk: one with a hole, a hard link, long names, and a time of fractions."""
    root = tmp_path / "root"
    (root / "dir").mkdir(parents=True)
    (root / "gone").write_bytes(b"gone" * 500)
    (root / "dir/linked").hardlink_to(root / "gone")
    with (root / "dir/sparse").open("wb") as sparse:
        sparse.write(b"begin")
        sparse.seek(3_000_000)
        sparse.write(b"end")
    (root / ("n" * 150)).write_text("long")
    (root / "dir/symbolic").symlink_to("n" * 150)
    os.utime(root / "gone", (1.5, 1_700_000_000.25))
    return root


@pytest.mark.parametrize("dialect", ["gnu", "oldgnu", "posix"])
def test_what_gnu_tar_packs_it_unpacks_again(
    occystrap: Occystrap, tree: Path, tmp_path: Path, dialect: str
) -> None:
    """With its holes, under its names, and the excluded file where a link to it was."""
    tar = real_component("tar")
    packed, image, new = (tmp_path / f"{name}.tar" for name in ("packed", "image", "new"))
    names = ["gone", "dir", "n" * 150]
    pack = [tar, "-S", f"--format={dialect}", "-cf", str(packed), "-C", str(tree), *names]
    subprocess.run(pack, check=True)
    image.write_bytes(docker_save(make_image(packed.read_bytes())))
    filters = ("-f", "exclude:pattern=gone", "-f", "normalize-timestamps:ts=86400")
    process(occystrap, f"tar://{image}", f"tar://{new}", *filters)
    with tarfile.open(new) as archive:
        (entry,) = json.loads(archive.extractfile("manifest.json").read())  # type: ignore[union-attr]
        repacked = archive.extractfile(entry["Layers"][0]).read()  # type: ignore[union-attr]
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run([tar, "-x", "-C", out], input=repacked, check=True)
    assert not (out / "gone").exists()
    assert (out / "dir/linked").read_bytes() == b"gone" * 500
    assert (out / "dir/sparse").read_bytes() == (tree / "dir/sparse").read_bytes()
    assert (out / "dir/sparse").stat().st_blocks < 1000
    assert (out / "dir/symbolic").readlink() == Path("n" * 150)
    assert {path.lstat().st_mtime for path in out.rglob("*")} == {86400}
