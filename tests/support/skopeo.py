"""skopeo, the client that isn't ours."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.debian_registry import DebianRegistry

__all__ = ["Skopeo"]


@dataclass(frozen=True, slots=True)
class Skopeo:
    """Runs skopeo, which has to succeed."""

    program: str

    def __call__(self, *arguments: str | Path) -> bytes:
        """Run it and return what it prints."""
        done = subprocess.run([self.program, *arguments], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def push(self, source: str, registry: DebianRegistry, name: str, *options: str | Path) -> None:
        """Copy an image into a registry."""
        target = f"docker://{registry.host}/{name}"
        self("copy", *options, *_access("dest", registry), source, target)

    def pull(self, registry: DebianRegistry, name: str, directory: Path, *options: str) -> Any:
        """Copy an image out of a registry into a directory; return its manifest."""
        source = f"docker://{registry.host}/{name}"
        return self.unpack(source, directory, *options, *_access("src", registry))

    def unpack(self, source: str, directory: Path, *options: str) -> Any:
        """Copy an image into a directory, every blob under its digest; return its manifest."""
        self("copy", *options, source, f"dir:{directory}")
        return json.loads((directory / "manifest.json").read_bytes())

    def raw_manifest(self, registry: DebianRegistry, name: str) -> bytes:
        """Ask for a manifest or an index, byte for byte."""
        login = [option.replace("--src-", "--") for option in _access("src", registry)]
        return self("inspect", "--raw", *login, f"docker://{registry.host}/{name}")


def _access(side: str, registry: DebianRegistry) -> list[str]:
    options = [f"--{side}-tls-verify=false"]
    if registry.credentials is not None:
        options.append(f"--{side}-creds={':'.join(registry.credentials)}")
    return options
