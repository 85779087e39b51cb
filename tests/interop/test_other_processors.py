"""The same digest on machines with other processors, which libraries use in other ways."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import pytest

from tests.support.archives import docker_save
from tests.support.command import output
from tests.support.components import real_component
from tests.support.images import file, layer, make_image

#: One with SSE 4.2 only, and one with AVX2; the one that runs the tests may have AVX-512.
PROCESSORS = ("Nehalem", "Haswell")
#: Compresses the files that it is given, together, in several ways, and prints the digests.
COMPRESS = """
import sys
from pathlib import Path
from occystrap.image.compression import compressed
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import Compression
content = b"".join(Path(name).read_bytes() for name in sys.argv[1:])
for compression, levels in ((Compression.GZIP, (0, 1, 2, 3, 6)), (Compression.ZSTD, (1, 3))):
    for level in levels:
        packed = b"".join(compressed([content], compression, level))
        print(compression.value, level, Digest.of(packed))
"""


def on(processor: str, *arguments: str) -> list[str]:
    """Return the command that runs Python on a processor; "" is the one that there is."""
    emulator = [real_component("qemu-x86_64"), "-cpu", processor] if processor else []
    return [*emulator, sys.executable, *arguments]


@pytest.fixture(scope="module", autouse=True)
def x86_64() -> None:
    """Skip on machines whose Python can't run on these processors."""
    if platform.machine() != "x86_64":
        pytest.skip("this Python is not for x86-64, whose processors are emulated")


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """Two megabytes of real files: some Python, and a program."""
    library = Path(json.__file__).parents[1]
    texts = sorted(library.glob("*.py"))[:40]
    return [*texts, Path("/bin/bash")]


def test_every_level_gives_the_same_bytes(files: list[Path], tmp_path: Path) -> None:
    """Which instructions a library may use doesn't change what it writes."""
    script = ["-c", COMPRESS, *map(str, files)]
    here, *others = (output(on(each, *script), cwd=tmp_path) for each in ("", *PROCESSORS))
    assert len(here.splitlines()) == 7
    assert others == [here] * len(PROCESSORS)


def test_a_filtered_image_has_the_same_digest(files: list[Path], tmp_path: Path) -> None:
    """Layers that are made anew, compressed, and listed in a manifest."""
    members = [file(each.name, each.read_bytes()) for each in files]
    (tmp_path / "image.tar").write_bytes(docker_save(make_image(layer(*members))))
    written = []
    for number, each in enumerate(("", *PROCESSORS)):
        words = ["process", "-f", "normalize-timestamps", "tar://image.tar", f"ocidir://{number}"]
        output(on(each, "-m", "occystrap", *words), cwd=tmp_path)
        written.append((tmp_path / f"{number}/index.json").read_bytes())
    assert len(set(written)) == 1
