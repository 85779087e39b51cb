"""Loading an image into a container daemon, as `docker load` and `podman load` do.

Rule: the daemon gets the archive while it is made, and the list of its layers last: it shows
nothing, unless all of it came and every layer is the one that the config names. Layers go as they
are stored, if every daemon can read that.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final, final

from occystrap.daemon import Daemon
from occystrap.errors import DaemonError, ImageOutputError
from occystrap.image.docker_save import MANIFEST
from occystrap.image.element import CONFIG_FILE
from occystrap.image.pipe import Pipe
from occystrap.image.progress import NoProgress
from occystrap.image.workers import Workers
from occystrap.oci.reference import Reference, join_name
from occystrap.outputs.archive_stream import ArchiveStream
from occystrap.outputs.base import Moved
from occystrap.outputs.docker_checks import check_daemon
from occystrap.outputs.layer_sending import LayerSender
from occystrap.outputs.saved_image import SavedImage
from occystrap.uri import DEFAULT_SOCKET, daemon_socket, parse_docker_uri

if TYPE_CHECKING:
    import os

    from occystrap.image.checks import CheckResults
    from occystrap.image.element import ImageElement
    from occystrap.image.layer import Layer
    from occystrap.image.progress import Progress
    from occystrap.options import Options
    from occystrap.uri import URISpec

__all__ = ["DockerWriter"]

_POLL: Final = 0.2
_LAST_WORDS_SECONDS: Final = 5.0


@final
class DockerWriter:
    """An image on its way into a daemon, under the name that is asked for.

    A `session` is a `requests.Session` that can speak `http+unix://`.
    """

    requires_ordered_layers = False

    def __init__(
        self,
        image: str,
        tag: str = "latest",
        socket_path: str | os.PathLike[str] = DEFAULT_SOCKET,
        *,
        session: Any = None,
        max_workers: int = 4,
        temp_dir: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Begin; the daemon isn't asked before there is something for it.

        Raises:
            ImageOutputError: the name has a digest, which only a registry could give.
        """
        self.image = image
        self.tag = tag
        self.name = join_name(image, tag)
        if Reference.parse(self.name).digest is not None:
            raise ImageOutputError(
                f"a daemon takes an image by a tag, not by a digest: {self.name}"
            )
        self.moved = Moved()
        self._daemon = Daemon(socket_path, session=session)
        self._temp_dir = temp_dir
        self._workers = Workers(max_workers)
        self._saved = SavedImage()
        self._pipe = Pipe()
        self._archive = ArchiveStream(self._pipe)
        self._layers = LayerSender(
            self._archive, self._workers, self.moved, progress or NoProgress(), temp_dir
        )
        self._sender: threading.Thread | None = None
        self._names: list[str] = []

    @classmethod
    def from_uri(cls, spec: URISpec, options: Options, progress: Progress) -> DockerWriter:
        """Make it from a URI and the options of a run.

        Raises:
            ImageOutputError: the URI names a digest.
            URIParseError: the image or the socket isn't named as it should be.
        """
        image, tag, _ = parse_docker_uri(spec)
        return cls(
            image,
            tag,
            daemon_socket(spec, options.environ),
            max_workers=options.max_workers,
            temp_dir=options.temp_dir,
            progress=progress,
        )

    def fetch_callback(self, digest: str) -> bool:  # noqa: ARG002 - the shape of the callback
        """Want every layer."""
        return True

    def process_image_element(self, element: ImageElement) -> None:
        """Take the config, and have a layer sent as soon as a worker is free.

        Raises:
            DaemonError: the daemon can't be reached, or refuses.
            DigestMismatch: the config isn't what its name says.
            ImageOutputError: a layer has no content.
        """
        if self._sender is None:
            self._sender = threading.Thread(target=self._send, name="docker load", daemon=True)
            self._sender.start()
        if element.element_type == CONFIG_FILE:
            self._saved.take_config(element)
            return
        number, layer = self._saved.place(element)
        if self._saved.is_repeated(number, layer):
            self.moved.count(layers=1, skipped=1)
        else:
            self._workers.submit(partial(self._move, number, layer))

    def finalize(self) -> None:
        """Wait for all layers, and for the daemon to have loaded them.

        Raises:
            DaemonError: it hasn't.
            DigestMismatch: a layer isn't the one that the config names.
            ImageOutputError: no config came, or another number of layers than it names.
        """
        self._workers.wait()
        self._saved.check()
        self._archive.add(self._saved.config_name, self._saved.config)
        self._archive.add(MANIFEST, self._saved.manifest([self.name]))
        self._archive.finish()
        while self._sender is not None and self._sender.is_alive():
            self._sender.join(_POLL)  # a bounded wait lets Ctrl-C through
        self._pipe.check()

    def verify(self, *, full: bool = False) -> CheckResults:
        """Ask the daemon for the image; `full` has it saved, and hashes every layer."""
        # Podman has its own ideas of what a short name stands for.
        name = next((name for name in self._names if not name.startswith("sha256:")), self.name)
        return check_daemon(self._daemon, name, self._saved, self._temp_dir, full=full)

    def close(self) -> None:
        """Stop what is under way; the daemon drops what isn't whole."""
        self._workers.stop()
        self._pipe.break_off()
        if self._sender is not None:
            self._sender.join(_LAST_WORDS_SECONDS)
        self._daemon.close()

    def _send(self) -> None:
        """Send the archive; what goes wrong is told to those that write it."""
        try:
            self._names = self._daemon.load(self._pipe.read())
        except BaseException as error:  # noqa: BLE001 - handed to the threads that write
            self._pipe.break_off(error)
        else:
            if not self._pipe.is_drained:
                self._pipe.break_off(DaemonError("the daemon didn't wait for all of the image"))

    def _move(self, number: int, layer: Layer) -> None:
        self._saved.diff_ids[number] = self._layers.send(number, layer)
