"""Sockets that listen: of TCP at a host and port, of unix at a path.

Rule: what a server that was killed has left behind doesn't keep the next one from starting.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from pathlib import Path
from typing import Any, Final

__all__ = ["Address", "Entrance", "authority", "name_client"]

#: A host and a port, or the path of a unix socket.
Address = tuple[str, int] | str | Path

_LOG: Final = logging.getLogger(__name__)

_BACKLOG: Final = 1024


class Entrance:
    """A socket that listens, and can be shut for a while, in which the system refuses clients.

    One thread accepts; port 0 takes any that is free.

    Raises:
        OSError: the address can't be listened on.
    """

    def __init__(self, address: Address) -> None:
        #: Where it listens, if that is a unix socket.
        self.path: Path | None = None
        if isinstance(address, tuple):
            self._listening = _take_port(address)
        else:
            self.path = Path(address).absolute()
            self._listening = _bound(socket.AF_UNIX, _free_path(self.path))
        try:
            self._listening.listen(_BACKLOG)
        except OSError:
            self._listening.close()
            raise
        #: The host and port, as in a URL. Clients of a unix socket say `localhost`.
        self.host = "localhost" if self.path else authority(self._listening.getsockname())
        self._changed = threading.Condition()
        self._is_shut = self._is_quiet = self._is_closed = self._is_gone = False

    def accept(self) -> tuple[socket.socket, object]:
        """Wait for a client, as long as it takes.

        Raises:
            OSError: none can be taken, now or ever.
        """
        while True:
            with self._changed:
                self._is_quiet = self._is_shut
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._is_closed or not self._is_shut)
                self._is_quiet = False
                listening = self._listening
            try:
                return listening.accept()
            except OSError:
                if not self._is_shut or self._is_closed:
                    raise

    def shut(self) -> None:
        """Let the system refuse who comes; who came before has been accepted or is refused, too."""
        with self._changed:
            self._is_shut = True
            self._listening.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: self._is_quiet or self._is_closed)
            if self.path is not None:
                # This one can't be used again, and the path that is left refuses as well.
                self._listening.close()

    def reopen(self) -> None:
        """Listen again, at the same place.

        Raises:
            OSError: it can't be had back.
        """
        with self._changed:
            if self._is_closed:
                return
            if self.path is not None:
                self._listening = _bound(socket.AF_UNIX, _free_path(self.path))
            self._listening.listen(_BACKLOG)
            self._is_shut = False
            self._changed.notify_all()

    def stop(self) -> None:
        """Let `accept` raise from now on."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            with contextlib.suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the place free, after `stop`."""
        if self.path is not None and not self._is_gone:
            self.path.unlink(missing_ok=True)
        self._is_gone = True
        self._listening.close()


def _take_port(address: tuple[str, int]) -> socket.socket:
    host, port = address
    family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    taken = _bound(family, place)
    if port:
        return taken
    # A port that the system has chosen is lost when nobody listens; one that was asked for isn't.
    with taken:
        return _bound(family, taken.getsockname())


def _bound(family: int, place: tuple[Any, ...] | str) -> socket.socket:
    bound = socket.socket(family)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
    except OSError:
        bound.close()
        raise
    return bound


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


def authority(address: tuple[str, int]) -> str:
    """Write the host and port of a socket as in a URL."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def name_client(connection: socket.socket, address: object) -> str:
    """Say where a connection comes from."""
    if connection.family == socket.AF_UNIX or not isinstance(address, tuple):
        return "unix"
    return authority(address)
