"""Layers with programs of this machine, and the libraries that they need."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

from tests.support.images import Entry, file, special

__all__ = ["program_entries"]

_LIBRARY: Final = re.compile(r"(/\S+) \(0x[0-9a-f]+\)")


def program_entries(*names: str) -> list[Entry]:
    """Make what a root needs to run some programs, all of them in /bin.

    The libraries are where the programs look for them, and directories instead of the links that
    lead there on this machine.
    """
    entries = [special("bin", tarfile.DIRTYPE)]
    libraries: set[str] = set()
    for name in names:
        path = shutil.which(name)
        assert path is not None, name
        entries.append(file(f"bin/{name}", Path(path).read_bytes(), 0o755))
        ldd = [str(shutil.which("ldd")), path]
        found = subprocess.run(ldd, capture_output=True, text=True, check=True).stdout
        libraries |= set(_LIBRARY.findall(found)) - {"/vdso"}
    found_files = ((path.lstrip("/"), Path(path).read_bytes()) for path in sorted(libraries))
    return [*entries, *(file(name, content, 0o755) for name, content in found_files)]
