"""The command on a terminal, and what signals make of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from occystrap.server.doors.listener import serve
from occystrap.server.message import Handler, Request, Response
from tests.support.command import PATIENCE, Occystrap
from tests.support.console import Shelf
from tests.support.handlers import BasicGate

#: Makes the terminal that its first argument names its own, and becomes the command that follows.
_ON_TERMINAL = (
    "import os, sys; os.setsid(); os.open(sys.argv[1], os.O_RDWR);"
    " os.execvp(sys.argv[2], sys.argv[2:])"
)
#: Becomes the command of its arguments, with Ctrl-C ignored.
_IGNORING = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN);"
    " os.execvp(sys.argv[1], sys.argv[1:])"
)


@pytest.fixture
def occystrap(tmp_path: Path) -> Occystrap:
    """The command as a process, in an empty directory."""
    for name in ("home", "temp"):
        (tmp_path / name).mkdir()
    return Occystrap(tmp_path / "home", tmp_path / "temp")


@dataclass
class Terminal:
    """A pseudo-terminal; `shown` is what was written on it."""

    master: int
    slave: int
    shown: bytes = b""

    @property
    def path(self) -> str:
        """Its name in the file system."""
        return os.ttyname(self.slave)

    def read_until(self, text: bytes) -> None:
        """Read on until something is there."""
        while text not in self.shown:
            self.shown += os.read(self.master, 4096)

    def read_all(self) -> bytes:
        """Read until no process has it open any more."""
        os.close(self.slave)
        self.slave = -1
        try:
            while chunk := os.read(self.master, 4096):
                self.shown += chunk
        except OSError:
            pass  # how Linux says that nobody is there
        return self.shown


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal."""
    terminal = Terminal(*os.openpty())
    yield terminal
    for descriptor in (terminal.master, terminal.slave):
        if descriptor >= 0:
            os.close(descriptor)


OCCYSTRAP = (sys.executable, "-m", "occystrap", "--insecure")


def run_on(terminal: Terminal, occystrap: Occystrap, shelf: Shelf, *options: str) -> str:
    """Pull an image with the messages on a terminal; return the standard output."""
    with serve(shelf.registry) as listener:
        source = f"registry://{listener.host}/demo/image:1"
        command = [*OCCYSTRAP, *options, "process", source, "tar://image.tar"]
        with subprocess.Popen(
            command,
            env={"PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "2000"},
            cwd=occystrap.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=terminal.slave,
            text=True,
        ) as process:
            terminal.read_all()
            output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, terminal.shown
    return output


def test_bars_on_a_terminal(occystrap: Occystrap, terminal: Terminal, shelf: Shelf) -> None:
    """Each layer has one, they are gone in the end, and what a script reads isn't disturbed."""
    output = run_on(terminal, occystrap, shelf, "-O", "json")
    assert json.loads(output)["layers"] == 3
    shown = terminal.shown.decode()
    assert "\N{BOX DRAWINGS HEAVY HORIZONTAL}" in shown
    assert "starting" not in shown
    for layer in shelf.manifest("demo/image", "1").layers:
        assert str(layer.digest)[:19] in shown
    erased, _, summary = shown.rpartition("Summary: ")
    assert erased.endswith("\x1b[2K\x1b[?25h\r")  # the last line of the bars, and the cursor back
    assert summary.startswith("3 layers, 300.0 KB, ")


def test_messages_do_not_run_into_bars(
    occystrap: Occystrap, terminal: Terminal, shelf: Shelf
) -> None:
    """What is logged while bars are shown stands in lines of its own."""
    run_on(terminal, occystrap, shelf, "--verbose")
    told = [line for line in terminal.shown.decode().splitlines() if "GET http" in line]
    assert len(told) == 5
    for line in told:
        before, _, message = line.partition("GET http")
        assert before == "" or before.endswith("\x1b[2K")  # the bars before it are erased
        assert "\N{BOX DRAWINGS HEAVY HORIZONTAL}" not in message


def test_a_password_is_asked_for(occystrap: Occystrap, terminal: Terminal, shelf: Shelf) -> None:
    """On a terminal --password-stdin asks, and what is typed isn't shown."""
    with serve(BasicGate(shelf.registry)) as listener:
        begin = [sys.executable, "-c", _ON_TERMINAL, terminal.path]
        login = ["--username", "alice", "--password-stdin"]
        source = f"registry://{listener.host}/demo/image:1"
        with subprocess.Popen(
            [*begin, *OCCYSTRAP, *login, "process", source, "tar://image.tar"],
            cwd=occystrap.home,
            stdin=terminal.slave,
            stdout=terminal.slave,
            stderr=terminal.slave,
        ) as process:
            terminal.read_until(b"Password: ")
            os.write(terminal.master, b"open sesame\n")
            terminal.read_all()
    assert process.returncode == 0, terminal.shown
    assert b"open sesame" not in terminal.shown


@dataclass
class Hanging:
    """Never answers for a blob, and tells when it is asked for one."""

    inner: Handler
    asked: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def handle(self, request: Request) -> Response:
        """Answer all but layers."""
        response = self.inner.handle(request)
        if "/blobs/" in request.path and int(response.headers.get("Content-Length") or 0) < 1000:
            self.asked.set()
            self.over.wait(PATIENCE)
        return response


@contextmanager
def hanging(
    occystrap: Occystrap, shelf: Shelf, before: Sequence[str] = ()
) -> Iterator[subprocess.Popen[str]]:
    """Run a pull that waits for its layers."""
    handler = Hanging(shelf.registry)
    with serve(handler) as listener:
        source = f"registry://{listener.host}/demo/image:1"
        words = ("--insecure", "process", source, "tar://image.tar")
        with occystrap.start(*words, before=before) as process:
            try:
                assert handler.asked.wait(PATIENCE)
                yield process
            finally:
                process.kill()
                handler.over.set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(occystrap: Occystrap, shelf: Shelf, number: signal.Signals) -> None:
    """It dies of the signal, so that a loop of a shell ends as well, and nothing is left."""
    with hanging(occystrap, shelf) as process:
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == -number
    assert "Traceback" not in errors
    assert list(occystrap.home.iterdir()) == []
    assert list(occystrap.temp.iterdir()) == []


def test_an_ignored_signal_stays_ignored(occystrap: Occystrap, shelf: Shelf) -> None:
    """What a shell runs in the background isn't ended by a Ctrl-C for the foreground."""
    with hanging(occystrap, shelf, [sys.executable, "-c", _IGNORING]) as process:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGTERM
