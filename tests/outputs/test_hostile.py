"""Whatever a layer says: nothing outside of the destination, one error, and nothing left behind."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.archives import docker_save
from tests.support.components import real_component
from tests.support.console import Console, error_of
from tests.support.hostile import HOSTILE, OUTSIDE, REFUSED
from tests.support.images import make_image

#: Every destination that extracts layers, below a directory.
DESTINATIONS: Final = {
    "oci": "oci://{}/there",
    "mounts": "mounts://{}/there",
    "dir": "dir://{}/there?expand=true",
}


def tree_of(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Describe all below a directory: modes, times and contents."""
    found = {}
    for path in [directory, *sorted(directory.rglob("*"))]:
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        found[str(path)] = (status.st_mode, status.st_mtime_ns, content)
    return found


def names_in(directory: Path) -> list[str]:
    """List a directory."""
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize("destination", DESTINATIONS)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_layer_stays_inside(tmp_path: Path, name: str, destination: str) -> None:
    """Each of them has its own sentence in `tests.support.hostile`."""
    stays_inside(tmp_path, name, destination)


#: Without root's rights, the same: all of them in one process, which needn't be started so often.
_AS_A_USER = """
import os, pathlib, sys
from tests.outputs.test_hostile import DESTINATIONS, HOSTILE, stays_inside

assert os.geteuid() != 0
for name in HOSTILE:
    for destination in DESTINATIONS:
        place = pathlib.Path(sys.argv[1], f"{name}-{destination}")
        place.mkdir()
        stays_inside(place, name, destination)
"""


def test_hostile_layers_stay_inside_without_root(tmp_path: Path) -> None:
    """Who has no rights that would help has no other way out."""
    user = ["--user", "--map-user=1000", "--map-group=1000"]
    before = [real_component("unshare"), *user] if os.geteuid() == 0 else []
    command = [*before, sys.executable, "-c", _AS_A_USER, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


#: A process that may have so much memory, and no more: it ends when it asks for it.
_BOMB = """
import gzip, io, pathlib, resource, sys, tarfile
from occystrap.image.budget import Budget
from occystrap.image.compression import compressed, decompressed
from occystrap.image.entry_maker import ExtractionRules
from occystrap.image.extraction import LayerExtractor
from occystrap.image.whiteouts import PlainMarks
from occystrap.oci.media_types import Compression

def bomb(kind):
    info = tarfile.TarInfo("zeros")
    info.size = 1 << 40
    header = info.tobuf(tarfile.GNU_FORMAT)
    if kind == "behind":  # what follows the end of a tar is read as well
        header = bytes(1024)
    yield header
    while True:
        yield bytes(1 << 18)

def entries():
    number = 0
    while True:
        yield tarfile.TarInfo(f"d/{number}").tobuf()
        number += 1

sources = {
    "zeros": lambda: decompressed(compressed(bomb("zeros"), Compression.GZIP)),
    "behind": lambda: bomb("behind"),
    "entries": entries,
}
def peak():
    return int(pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
before = peak()
extractor = LayerExtractor(
    sys.argv[1] + "/x", ExtractionRules(False, PlainMarks()), Budget(300 << 20), sys.argv[1]
)
try:
    extractor.extract(sources[sys.argv[2]](), "a layer")
except Exception as error:
    print(peak() - before, type(error).__name__, error)
"""


@pytest.mark.parametrize("kind", ["zeros", "behind", "entries"])
def test_a_bomb_ends_at_the_limit_in_little_memory(tmp_path: Path, kind: str) -> None:
    """An endless layer: of zeros, of what follows its end, and of empty files."""
    done = subprocess.run(
        [sys.executable, "-c", _BOMB, str(tmp_path), kind],
        capture_output=True,
        text=True,
        check=True,
    )
    memory, error, message = done.stdout.split(maxsplit=2)
    assert float(memory) < 30
    assert error == "ImageInputError"
    assert message.startswith("the image takes more than 314572800 bytes")


def stays_inside(tmp_path: Path, name: str, destination: str) -> None:
    """Process a hostile image, and look at everything around it."""
    hostile = HOSTILE[name]
    outside, place, temp = (tmp_path / each for each in (OUTSIDE, "place", "temp"))
    for each in (outside, place, temp):
        each.mkdir()
    (outside / "canary").write_bytes(b"sings")
    before = tree_of(outside)
    saved = tmp_path / "saved.tar"
    saved.write_bytes(docker_save(make_image(*hostile.layers(str(outside)))))
    target = DESTINATIONS[destination].format(place)
    result = Console(tmp_path).run("--temp-dir", str(temp), "process", f"tar://{saved}", target)
    assert "Traceback" not in result.output
    if hostile.ends == REFUSED:
        message = error_of(result)
        assert message.isprintable(), hostile.sentence
        assert names_in(place) == [], hostile.sentence
    else:
        assert result.exit_code == 0, (hostile.sentence, result.stderr)
        assert names_in(place) == ["there"], hostile.sentence
    assert tree_of(outside) == before, hostile.sentence
    assert names_in(tmp_path) == [OUTSIDE, "place", "saved.tar", "temp"]
    assert names_in(temp) == []
