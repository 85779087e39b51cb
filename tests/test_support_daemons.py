"""Container daemons of the tests' own: nothing is left of them, however the tests end."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemons import DAEMONS, as_root, running_daemon

HOLD = """
import sys
from pathlib import Path
from tests.support.daemons import running_daemon
with running_daemon(sys.argv[1], Path("none")) as engine:
    print(engine.identifier("none"), flush=True)
    sys.stdin.read()
"""


def commands() -> Iterator[bytes]:
    """Go over the command lines of all processes."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has just ended
            yield path.read_bytes()


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("name", DAEMONS)
def test_nothing_is_left_of_a_daemon(
    monkeypatch: pytest.MonkeyPatch, name: str, killed: bool
) -> None:
    """No process and no file, even when the tests are killed."""
    as_root()
    with tempfile.TemporaryDirectory(prefix="d-") as directory:
        monkeypatch.setenv("TMPDIR", directory)
        command = [sys.executable, "-c", HOLD, name]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as tests:
            assert tests.stdout is not None
            assert tests.stdin is not None
            assert tests.stdout.readline() == b"None\n"
            (place,) = Path(directory).iterdir()
            assert (place / "socket").is_socket()
            tests.kill() if killed else tests.stdin.close()

        def running() -> list[bytes]:
            return [command for command in commands() if str(place).encode() in command]

        deadline = time.monotonic() + 20
        while (list(Path(directory).iterdir()) or running()) and time.monotonic() < deadline:
            time.sleep(0.005)  # nobody waits for what the kernel does to orphans
        assert list(Path(directory).iterdir()) == []
    assert running() == []


def test_a_daemon_that_cannot_start_shows_its_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """At once, without waiting for what won't come."""
    broken = ["sh", "-c", "echo no such option"]
    monkeypatch.setitem(DAEMONS, "broken", lambda directory, ca_file: broken)
    with (
        pytest.raises(RuntimeError, match="no such option"),
        running_daemon("broken", tmp_path / "ca.crt"),
    ):
        pass
