"""Images of a container daemon, pushed by it into a registry that is here for that moment.

Rule: the daemon pushes when the image is asked for, to a port of the loopback, and blobs go into
files without a name. The tag that it takes is removed however that ends. What the destination has
already the daemon needn't send; it sends the config in any case.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

from occystrap.daemon import Daemon
from occystrap.errors import DaemonError, ImageInputError, InvalidInput
from occystrap.image.archived import ArchivedImage, read_config
from occystrap.image.layer import StoredLayer
from occystrap.image.progress import NoProgress
from occystrap.image.sources import VerifiedSource
from occystrap.inputs.base import always_fetch
from occystrap.inputs.docker import not_found
from occystrap.oci.manifest import Manifest
from occystrap.oci.platform import Platform, choose
from occystrap.oci.reference import Reference, join_name
from occystrap.server.doors.listener import serve
from occystrap.server.reception import Reception
from occystrap.server.temporary_store import TemporaryStore
from occystrap.uri import DEFAULT_SOCKET, daemon_socket, parse_docker_uri

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from occystrap.daemon import DaemonImage
    from occystrap.image.element import ImageElement
    from occystrap.image.layer import Source
    from occystrap.image.progress import Progress
    from occystrap.oci.descriptor import Descriptor
    from occystrap.oci.digest import Digest
    from occystrap.options import Options
    from occystrap.server.reception import Held
    from occystrap.server.store import Blob
    from occystrap.uri import URISpec

__all__ = ["Image", "Patience"]

_LOG: Final = logging.getLogger(__name__)
_LOOPBACK: Final = ("127.0.0.1", 0)
_TAG: Final = "pushed"
_POLL: Final = 0.05
_DEEPEST: Final = 4
_UNREACHED: Final = (
    "the daemon doesn't reach {host}, where this process listens: its network is another one (that"
    " of a virtual machine, a container or a rootless daemon). Take docker:// instead of"
    " dockerpush://"
)
_UNASKED: Final = (
    "the daemon insists on TLS with {host}: name 127.0.0.1 among the insecure registries of its"
    " settings, or take docker:// instead of dockerpush://"
)


@final
@dataclass(frozen=True, slots=True)
class Patience:
    """So many seconds may pass before anybody comes, and so many without anything after that."""

    arrival: float = 60.0
    quiet: float = 600.0
    clock: Callable[[], float] = time.monotonic

    def ends(self, reception: Reception) -> bool:
        """Whether it has lasted too long."""
        most = self.quiet if reception.is_reached else self.arrival
        return reception.quiet_seconds > most


@final
class Image:
    """An image that a daemon has; of an index, the one for the platform.

    `tag` may be a digest, or `tag@digest`. A `session` is a `requests.Session` that can speak
    `http+unix://`. `temp_dir` is where blobs wait. `held` may be set before the image is asked
    for: it tells the size of blobs that the daemon needn't push.
    """

    def __init__(  # noqa: PLR0913 - all but the first three by name
        self,
        image: str,
        tag: str = "latest",
        socket_path: str | os.PathLike[str] = DEFAULT_SOCKET,
        *,
        session: Any = None,
        platform: Platform | None = None,
        temp_dir: str | None = None,
        progress: Progress | None = None,
        patience: Patience | None = None,
        new_name: Callable[[], str] = secrets.token_hex,
    ) -> None:
        self.image = image
        self.tag = tag
        self.held: Held | None = None
        self._name = join_name(image, tag)
        self._repository = f"{new_name()}/{Reference.parse(self._name).repository}"
        self._daemon = Daemon(socket_path, session=session)
        self._platform = platform or Platform("linux", "amd64")
        self._temp_dir = temp_dir
        self._progress = progress or NoProgress()
        self._patience = patience or Patience()
        self._found: ArchivedImage | None = None

    @classmethod
    def from_uri(cls, spec: URISpec, options: Options, progress: Progress) -> Image:
        """Make it from a URI and the options of a run.

        Raises:
            URIParseError: the image or the socket isn't named as it should be.
        """
        image, tag, _ = parse_docker_uri(spec)
        return cls(
            image,
            tag,
            daemon_socket(spec, options.environ),
            platform=Platform(options.os, options.architecture, options.variant),
            temp_dir=options.temp_dir,
            progress=progress,
        )

    def fetch(
        self,
        fetch_callback: Callable[[str], bool] = always_fetch,
        *,
        ordered: bool = True,  # noqa: ARG002 - layers never come in another order
    ) -> Iterator[ImageElement]:
        """Yield the config, then the layers in their order; layers are named by their diff_id."""
        return self._pushed().elements(fetch_callback)

    def get_manifest(self) -> Manifest | None:
        """Return the manifest that the daemon has pushed."""
        return self._pushed().manifest

    def get_config(self) -> bytes:
        """Return the bytes of the image configuration."""
        return self._pushed().config.raw

    def close(self) -> None:
        """Give up the blobs, and the connection; may be called twice."""
        self._found = None
        self._daemon.close()

    def _pushed(self) -> ArchivedImage:
        if self._found is None:
            known = self._daemon.find(self._name)
            if known is None:
                raise not_found(self._daemon, self._name)
            store = TemporaryStore(self._temp_dir)
            task = self._progress.task(f"pushing {self._name}", None)
            reception = Reception(
                store,
                self._repository,
                held=self.held,
                wanted=_wanted(known),
                advance=task.advance,
                clock=self._patience.clock,
            )
            with serve(reception, _LOOPBACK, http2=False, greet=reception.greet) as listener:
                self._receive(reception, listener.host)
            task.finish()
            try:
                self._found = self._read(store, reception.held_blobs)
            except InvalidInput as error:
                raise ImageInputError(f"{self._name}: {error}") from error
        return self._found

    def _receive(self, reception: Reception, host: str) -> None:
        """Have the daemon push, under a name that it has only for that."""
        repository = f"{host}/{self._repository}"
        push = _Push(self._daemon, repository)
        with self._tagged(repository):
            push.start()
            while not push.done.wait(_POLL) and not self._patience.ends(reception):
                pass
        if push.done.is_set() and push.error is None:
            return
        quiet = f"nothing has come for {reception.quiet_seconds:.0f} seconds"
        cause = push.error or DaemonError(quiet)
        if not isinstance(cause, DaemonError) or reception.is_asked:
            raise cause
        hint = _UNASKED if reception.is_reached else _UNREACHED
        raise DaemonError(f"{hint.format(host=host)} ({cause})", cause.status) from push.error

    @contextmanager
    def _tagged(self, repository: str) -> Iterator[None]:
        try:
            self._daemon.tag(self._name, repository, _TAG)
            yield
        finally:
            try:
                self._daemon.untag(f"{repository}:{_TAG}")
            except DaemonError as error:
                _LOG.warning("the daemon still has the name %s:%s: %s", repository, _TAG, error)

    def _read(self, store: TemporaryStore, held: set[Digest]) -> ArchivedImage:
        manifest = self._manifest(store)
        what = f"what the daemon has pushed of {self._name}"
        blob = store.blob(self._repository, manifest.config.digest)
        if blob is None:
            raise ImageInputError(f"{what} has no config")
        raw = b"".join(blob.read(0, blob.size))
        config = read_config(raw, manifest.config.digest, len(manifest.layers), what)
        layers = []
        for descriptor, diff_id in zip(manifest.layers, config.diff_ids, strict=True):
            blob = store.blob(self._repository, descriptor.digest)
            if blob is None and not descriptor.foreign and descriptor.digest not in held:
                raise ImageInputError(f"{what} lacks the layer {descriptor.digest}")
            source: Source = _Elsewhere(descriptor) if blob is None else _BlobSource(blob)
            checked = VerifiedSource(source, descriptor.digest, "layer")
            layers.append(StoredLayer(descriptor, checked, diff_id))
        return ArchivedImage((), config, tuple(layers), manifest)

    def _manifest(self, store: TemporaryStore) -> Manifest:
        digest = store.tagged(self._repository, _TAG)
        for _ in range(_DEEPEST):
            found = None if digest is None else store.manifest(self._repository, digest)
            if found is None:
                break
            if isinstance(found, Manifest):
                return found
            digest = choose(found.manifests, self._platform).digest
        raise ImageInputError(f"the daemon says that it has pushed {self._name}, but it hasn't")


def _wanted(known: DaemonImage) -> list[Digest]:
    """List what has to come: the config, and layers as tars.

    Podman 4.3 asks for these, and calls them gzip when they are there. With containerd's image
    store some layers are stored as tars, and called so.
    """
    return [known.identifier, *(() if known.by_manifest else known.diff_ids)]


@final
class _Push:
    """A push under way, in a thread: Podman says nothing until it is over."""

    def __init__(self, daemon: Daemon, repository: str) -> None:
        self.done = threading.Event()
        self.error: BaseException | None = None
        self._daemon = daemon
        self._repository = repository

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name="docker push", daemon=True).start()

    def _run(self) -> None:
        try:
            self._daemon.push(self._repository, _TAG)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            self.error = error
        finally:
            self.done.set()


@final
@dataclass(frozen=True, slots=True)
class _BlobSource:
    """A blob that was pushed, as a source."""

    blob: Blob

    @property
    def size(self) -> int:
        return self.blob.size

    def open(self) -> Iterator[bytes]:
        return self.blob.read(0, self.blob.size)


@final
@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """A blob that wasn't pushed, since it is where it is going, or comes from nowhere."""

    descriptor: Descriptor

    @property
    def size(self) -> int:
        return self.descriptor.size

    def open(self) -> Iterator[bytes]:
        raise ImageInputError(
            f"the layer {self.descriptor.digest} isn't here: the destination had it when the daemon"
            " asked. Run it again"
        )
