"""`inspect`: note what an image consists of at this place of the pipeline, and pass it on.

Rule: a line of the file is an image, written as a whole when the image has arrived; what other
processes write into the same file stands before or behind it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast, final

from occystrap.errors import ImageOutputError, InvalidManifest
from occystrap.filters.base import LayerFilter
from occystrap.image.layer import tar_size
from occystrap.oci.documents import list_field, load_object
from occystrap.oci.reference import join_name

if TYPE_CHECKING:
    from occystrap.filters.base import Means
    from occystrap.image.element import ImageElement
    from occystrap.image.layer import Layer
    from occystrap.outputs.base import ImageOutput

__all__ = ["InspectFilter"]

_WHAT: Final = "the image configuration"


@final
class InspectFilter(LayerFilter[int]):
    """Appends a line of JSON to a file: the name of the image and its layers, newest first.

    Each has the fields that `docker history` has: `Id` (its digest), `Size` (in bytes, of the tar),
    `Created` (seconds from 1970), `CreatedBy`, `Comment`, and `Tags`, which only the newest has.
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
    ) -> None:
        super().__init__(wrapped, means)
        self.output_file = os.fspath(output_file)
        self.image = image
        self.tag = tag
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
        document = {"name": name, "layers": described[::-1]}
        self._line = json.dumps(document, sort_keys=True).encode() + b"\n"
        self.pass_all_on(config, layers)

    def finalize(self) -> None:
        """Let the image appear, and write the line.

        Raises:
            ImageOutputError: the file can't be written; then the image doesn't appear.
        """
        with self._appending() as descriptor:
            super().finalize()
            os.write(descriptor, self._line)

    @contextlib.contextmanager
    def _appending(self) -> Iterator[int]:
        """Open the file beforehand; one that is new goes again if there is nothing to write."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            is_new = not os.path.lexists(self.output_file)
            descriptor = os.open(self.output_file, flags, 0o666)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise ImageOutputError(f"can't write {self.output_file}: {why}") from error
        try:
            yield descriptor
        except BaseException:
            if is_new and not os.fstat(descriptor).st_size:
                with contextlib.suppress(OSError):
                    os.unlink(self.output_file)  # noqa: PTH108 - it may be any string
            raise
        finally:
            os.close(descriptor)


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
