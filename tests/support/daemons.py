"""Container daemons of the tests' own: dockerd and podman's service, as the machine has them.

Rule: a daemon lives in namespaces of its own, so the kernel ends its processes and mounts with it,
even when the tests are killed. The daemon of the machine is neither seen nor touched.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.support.components import real_component
from tests.support.engine import Engine

__all__ = ["DAEMONS", "as_root", "podman", "running_daemon"]

_START_SECONDS = 20.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.01

#: The first process of the namespaces: with it everything in them ends. That is when its input
#: ends, as it does with the tests, or when the daemon does. Those who have started it with sudo may
#: use its socket, too; nobody else can enter the directory.
_INSIDE = """
directory=$1
shift
trap 'exit 1' TERM
mkdir -p /etc/docker
for place in /run /dev/shm /etc/docker; do mount -t tmpfs tmpfs "$place" || exit 1; done
{ "$@" </dev/null; kill -TERM 1; } &
{ until chmod a+rw "$directory/socket"; do sleep 0.01; done 2>/dev/null; } &
read -r _
"""
_OUTSIDE = """
directory=$1 inside=$2
shift 2
unshare --mount --pid --fork --mount-proc sh -c "$inside" sh "$directory" "$@"
rm -rf "$directory"
"""

_CONTAINERS = '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
_STORAGE = '[storage]\ndriver = "vfs"\nrunroot = "{0}/run"\ngraphroot = "{0}/root"\n'
#: localhost is left out: podman speaks TLS to it, and verifies the certificate.
_REGISTRIES = (
    'unqualified-search-registries = ["docker.io"]\n'
    '[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n'
)


def _dockerd(directory: Path, ca_file: Path) -> list[str]:
    real_component("containerd")
    settings = directory / "daemon.json"
    settings.write_text("{}")
    return [
        real_component("dockerd"),
        *("--config-file", str(settings)),
        *("--host", f"unix://{directory}/socket"),
        *("--data-root", f"{directory}/data"),
        *("--exec-root", f"{directory}/exec"),
        *("--pidfile", f"{directory}/pid"),
        *("--storage-driver", "vfs"),
        *("--bridge", "none"),
        "--iptables=false",
        "--ip6tables=false",
    ]


def podman(directory: Path, ca_file: Path, registries: str = _REGISTRIES) -> list[str]:
    """Start podman's service in a directory; `registries` is what it knows of registries."""
    program = real_component("podman")
    files = {
        "CONTAINERS_CONF": ("containers.conf", _CONTAINERS),
        "CONTAINERS_STORAGE_CONF": ("storage.conf", _STORAGE.format(directory)),
        "CONTAINERS_REGISTRIES_CONF": ("registries.conf", registries),
    }
    variables = [f"SSL_CERT_FILE={ca_file}"]
    for variable, (name, content) in files.items():
        (directory / name).write_text(content)
        variables.append(f"{variable}={directory / name}")
    service = [program, "system", "service", "--time=0", f"unix://{directory}/socket"]
    return ["env", *variables, *service]


#: Name of a daemon -> how it is started in a directory, trusting an authority.
DAEMONS: dict[str, Callable[[Path, Path], list[str]]] = {"dockerd": _dockerd, "podman": podman}


@contextlib.contextmanager
def running_daemon(name: str, ca_file: Path) -> Iterator[Engine]:
    """Run a daemon with no image; give its API.

    It takes 127.0.0.1 for a registry that needs no TLS. podman verifies the certificate of every
    other one, and trusts nobody but the authority.
    """
    # Not in tmp_path: the paths of sockets have at most 107 characters.
    directory = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    script = ["sh", "-c", _OUTSIDE, "sh", str(directory), _INSIDE]
    with contextlib.ExitStack() as ending:
        ending.callback(shutil.rmtree, directory, ignore_errors=True)
        command = [*as_root(), *script, *DAEMONS[name](directory, ca_file)]
        log = ending.enter_context(tempfile.TemporaryFile())
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
        )
        ending.callback(_stop, process)
        engine = ending.enter_context(Engine.at(directory / "socket"))
        _wait_until_it_answers(directory / "socket", process, log)
        yield engine


def as_root() -> list[str]:
    """Return the words before a command that needs root, or skip the test where there are none."""
    real_component("unshare")
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo is None or subprocess.run([sudo, "-n", "true"], check=False).returncode != 0:
        pytest.skip("container daemons need root; run the tests as root, or let sudo ask nothing")
    return [sudo, "-n"]


def _wait_until_it_answers(path: Path, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        # Not by the client: it forgets sockets that it can't connect, and that is a warning.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
            return
        time.sleep(_POLL_SECONDS)
    log.seek(0)
    raise RuntimeError(f"the daemon doesn't answer; its log:\n{log.read().decode()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.wait(_STOP_SECONDS)
