"""curl, and what it reports of an exchange."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Curl", "Fetched"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """The body as it is in the file now, and curl's own account of how it came."""

    body: bytes
    report: dict[str, Any]

    @property
    def status(self) -> int:
        """The status of the last answer."""
        return int(self.report["response_code"])

    @property
    def version(self) -> str:
        """The version of HTTP that was spoken: 1.1 or 2."""
        return str(self.report["http_version"])


@dataclass(frozen=True, slots=True)
class Curl:
    """Runs curl, with the same options every time; `directory` is for bodies."""

    program: str
    directory: Path
    options: tuple[str, ...] = ()

    def __call__(self, *arguments: str | Path, begun: bytes = b"", stdin: bytes = b"") -> Fetched:
        """Make one request, which has to be answered somehow.

        The file that the body is written to is there already if some of it has `begun`.
        """
        body = self.directory / "body"
        body.unlink(missing_ok=True)
        if begun:
            body.write_bytes(begun)
        command = [self.program, "--silent", "--show-error", "--disable", "--max-time", "60"]
        command += [*self.options, "--output", str(body), "--write-out", "%{json}"]
        command += map(str, arguments)
        done = subprocess.run(command, input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        content = body.read_bytes() if body.exists() else b""
        return Fetched(content, json.loads(done.stdout))
