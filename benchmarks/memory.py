"""Peak memory of pull, push and copy of an image with one large layer (1 GiB unless told).

    python benchmarks/memory.py [--size MIB] [--parallel N]

Against `occystrap registry serve --dir`, in processes of their own. The layer is of random bytes
over and over with a counter, so that it neither compresses to nothing nor costs minutes to make.
The figure is the operating system's own, of the finished process (ru_maxrss); it must not depend on
the size of the layer. skopeo does the same jobs for comparison, if it is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

MIB = 1024 * 1024


def main() -> None:
    """Print a row for each job."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", type=int, default=1024, help="MiB of the layer")
    parser.add_argument("--parallel", type=int, default=4)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        run(Path(directory), chosen.size, chosen.parallel)


def run(directory: Path, size: int, parallel: int) -> None:
    """Make the image, then push, pull and copy it."""
    tarball = directory / "image.tar"
    make_image(tarball, size)
    print(f"one layer of {size} MiB, -j {parallel}")
    print(f"{'job':34} {'wall s':>7} {'CPU s':>7} {'peak MiB':>9}")
    with registry(directory / "registry") as host:
        image = f"registry://{host}/big/image:1"
        measure("push   tar -> registry", process(parallel, f"tar://{tarball}", image))
        measure("pull   registry -> tar", process(parallel, image, f"tar://{directory}/back.tar"))
        copy = f"registry://{host}/big/mounted:1"
        measure("copy   within a registry (mount)", process(parallel, image, copy))
        with registry(directory / "second") as other:
            copy = f"registry://{other}/big/image:1"
            measure("copy   registry -> registry", process(parallel, image, copy))
        skopeo = shutil.which("skopeo")
        if skopeo is not None:
            (directory / "back.tar").unlink()
            source = ["--src-tls-verify=false", f"docker://{host}/big/image:1"]
            target = ["--dest-tls-verify=false", f"docker://{host}/big/skopeo:1"]
            archive = f"docker-archive:{directory}/back.tar"
            measure("skopeo push", [skopeo, "copy", f"docker-archive:{tarball}", *target])
            measure("skopeo pull", [skopeo, "copy", *source, f"{archive}:big/image:1"])


def make_image(path: Path, size: int) -> None:
    """Write a docker-save tarball with one layer of so many MiB."""
    layer = path.with_suffix(".layer")
    noise = random.Random(1).randbytes(MIB - 8)  # noqa: S311 - no secret
    with layer.open("wb") as file:
        member = tarfile.TarInfo("big")
        member.size = size * MIB
        file.write(member.tobuf())
        for number in range(size):
            file.write(number.to_bytes(8, "big") + noise[number % 4096 :] + noise[: number % 4096])
        file.write(bytes(1024))
    with layer.open("rb") as file:
        diff_id = hashlib.file_digest(file, "sha256").hexdigest()
    config = path.with_suffix(".json")
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]}
    config.write_text(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}))
    name = hashlib.sha256(config.read_bytes()).hexdigest() + ".json"
    manifest = path.with_suffix(".manifest")
    entry = {"Config": name, "RepoTags": ["big/image:1"], "Layers": [f"{diff_id}/layer.tar"]}
    manifest.write_text(json.dumps([entry]))
    with tarfile.open(path, "w") as tar:
        tar.add(config, name)
        tar.add(layer, f"{diff_id}/layer.tar")
        tar.add(manifest, "manifest.json")
    layer.unlink()


@contextlib.contextmanager
def registry(directory: Path) -> Iterator[str]:
    """Serve a registry from a directory, and report its own peak when it ends."""
    command = [
        *occystrap(),
        "registry",
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--dir",
        str(directory),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    said = cast("IO[str]", process.stdout)
    try:
        yield re.findall(r"127\.0\.0\.1:\d+", said.readline())[0]
    finally:
        process.terminate()
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        print(f"{'(the registry)':34} {'':7} {'':7} {usage.ru_maxrss / 1024:9.0f}")
        said.close()


def process(parallel: int, source: str, target: str) -> list[str]:
    """Return the command that moves an image."""
    return [*occystrap(), "--insecure", "-j", str(parallel), "process", source, target]


def occystrap() -> list[str]:
    """Return the command under measurement."""
    return [sys.executable, "-m", "occystrap"]


def measure(job: str, command: list[str]) -> None:
    """Run a command, and print its wall and CPU seconds and its peak memory."""
    begin = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with cast("IO[bytes]", child.stderr) as errors:
        said = errors.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{said.decode(errors='replace')}")
    cpu = usage.ru_utime + usage.ru_stime
    peak = usage.ru_maxrss / 1024
    print(f"{job:34} {time.perf_counter() - begin:7.2f} {cpu:7.2f} {peak:9.0f}", flush=True)


if __name__ == "__main__":
    main()
