"""The Docker Engine API, as much of it as moves images; Podman's service speaks it as well.

Rule: an error that a daemon hides in the stream of an answer that began well is an error here. No
request has a version in its path: every daemon takes the newest that it knows.
Spec: https://docs.docker.com/reference/api/engine/version/v1.41/
"""

from __future__ import annotations

import contextlib
import errno
import json
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final
from urllib.parse import quote

from occystrap.daemon.stream import error_at_the_end, error_in, loaded_names, objects
from occystrap.errors import DaemonError, InvalidInput
from occystrap.image.layer import CHUNK
from occystrap.image.spool import temporary_file
from occystrap.oci.digest import Digest

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping

    from occystrap.image.progress import Task
    from occystrap.image.sources import SharedFile

__all__ = ["Daemon", "DaemonImage"]

#: How long an answer may take that needs no work; other work takes as long as it takes.
_PATIENCE_SECONDS: Final = 60.0
_NOT_FOUND: Final = 404
_LONGEST_TEXT: Final = 500
#: Where an error may stand behind an archive.
_TAIL: Final = 8 * 1024
#: What daemons want where nobody logs in (`{}` in base64): old ones refuse a push without it.
_NO_LOGIN: Final = {"X-Registry-Auth": "e30="}
_OTHER_SOCKET: Final = "?socket=PATH or DOCKER_HOST=unix://PATH names another socket"
_HINTS: Final = {
    errno.ENOENT: f"is the daemon running? {_OTHER_SOCKET}; that of rootless Podman is"
    " $XDG_RUNTIME_DIR/podman/podman.sock",
    errno.ECONNREFUSED: f"the daemon has gone: start it again; {_OTHER_SOCKET}",
    errno.EACCES: "only root and the socket's group may use it: join the group, become root, or"
    f" have a rootless daemon; {_OTHER_SOCKET}",
}


@final
@dataclass(frozen=True, slots=True)
class DaemonImage:
    """An image that a daemon has.

    `identifier` is the digest of its config; with containerd's image store (`by_manifest`) that of
    its manifest or index. `size` is about the size of its layers.
    """

    identifier: Digest
    by_manifest: bool
    diff_ids: tuple[Digest, ...]
    size: int


@final
class Daemon:
    """A container daemon behind a unix socket.

    A `session` is a `requests.Session` that can speak `http+unix://`; without one it is made when
    it is needed. All methods may be called by several threads.

    Raises, whatever is asked of it:
        DaemonError: it can't be reached, refuses, or gives up.
    """

    def __init__(
        self,
        socket_path: str | os.PathLike[str],
        *,
        session: Any = None,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self.socket_path = str(socket_path)
        self._base = f"http+unix://{quote(self.socket_path, safe='')}"
        self._session: Any = session
        self._own_session = session is None
        self._lock = threading.Lock()
        self._patience = patience

    def close(self) -> None:
        """Close the session, if it was made here; may be called twice."""
        if self._own_session and self._session is not None:
            self._session.close()
            self._session = None

    def find(self, name: str) -> DaemonImage | None:
        """Look an image up by its name; None when there is none."""
        try:
            with self._asked("GET", f"{_path(name)}/json", patience=self._patience) as answer:
                document = json.loads(answer.content)
        except DaemonError as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        except ValueError as error:
            raise self._senseless(f"when asked for {name}") from error
        try:
            return _read_image(document)
        except (AttributeError, KeyError, TypeError, InvalidInput) as error:
            raise self._senseless(f"when asked for {name}") from error

    def save(self, name: str, task: Task, temp_dir: str | None = None) -> SharedFile:
        """Store the archive of an image in a file without a name; the task counts its bytes.

        Raises:
            ImageOutputError: the file can't be written.
        """
        file = temporary_file(temp_dir)
        try:
            with self._asked("GET", f"{_path(name)}/get") as answer:
                size = 0
                for chunk in answer.iter_content(CHUNK):
                    file.write_at(size, chunk)
                    size += len(chunk)
                    task.advance(len(chunk))
            self._check_tail(file, size)
        except BaseException:
            file.close()
            raise
        return file

    def load(self, archive: Iterable[bytes]) -> list[str]:
        """Send an archive of `docker save`, and return the names that its images have now.

        What the iterable raises passes through, and the daemon drops what it has.
        """
        headers = {"Content-Type": "application/x-tar"}
        loaded: list[str] = []
        with self._asked("POST", "/images/load", headers=headers, data=iter(archive)) as answer:
            for line in self._lines(answer):
                loaded += loaded_names(line)
        if not loaded:
            raise self._gave_up("it doesn't say that the image is loaded")
        return loaded

    def tag(self, name: str, repository: str, tag: str) -> None:
        """Give an image one more name."""
        parameters = {"repo": repository, "tag": tag}
        with self._asked(
            "POST", f"{_path(name)}/tag", parameters=parameters, patience=self._patience
        ):
            pass

    def push(self, repository: str, tag: str) -> None:
        """Push an image to the registry that its name begins with, and return when it is done.

        Podman is told that it needs no TLS there; Docker knows by itself, of the loopback.
        """
        parameters = {"tag": tag, "tlsVerify": "false"}
        with self._asked(
            "POST", f"{_path(repository)}/push", parameters=parameters, headers=_NO_LOGIN
        ) as answer:
            for _ in self._lines(answer):
                pass

    def untag(self, name: str) -> None:
        """Take a name from an image, if it has that."""
        parameters = {"noprune": "true"}
        try:
            with self._asked("DELETE", _path(name), parameters=parameters, patience=self._patience):
                pass
        except DaemonError as error:
            if error.status != _NOT_FOUND:
                raise

    @contextlib.contextmanager
    def _asked(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        data: Iterable[bytes] | None = None,
        patience: float | None = None,
    ) -> Iterator[Any]:
        """Ask, and give the answer if it begins well; it is closed in the end."""
        session = self._connected()
        from requests import RequestException  # noqa: PLC0415 - loaded already, but not at start-up

        try:
            with session.request(
                method,
                self._base + path,
                params=parameters,
                headers={"Accept-Encoding": "identity", **(headers or {})},
                data=data,
                timeout=patience,
                stream=True,
            ) as answer:
                if not answer.ok:
                    raise self._refused(f"{method} {path}", answer)
                yield answer
        except RequestException as error:
            raise DaemonError(
                f"the daemon at {self.socket_path} broke off ({method} {path}): {_shown(error)}"
            ) from error

    def _connected(self) -> Any:
        """Return the session, if there is somebody to talk to; one of our own is made once."""
        if not self._own_session:
            return self._session
        # Each time: what can't connect a socket any more forgets to close it.
        _probe(self.socket_path)
        with self._lock:
            if self._session is None:
                import requests_unixsocket  # noqa: PLC0415 - a tenth of a second, for few runs

                self._session = requests_unixsocket.Session()
                self._session.trust_env = False  # neither proxies nor .netrc are for a socket
            return self._session

    def _refused(self, what: str, answer: Any) -> DaemonError:
        said = answer.text
        with contextlib.suppress(ValueError, AttributeError):
            document = answer.json()
            said = document.get("message") or document.get("cause") or said
        return DaemonError(
            f"the daemon at {self.socket_path} refuses {what}: {answer.status_code}"
            f" {_shown(said)}".rstrip(),
            int(answer.status_code),
        )

    def _gave_up(self, said: str) -> DaemonError:
        return DaemonError(f"the daemon at {self.socket_path} gave up: {_shown(said)}", 200)

    def _senseless(self, when: str) -> DaemonError:
        return DaemonError(f"the daemon at {self.socket_path} answers nonsense {when}", 200)

    def _lines(self, answer: Any) -> Iterator[dict[str, Any]]:
        """Go over the objects that an answer consists of, until one is an error."""
        try:
            for line in objects(answer.iter_content(None)):
                said = error_in(line)
                if said is not None:
                    raise self._gave_up(said)
                yield line
        except ValueError as error:
            raise self._senseless("while it works") from error

    def _check_tail(self, file: SharedFile, size: int) -> None:
        """Look for the error that Docker writes behind an archive which it can't finish."""
        said = error_at_the_end(file.read_at(max(size - _TAIL, 0), _TAIL))
        if said is not None:
            raise self._gave_up(said)


def _read_image(document: dict[str, Any]) -> DaemonImage:
    identifier = document["Id"]
    if ":" not in identifier:  # as Podman writes it elsewhere
        identifier = f"sha256:{identifier}"
    layers = (document.get("RootFS") or {}).get("Layers") or []
    return DaemonImage(
        Digest.parse(identifier),
        "Descriptor" in document,
        tuple(Digest.parse(layer) for layer in layers),
        int(document.get("Size", 0)),
    )


def _path(name: str) -> str:
    return f"/images/{quote(name, safe='/:@')}"


def _shown(said: object) -> str:
    return " ".join(str(said).split())[:_LONGEST_TEXT]


def _probe(path: str) -> None:
    """See whether somebody listens at a socket: what requests says of that is hard to read.

    Raises:
        DaemonError: nobody does, or not for this user.
    """
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
    except (OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else None
        said = getattr(error, "strerror", None) or str(error)
        hint = f" ({_HINTS[number]})" if number in _HINTS else ""
        raise DaemonError(f"can't reach a container daemon at {path}: {said}{hint}") from error
