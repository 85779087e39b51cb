"""What we extract, and what overlayfs shows of what we extract, beside what umoci extracts."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import Phase, given, settings

from occystrap.move import move
from occystrap.pipeline import PipelineBuilder
from tests.support import survey as surveying
from tests.support.archives import docker_save
from tests.support.changing import changing_image
from tests.support.command import Occystrap, output
from tests.support.components import real_component
from tests.support.images import make_image
from tests.support.layerings import COMPLETE_LAYERINGS, Layering, look_at
from tests.support.namespaces import as_a_user, with_mounts
from tests.support.survey import Survey, survey

_LOOK: Final = (sys.executable, surveying.__file__)
#: Attributes with an empty value, and those of a root that can't be written to, which umoci loses;
#: GNU tar keeps both, and no specification lets them go.
_EMPTY: Final = ("etc/empty", "user.empty")
_OF_ROOT: Final = (".", "user.root")
#: What umoci makes empty files of when it isn't root, and where it keeps the owners then.
_DEVICES: Final = ("dev/loop0", "dev/null")
_OWNERS: Final = "user.rootlesscontainers"


def extracted(occystrap: Occystrap, place: Path, before: list[str], options: str = "") -> None:
    """Extract an image as a bundle and for overlayfs, and put it into a layout."""
    (place / "a.tar").write_bytes(docker_save(changing_image()))
    for target in (
        f"ocidir://{place}/layout:1",
        f"oci://{place}/bundle{options}",
        f"mounts://{place}/mounts{options}",
    ):
        ended = occystrap.run("process", f"tar://{place}/a.tar", target, before=before)
        assert ended.returncode == 0, ended.stderr


def seen_from(inside: list[str], place: Path) -> list[Survey]:
    """Look at the bundle, and at what the script mounts."""
    mounting = [*inside, "sh", "-c", '"$0" && exec "$@"', f"{place}/mounts/mount.sh"]
    commands = (
        [*inside, *_LOOK, f"{place}/bundle/rootfs"],
        [*mounting, *_LOOK, f"{place}/mounts/rootfs"],
    )
    return [json.loads(output(command)) for command in commands]


def unpacked(place: Path, before: list[str], inside: list[str], *options: str) -> Survey:
    """Unpack the layout with umoci, and look at that."""
    umoci = [real_component("umoci"), "unpack", *options, "--image", f"{place}/layout:1"]
    output([*before, *umoci, f"{place}/umoci"])
    seen: Survey = json.loads(output([*inside, *_LOOK, f"{place}/umoci/rootfs"]))
    return seen


def test_root_extracts_what_umoci_extracts(occystrap: Occystrap, tmp_path: Path) -> None:
    """Kinds, modes, owners, times, contents, links, attributes and devices, and mounted as well."""
    if os.geteuid() != 0:
        pytest.skip("owners and devices need root; run the tests as root")
    inside = with_mounts(privileged=True)
    extracted(occystrap, tmp_path, [], "?devices=true")
    bundle, mounted = seen_from(inside, tmp_path)
    umoci = unpacked(tmp_path, [], inside)
    assert mounted == bundle
    lose(bundle, _EMPTY)
    del bundle["."]["time"], umoci["."]["time"]  # umoci leaves that of the last change
    assert bundle == umoci
    assert bundle["links/one"]["names"] == ["links/four", "links/one"]
    assert bundle["trusted"]["attributes"] == {"trusted.secret": "73"}
    assert len(bundle) == 40


def lose(seen: Survey, what: tuple[str, str]) -> None:
    """Remove an attribute, which has to be there."""
    path, name = what
    attributes = seen[path]["attributes"]
    assert isinstance(attributes, dict)
    del attributes[name]


def without_root(umoci: Survey) -> Survey:
    """Leave out what umoci does without root, and we don't.

    It makes empty files of devices, notes owners in an attribute, and keeps set-ID bits, which
    would work for somebody whom the image doesn't mean. No specification has a word for either.
    """
    kept = {path: seen for path, seen in umoci.items() if path not in _DEVICES}
    for seen in kept.values():
        mode, attributes = seen["mode"], seen["attributes"]
        assert isinstance(mode, str)
        assert isinstance(attributes, dict)
        seen["mode"] = mode.replace("s", "x")
        attributes.pop(_OWNERS, None)
    return kept


def test_others_extract_what_umoci_extracts(occystrap: Occystrap, tmp_path: Path) -> None:
    """The same without root, but for what only root can make."""
    inside = with_mounts(as_a_user(), privileged=False)
    for name in ("bundle", "mounts"):  # so that all is moved into what is there
        (tmp_path / name).mkdir()
    extracted(occystrap, tmp_path, as_a_user())
    bundle, mounted = seen_from(inside, tmp_path)
    umoci = unpacked(tmp_path, as_a_user(), inside, "--rootless")
    assert {path for path, seen in umoci.items() if _OWNERS in str(seen["attributes"])} > {
        *("etc", "dev/loop0")
    }
    assert mounted == bundle
    lose(bundle, _EMPTY)
    lose(bundle, _OF_ROOT)
    assert bundle == without_root(umoci)
    assert len(bundle) == 38


def test_root_of_a_namespace_mounts_what_it_extracts(occystrap: Occystrap, tmp_path: Path) -> None:
    """It looks like root, and has only the attributes of overlayfs that anyone has."""
    inside = with_mounts(privileged=False)
    extracted(occystrap, tmp_path, inside)
    bundle, mounted = seen_from(inside, tmp_path)
    assert mounted == bundle
    assert "emptied" in mounted
    assert "emptied/x" not in mounted


@given(COMPLETE_LAYERINGS)
@settings(max_examples=60, phases=[Phase.generate])
def test_umoci_makes_of_layers_what_we_make(layering: Layering) -> None:
    """Whatever tools write: to the words of the specification, and to the last attribute."""
    rootless = [] if os.geteuid() == 0 else ["--rootless"]
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        (place / "a.tar").write_bytes(docker_save(make_image(*layering.tars)))
        with PipelineBuilder() as builder:
            move(builder, f"tar://{place}/a.tar", f"ocidir://{place}/layout:1")
            move(builder, f"ocidir://{place}/layout:1", f"oci://{place}/bundle")
        command = [real_component("umoci"), "unpack", "--image", f"{place}/layout:1"]
        output([*command, *rootless, f"{place}/umoci"])
        theirs, ours = place / "umoci/rootfs", place / "bundle/rootfs"
        assert look_at(theirs) == layering.seen
        assert timed(survey(ours), layering) == timed(survey(theirs), layering)


def timed(seen: Survey, layering: Layering) -> Survey:
    """Leave out the times that no layer says, or umoci doesn't keep.

    Those are the root's, and of what is in a directory that a layer both removes and has anew.
    """
    words = (entry.split()[1] for entries in layering.names for entry in entries)
    removed = {word.replace(".wh.", "").lstrip("/") for word in words if ".wh." in word}
    for path, each in seen.items():
        if path == "." or any(f"{path}/".startswith(f"{name}/") for name in removed):
            del each["time"]
    return seen
