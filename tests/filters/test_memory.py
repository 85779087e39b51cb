"""Filters hold no layer in memory, whatever they do with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# In a process of its own, whose peak the system measures: tracemalloc sees no memory of C.
_SCRIPT = """
import io, pathlib, random, sys, tarfile

from occystrap.filters.base import Means
from occystrap.filters.exclude import Exclude
from occystrap.filters.inspect import InspectFilter
from occystrap.filters.rewrite import RewriteFilter
from occystrap.filters.search import SearchFilter
from occystrap.filters.timestamps import NormalizeTimestamps
from occystrap.image.element import CONFIG_FILE, IMAGE_LAYER, ImageElement
from occystrap.image.layer import StoredLayer
from occystrap.image.spool import Spool
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digester
from occystrap.oci.media_types import OCI_LAYER
from occystrap.outputs.tarfile import TarWriter

MIB = 1 << 20
directory = sys.argv[1]

def header(name, size=0, **fields):
    info = tarfile.TarInfo(name)
    info.size = size
    for key, value in fields.items():
        setattr(info, key, value)
    return info.tobuf()

def tar(number, size=100 * MIB):
    # A large file that goes on as its link, many small ones, and a large one that stays.
    block = random.Random(number).randbytes(MIB)
    for name in ("gone/large", "large"):
        yield header(name, size // 2, mtime=5)
        for _ in range(size // 2 // MIB):
            yield block
    for each in range(5000):
        yield header(f"gone/{each}", 512) + bytes(512)
        yield header(f"link-{each}", type=b"1", linkname=f"gone/{each}")
    yield header("kept", type=b"1", linkname="gone/large") + bytes(1024)

def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

before = peak()
elements, diff_ids = [], []
for number in range(2):
    spool, digester = Spool(directory), Digester()
    for chunk in tar(number):
        digester.update(chunk)
        spool.write(chunk)
    diff_ids.append(digester.digest)
    descriptor = Descriptor(OCI_LAYER, digester.digest, digester.size)
    layer = StoredLayer(descriptor, spool, digester.digest)
    elements.append(ImageElement(IMAGE_LAYER, digester.digest.encoded, None, number, layer))
text = ",".join(f'"{diff_id}"' for diff_id in diff_ids)
config = f'{{"os":"linux","rootfs":{{"diff_ids":[{text}]}}}}'.encode()

means = Means(4, directory)
output = TarWriter("a", "1", f"{directory}/x.tar", temp_dir=directory)
entry = InspectFilter(output, f"{directory}/i.json", "a", "1", means=means)
filters = [Exclude(["gone"], directory), NormalizeTimestamps()]
entry = RewriteFilter(entry, filters, means=means)
entry = SearchFilter(entry, "large", "a", "1", means=means, echo=lambda line: None)
for element in [ImageElement(CONFIG_FILE, "config", io.BytesIO(config)), *elements]:
    entry.process_image_element(element)
entry.finalize()
assert [result.check for result in entry.verify(full=True).results] == ["verify.ok"]
entry.close()
print(peak() - before)
"""


def test_layers_of_100_mib_take_little_memory(tmp_path: Path) -> None:
    """Two at once, through all filters, with a file of 50 MiB that goes on as its hard link."""
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert float(run.stdout) < 40
    assert {path.name for path in tmp_path.iterdir()} == {"x.tar", "i.json"}
