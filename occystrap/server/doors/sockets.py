"""Sockets that listen: of TCP at a host and port, of unix at a path.

Rule: what a server that was killed has left behind doesn't keep the next one from starting.
"""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import Final

__all__ = ["Address", "authority", "listen", "name_client", "path_of"]

#: A host and a port, or the path of a unix socket.
Address = tuple[str, int] | str | Path

_LOG: Final = logging.getLogger(__name__)

_BACKLOG: Final = 1024


def listen(address: Address) -> socket.socket:
    """Listen at an address; port 0 takes any that is free.

    Raises:
        OSError: the address can't be listened on.
    """
    family: int
    place: object
    if isinstance(address, tuple):
        host, port = address
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    else:
        family, place = socket.AF_UNIX, _free_path(Path(address).absolute())
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _free_path(path: Path) -> str:
    """Remove a unix socket that nobody listens on any more."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            if path.is_socket():
                path.unlink()
        except OSError as error:
            _LOG.debug("%s: %s", path, error)  # binding will say what is wrong, if anything is
    return str(path)


def path_of(listening: socket.socket) -> Path | None:
    """Return where a unix socket is, if it is one."""
    return Path(listening.getsockname()) if listening.family == socket.AF_UNIX else None


def authority(address: tuple[str, int]) -> str:
    """Write the host and port of a socket as in a URL."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def name_client(connection: socket.socket, address: object) -> str:
    """Say where a connection comes from."""
    if connection.family == socket.AF_UNIX or not isinstance(address, tuple):
        return "unix"
    return authority(address)
