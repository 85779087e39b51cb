"""Memory doesn't grow with the layers that pass through (W-27)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from occystrap.oci.media_types import Compression

# In a process of its own, whose peak the system measures: tracemalloc sees no memory of C.
_SCRIPT = """
import hashlib, io, pathlib, random, sys

from occystrap.image.compression import compressed
from occystrap.image.element import CONFIG_FILE, IMAGE_LAYER, ImageElement
from occystrap.image.layer import StoredLayer
from occystrap.image.sources import VerifiedSource
from occystrap.image.spool import Spool
from occystrap.inputs.tarfile import Image
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest, Digester
from occystrap.oci.media_types import Compression, OCI_LAYER
from occystrap.outputs.tarfile import TarWriter

MIB = 1 << 20
directory, compression = pathlib.Path(sys.argv[1]), Compression(sys.argv[2])

def tar(number, size=100 * MIB):
    # It shrinks to about two thirds, and no two blocks are the same.
    block = random.Random(number).randbytes(150_000) + bytes(100_000)
    for start in range(0, size, len(block)):
        yield start.to_bytes(8, "big") + block[8:]

def digest(chunks):
    digester = Digester()
    for chunk in chunks:
        digester.update(chunk)
    return digester.digest

def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

before = peak()
elements, diff_ids = [], []
for number in range(2):
    spool = Spool(directory)
    stored = Digester()
    for chunk in compressed(tar(number), compression):
        stored.update(chunk)
        spool.write(chunk)
    diff_ids.append(digest(tar(number)))
    descriptor = Descriptor(OCI_LAYER, stored.digest, stored.size)
    layer = StoredLayer(descriptor, VerifiedSource(spool, stored.digest), diff_ids[-1])
    elements.append(ImageElement(IMAGE_LAYER, stored.digest.encoded, None, number, layer))
text = ",".join(f'"{diff_id}"' for diff_id in diff_ids)
config = f'{{"os":"linux","rootfs":{{"diff_ids":[{text}]}}}}'.encode()
name = hashlib.sha256(config).hexdigest() + ".json"

writer = TarWriter("a", "1", directory / "x.tar", temp_dir=str(directory))
for element in [ImageElement(CONFIG_FILE, name, io.BytesIO(config)), *elements]:
    writer.process_image_element(element)
writer.finalize()
assert [result.check for result in writer.verify(full=True).results] == ["verify.ok"]
writer.close()

image = Image(directory / "x.tar")
for element in list(image.fetch())[1:]:
    for chunk in compressed(element.open_layer().open_tar(), compression):
        pass
print(peak() - before)
"""


@pytest.mark.parametrize("compression", Compression)
def test_layers_of_100_mib_take_little_memory(tmp_path: Path, compression: Compression) -> None:
    """Compressing, decompressing, writing, verifying and reading two of them at once."""
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path), compression.value],
        check=True,
        capture_output=True,
        text=True,
    )
    assert float(run.stdout) < 40
