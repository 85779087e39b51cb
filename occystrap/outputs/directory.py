"""Writing images into a directory that many of them may share, each layer once.

Rule: a layer is in the directory when its file is whole, and one that is there is believed only
when it hashes to its name. The list of images is written last, and keeps what others have added.

    CONFIGHEX.json  LAYERHEX/layer.tar  manifest.json or manifest-IMAGE-TAG.json  catalog.json
    and with `expand` a directory manifest or manifest-IMAGE-TAG: all layers, one over the other
"""

from __future__ import annotations

import json
import os
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from occystrap.client.download import once_more
from occystrap.errors import ImageOutputError, InvalidInput, OccystrapError
from occystrap.image.checks import CheckResults, Severity
from occystrap.image.docker_save import MANIFEST
from occystrap.image.element import CONFIG_FILE
from occystrap.image.file_directory import FileDirectory, PathSource
from occystrap.image.progress import NoProgress
from occystrap.image.staged import StagedDirectory
from occystrap.image.workers import Workers
from occystrap.oci.digest import Digest, Digester, verified
from occystrap.oci.documents import load_object
from occystrap.outputs.base import Moved
from occystrap.outputs.document_checks import check_documents
from occystrap.outputs.flattening import flatten
from occystrap.outputs.layer_progress import open_tar
from occystrap.outputs.saved_image import SavedImage, member_of
from occystrap.outputs.tarfile import repository_tags
from occystrap.outputs.unpacked_layers import report_left_out

if TYPE_CHECKING:
    from occystrap.image.element import ImageElement
    from occystrap.image.layer import Layer
    from occystrap.image.progress import Progress
    from occystrap.outputs.unpacked_layers import UnpackingOptions

__all__ = ["CATALOG", "DirWriter", "manifest_name"]

CATALOG: Final = "catalog.json"


def manifest_name(image: str, tag: str, *, unique: bool) -> str:
    """Name the manifest of an image; one that is `unique` leaves those of other images alone."""
    if not unique:
        return MANIFEST
    return f"manifest-{image.replace('/', '_')}-{tag.replace('/', '_')}.json"


def _pretty(document: object) -> bytes:
    return json.dumps(document, indent=4, sort_keys=True).encode() + b"\n"


@final
class DirWriter:
    """Writes one image into a directory; with `expand` its files as well as its layers."""

    requires_ordered_layers = False

    def __init__(
        self,
        image: str,
        tag: str,
        path: str | os.PathLike[str],
        *,
        unpacking: UnpackingOptions,
        unique_names: bool = False,
        expand: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Begin the directory, or adding to one.

        Raises:
            ImageOutputError: it can't be written, or the files of an image are there already.
        """
        self.path = os.fspath(path)
        self.moved = Moved()
        self._image, self._tag = image, tag
        self._manifest = manifest_name(image, tag, unique=unique_names)
        self._unique = unique_names
        self._unpacking = unpacking
        self._progress = progress or NoProgress()
        self._staged = StagedDirectory(path)
        self._expanded = Path(self._manifest).stem if expand else ""
        if expand and self._staged.in_place(self._expanded).exists():
            self._staged.discard()
            place = Path(self.path, self._expanded)
            raise ImageOutputError(f"{place} is there already; remove it first")
        self._workers = Workers(unpacking.max_workers)
        self._saved = SavedImage()
        self._sizes: dict[str, int] = {}
        self._documents: dict[str, bytes] = {}
        self._left_out: Counter[str] = Counter()

    def fetch_callback(self, digest: str) -> bool:  # noqa: ARG002 - the shape of the callback
        """Want every layer: whether it has to move is seen when its name is known."""
        return True

    def process_image_element(self, element: ImageElement) -> None:
        """Take the config, and have a layer stored as soon as a worker is free."""
        if element.element_type == CONFIG_FILE:
            self._saved.take_config(element)
            return
        number, layer = self._saved.place(element)
        if self._saved.is_repeated(number, layer):
            self.moved.count(layers=1, skipped=1)
        else:
            self._workers.submit(partial(self._store, number, layer))

    def finalize(self) -> None:
        """Wait for all layers, and let the image appear.

        Raises:
            OccystrapError: something isn't what the image says, or can't be written.
        """
        self._workers.wait()
        saved = self._saved
        saved.check()
        entry = json.loads(saved.manifest(repository_tags(self._image, self._tag)))
        if self._unique:
            entry[0]["ImageName"] = self._image
        self._documents = {saved.config_name: saved.config, self._manifest: _pretty(entry)}
        self._staged.write(self._documents | {CATALOG: self._catalog(None)})
        names = [name for name in self._sizes if (self._staged.root / name).exists()]
        if self._expanded:
            sources = [self._source(member_of(each)) for each in saved.in_order()]
            self._left_out = flatten(
                sources, self._staged, self._expanded, self._unpacking, self._workers.guard
            )
            names.append(self._expanded)
        self._staged.publish([*names, *self._documents, CATALOG], self._merge)

    def verify(self, *, full: bool = False) -> CheckResults:
        """Look whether the directory holds the image; `full` hashes every layer again."""
        results = CheckResults()
        check_documents(self.path, self._documents, results)
        for digest in dict.fromkeys(self._saved.in_order()):
            name = member_of(digest)
            with results.noting("verify.layer"):
                source = FileDirectory(self.path).source(name)
                for _ in verified(source.open(), digest, self._sizes[name]) if full else ():
                    pass
                if source.size != self._sizes[name]:
                    raise ImageOutputError(f"{source.path} has another size")
        if self._expanded and not Path(self.path, self._expanded).is_dir():
            results.add(Severity.ERROR, "verify.layer", f"{self.path} has no {self._expanded}")
        report_left_out(self._left_out, results)
        if not results.errors:
            message = f"{self.path} holds the image, of {len(self._sizes)} different layers"
            results.add(Severity.INFO, "verify.ok", message)
        return results

    def close(self) -> None:
        """Stop what is under way, and remove what isn't finished."""
        self._workers.stop()
        self._staged.discard()

    def _store(self, number: int, layer: Layer) -> None:
        if layer.diff_id is not None and (size := self._is_there(layer.diff_id)) is not None:
            self._note(number, layer.diff_id, size, moved=False)
            return
        digest, size = once_more(partial(self._write, number, layer))
        self._note(number, digest, size, moved=True)

    def _note(self, number: int, digest: Digest, size: int, *, moved: bool) -> None:
        self._sizes[member_of(digest)] = size
        self._saved.diff_ids[number] = digest
        self.moved.count(layers=1, size=size if moved else 0, skipped=int(not moved))

    def _is_there(self, digest: Digest) -> int | None:
        """Tell the size of a layer that the directory has, and believe nothing but its bytes."""
        if not self._staged.exists:
            return None
        try:
            source = FileDirectory(self._staged.path).source(member_of(digest))
            for _ in verified(self._workers.guard(source.open()), digest):
                pass
        except OccystrapError:
            return None
        return source.size

    def _write(self, number: int, layer: Layer) -> tuple[Digest, int]:
        """Write the tar of a layer from its start; return its digest and size."""
        digester = Digester()
        with self._staged.failing():
            path = self._staged.root / f"layer-{number}"
            with path.open("wb") as file:
                tar = open_tar(layer, number, self._progress)
                for chunk in self._workers.guard(tar):
                    if layer.diff_id is None:  # an open tar with one checks itself
                        digester.update(chunk)
                    file.write(chunk)
                size = file.tell()
            digest = layer.diff_id or digester.digest
            target = self._staged.root / member_of(digest)
            target.parent.mkdir(exist_ok=True)
            path.replace(target)
        return digest, size

    def _source(self, name: str) -> PathSource:
        """Find a layer where it is: among what is new, or what was there."""
        new = self._staged.root / name
        return PathSource(new if new.exists() else self._staged.in_place(name), self._sizes[name])

    def _catalog(self, raw: bytes | None) -> bytes:
        """List the image beside those that are there."""
        document = {} if raw is None else load_object(raw, CATALOG)
        tags = document.get(self._image)
        document[self._image] = tags if isinstance(tags, dict) else {}
        document[self._image][self._tag] = self._manifest
        return _pretty(document)

    def _merge(self) -> None:
        """Keep what the list has by now."""
        there = self._staged.in_place(CATALOG)
        if self._expanded and self._staged.in_place(self._expanded).exists():
            raise ImageOutputError(f"{self.path} has got a directory {self._expanded}")
        try:
            catalog = self._catalog(there.read_bytes() if there.exists() else None)
        except InvalidInput as error:
            raise ImageOutputError(f"can't add to {self.path}: {error}") from error
        self._staged.write({CATALOG: catalog})
