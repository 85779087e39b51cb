"""The command `occystrap`, run as people run it: as a process of its own.

Rule: it finds no environment but a path, an empty home and an empty directory for temporary files,
and what a test adds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["PATIENCE", "Occystrap", "output", "the_error"]

#: So long a command may take at most, in seconds, on a machine however busy.
PATIENCE: Final = 60.0
_COMMAND: Final = (sys.executable, "-m", "occystrap")


@dataclass(frozen=True, slots=True)
class Occystrap:
    """Runs the command; `home` and `temp` are directories of the test's own."""

    home: Path
    temp: Path

    def start(
        self,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[str]:
        """Start it; `before` are the words of a command that starts it in turn."""
        least = {"PATH": os.environ["PATH"], "HOME": str(self.home), "TMPDIR": str(self.temp)}
        return subprocess.Popen(
            [*before, *_COMMAND, *arguments],
            env=least | dict(environ or {}),
            cwd=self.home,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
        typed: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end; `typed` is what it finds on its standard input."""
        process = self.start(*arguments, environ=environ, before=before, stdin=subprocess.PIPE)
        with process:
            try:
                output, errors = process.communicate(typed, timeout=PATIENCE)
            finally:
                process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def succeed(
        self, *arguments: str, environ: Mapping[str, str] | None = None, typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run it; it has to end well."""
        ended = self.run(*arguments, environ=environ, typed=typed)
        assert ended.returncode == 0, ended.stderr
        return ended

    def process(
        self,
        source: str,
        destination: str,
        *options: str,
        filters: Sequence[str] = (),
        login: tuple[str, str] | None = None,
    ) -> dict[str, Any]:
        """Move an image over plain HTTP, and return the report."""
        environ = {}
        if login is not None:
            environ = {"OCCYSTRAP_USERNAME": login[0], "OCCYSTRAP_PASSWORD": login[1]}
        always = ("--insecure", "--output-format", "json")
        between = [word for each in filters for word in ("-f", each)]
        words = (*always, *options, "process", *between, source, destination)
        ended = self.succeed(*words, environ=environ)
        report: dict[str, Any] = json.loads(ended.stdout)
        return report

    def fail(self, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
        """Run it; it has to end with exit code 1 and one line of an error, which is returned."""
        return the_error(self.run(*arguments, environ=environ))


def output(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> str:
    """Run any program, which has to succeed, and return what it prints."""
    done = subprocess.run(
        [*command],
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def the_error(ended: subprocess.CompletedProcess[str]) -> str:
    """Return the line of the error of a run that has failed as it should."""
    assert ended.returncode == 1, (ended.returncode, ended.stderr)
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    (line,) = (each for each in ended.stderr.splitlines() if each.startswith("Error: "))
    assert ended.stderr.endswith(f"{line}\n")  # nothing comes after it, such as a second line of it
    return line
