"""Images of a container daemon, as `docker save` and `podman save` give them.

Rule: the daemon is asked when the image is; then its archive is put into a file without a name
once, and layers stay in there until somebody reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from occystrap.daemon import Daemon
from occystrap.errors import ImageInputError, InvalidInput
from occystrap.image.archive import Archive
from occystrap.image.docker_save import read_docker_save
from occystrap.image.oci_layout import INDEX, layout_digests, read_oci_layout
from occystrap.image.progress import NoProgress
from occystrap.inputs.base import always_fetch
from occystrap.oci.platform import Platform
from occystrap.oci.reference import join_name
from occystrap.uri import DEFAULT_SOCKET, daemon_socket, parse_docker_uri

if TYPE_CHECKING:
    import os as operating_system
    from collections.abc import Callable, Iterator

    from occystrap.daemon import DaemonImage
    from occystrap.image.archived import ArchivedImage
    from occystrap.image.element import ImageElement
    from occystrap.image.progress import Progress
    from occystrap.oci.manifest import Manifest
    from occystrap.options import Options
    from occystrap.uri import URISpec

__all__ = ["Image", "not_found"]


@final
class Image:
    """An image that a daemon has; of an index, the one for the platform.

    `tag` may be a digest, or `tag@digest`. A `session` is a `requests.Session` that can speak
    `http+unix://`. `temp_dir` is where the archive waits, as large as the image.
    """

    def __init__(
        self,
        image: str,
        tag: str = "latest",
        socket_path: str | operating_system.PathLike[str] = DEFAULT_SOCKET,
        *,
        session: Any = None,
        platform: Platform | None = None,
        temp_dir: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.image = image
        self.tag = tag
        self._name = join_name(image, tag)
        self._daemon = Daemon(socket_path, session=session)
        self._platform = platform or Platform("linux", "amd64")
        self._temp_dir = temp_dir
        self._progress = progress or NoProgress()
        self._archive: Archive | None = None
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
        return self._saved().elements(fetch_callback)

    def get_manifest(self) -> Manifest | None:
        """Return the manifest that containerd's image store has; other stores have none."""
        return self._saved().manifest

    def get_config(self) -> bytes:
        """Return the bytes of the image configuration."""
        return self._saved().config.raw

    def close(self) -> None:
        """Give up the file, and the connection; may be called twice."""
        if self._archive is not None:
            self._archive.close()
        self._daemon.close()

    def _saved(self) -> ArchivedImage:
        if self._found is None:
            known = self._daemon.find(self._name)
            if known is None:
                raise not_found(self._daemon, self._name)
            archive = self._archive = self._fetch_archive(known)
            try:
                self._found = self._read(archive, known)
            except InvalidInput as error:
                raise ImageInputError(f"{archive.path}: {error}") from error
        return self._found

    def _fetch_archive(self, known: DaemonImage) -> Archive:
        task = self._progress.task(f"saving {self._name}", known.size)
        file = self._daemon.save(self._name, task, self._temp_dir)
        try:
            archive = Archive(file, f"the archive of {self._name}")
        except BaseException:
            file.close()
            raise
        task.finish()
        return archive

    def _read(self, archive: Archive, known: DaemonImage) -> ArchivedImage:
        """Read the archive; a manifest is the image's own only where images are known by it."""
        is_own = known.by_manifest and INDEX in archive
        if is_own and known.identifier in layout_digests(archive):
            return read_oci_layout(archive, self._platform)
        return read_docker_save(archive)


def not_found(daemon: Daemon, name: str) -> ImageInputError:
    """Say that a daemon has no image of a name."""
    return ImageInputError(
        f"Image not found: {name} (the daemon at {daemon.socket_path} has none of this name: pull"
        " it there first, or take registry://)"
    )
