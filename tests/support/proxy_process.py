"""`occystrap proxy` as a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PLAIN", "Proxied", "running_proxy"]

#: What skopeo wants to be told of registries without TLS.
PLAIN = ("--src-tls-verify=false", "--dest-tls-verify=false")
_PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Proxied:
    """A proxy that runs, and what it says when it is stopped; `authority` is whom to trust."""

    process: subprocess.Popen[str]
    host: str
    authority: Path | None = None

    @property
    def peak(self) -> float:
        """The most memory that it has had, in MiB, as the system counts it."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def terminate(self) -> None:
        """Ask it to end, as a service manager does."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it without a chance to do anything."""
        self.process.kill()
        self.process.wait(_PATIENCE)

    def ending(self, exit_code: int = 0) -> list[str]:
        """Wait for its end, which has to be such a one, and return its last lines."""
        _, said = self.process.communicate(timeout=_PATIENCE)
        assert self.process.returncode == exit_code, said
        return said.splitlines()

    def stop(self) -> str:
        """End it and return its last line."""
        self.terminate()
        return self.ending()[-1]


@contextlib.contextmanager
def running_proxy(temp: Path, *arguments: str) -> Iterator[Proxied]:
    """Run a proxy; nothing is left of what it kept in `temp`, unless it was killed."""
    temp.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "occystrap", "--insecure", "--temp-dir", str(temp), "proxy"]
    with subprocess.Popen(
        [*command, "-l", "127.0.0.1:0", *arguments],
        env={**os.environ, "HOME": str(temp)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        host = process.stderr.readline().strip().rpartition(" ")[2]
        line, authority = process.stderr.readline(), None
        if line.startswith("  CA certificate: "):
            authority = Path(line.partition(": ")[2].strip())
            line = process.stderr.readline()
        assert line.startswith("Ready"), line
        try:
            yield Proxied(process, host, authority)
        finally:
            process.terminate()
    if process.returncode != -signal.SIGKILL:
        assert list(temp.iterdir()) == []
