"""`inspect`: note what an image consists of at this place of the pipeline, and pass it on.

Rule: a line of the file is an image, written as a whole when the image has arrived; what other
processes write into the same file stands before or behind it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast, final

from occystrap.errors import ImageOutputError, InvalidManifest
from occystrap.filters.base import LayerFilter, at_once
from occystrap.image.layer import tar_size
from occystrap.oci.documents import list_field, load_object
from occystrap.oci.reference import join_name

if TYPE_CHECKING:
    from occystrap.filters.base import Means
    from occystrap.image.element import ImageElement
    from occystrap.image.layer import Layer
    from occystrap.outputs.base import ImageOutput

__all__ = ["InspectFilter"]

_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
_WHAT: Final = "the image configuration"


@final
class InspectFilter(LayerFilter[int]):
    """Appends a line of JSON to a file: the name of the image and its layers, newest first.

    Each has the fields that `docker history` has: `Id` (its digest), `Size` (in bytes, of the tar),
    `Created` (seconds from 1970), `CreatedBy`, `Comment`, and `Tags`, which only the newest has.
    `platform` says which of several images it is; `later` is given what writes the line.
    """

    activity = "measuring"

    def __init__(
        self,
        wrapped: ImageOutput | None,
        output_file: str | os.PathLike[str],
        image: str,
        tag: str,
        *,
        means: Means | None = None,
        platform: str = "",
        later: Callable[[Callable[[], None]], None] = at_once,
    ) -> None:
        super().__init__(wrapped, means)
        self.output_file = os.fspath(output_file)
        self.image = image
        self.tag = tag
        self._platform = platform
        self._later = later
        self._line = b""

    def look(self, element: ImageElement, layer: Layer) -> int:
        """Measure a layer, if its size isn't known."""
        size = tar_size(layer)
        return sum(map(len, self.read(element.name, layer))) if size is None else size

    def conclude(self, config: ImageElement | None, layers: list[ImageElement]) -> None:
        """Prepare the line, and pass everything on."""
        history = _history(b"{}" if config is None else config.read_config(), len(layers))
        name = join_name(self.image, self.tag)
        described = [
            {
                "Id": _identifier(element),
                "Size": self.found(element),
                "Created": _seconds(entry.get("created")),
                "CreatedBy": str(entry.get("created_by") or ""),
                "Comment": str(entry.get("comment") or ""),
                "Tags": [name] if number == len(layers) else None,
            }
            for number, (element, entry) in enumerate(zip(layers, history, strict=True), start=1)
        ]
        document: dict[str, object] = {"name": name, "layers": described[::-1]}
        if self._platform:
            document["platform"] = self._platform
        self._line = json.dumps(document, sort_keys=True).encode() + b"\n"
        self.pass_all_on(config, layers)

    def finalize(self) -> None:
        """Let the image appear, and write the line.

        Raises:
            ImageOutputError: the file can't be written; if that can be seen beforehand, the image
                doesn't appear.
        """
        with self._failing():
            self._look_ahead()
        super().finalize()
        self._later(self._append)

    def _append(self) -> None:
        with self._failing():
            descriptor = os.open(self.output_file, _APPEND | os.O_CREAT, 0o666)
            try:
                os.write(descriptor, self._line)
            finally:
                os.close(descriptor)

    def _look_ahead(self) -> None:
        """See whether the file could be written; a new one isn't begun before there is a line."""
        try:
            os.close(os.open(self.output_file, _APPEND))
        except FileNotFoundError:
            directory = os.path.dirname(self.output_file) or "."  # noqa: PTH120 - any string
            if not os.access(directory, os.W_OK | os.X_OK):
                code = errno.EACCES if os.path.isdir(directory) else errno.ENOENT  # noqa: PTH112
                raise OSError(code, os.strerror(code)) from None

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"can't write {self.output_file}: {error.strerror}"
            raise ImageOutputError(message) from error
        except ValueError as error:  # a NUL in the path
            raise ImageOutputError(f"can't write {self.output_file!r}: {error}") from error


def _history(config: bytes, count: int) -> list[dict[str, Any]]:
    """Find what the history says of each layer; nothing, where it doesn't say it of all."""
    nothing: list[dict[str, Any]] = [{}] * count
    try:
        entries = list_field(load_object(config, _WHAT), "history", _WHAT)
    except InvalidManifest:
        return nothing
    told = [each for each in entries if isinstance(each, dict) and not each.get("empty_layer")]
    told = cast("list[dict[str, Any]]", told)
    return told if len(told) == count else nothing


def _identifier(element: ImageElement) -> str:
    layer = element.open_layer()
    diff_id = None if layer is None else layer.diff_id
    return f"sha256:{element.name}" if diff_id is None else str(diff_id)


def _seconds(created: object) -> int:
    """Read a time of RFC 3339; 0 is none."""
    try:
        return int(datetime.fromisoformat(str(created)).timestamp())
    except ValueError:
        return 0
