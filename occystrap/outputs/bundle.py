"""Runtime bundles: an image ready for `runc run`.

Rule: the bundle appears when it is whole, at a place where nothing was; only its owner can enter
it, since set-ID programs of the image work on the machine as well.
Spec: https://github.com/opencontainers/runtime-spec/blob/v1.0.2/bundle.md
"""

from __future__ import annotations

import json
import os
from functools import partial
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import ImageOutputError
from occystrap.image.checks import CheckResults, Severity
from occystrap.image.directories import make_root
from occystrap.image.merging import LayerMerger
from occystrap.image.staged import StagedDirectory
from occystrap.image.tree import Tree
from occystrap.image.whiteouts import PlainMarks
from occystrap.outputs.document_checks import check_documents
from occystrap.outputs.runtime_config import BundleOptions, user_of, write_runtime_config
from occystrap.outputs.runtime_user import resolve_user
from occystrap.outputs.unpacked_layers import UnpackedLayers, UnpackingOptions

if TYPE_CHECKING:
    from occystrap.image.element import ImageElement
    from occystrap.image.progress import Progress
    from occystrap.outputs.base import Moved
    from occystrap.outputs.runtime_user import ReadFile

__all__ = ["CONFIG", "IMAGE_CONFIG", "ROOT", "BundleWriter", "refuse_used", "runtime_documents"]

ROOT: Final = "rootfs"
CONFIG: Final = "config.json"
IMAGE_CONFIG: Final = "container-config.json"
#: The largest passwd and group that are read.
_READ_LIMIT: Final = 4 * 1024 * 1024


def refuse_used(staged: StagedDirectory) -> None:
    """Make sure that nothing is in the way.

    Raises:
        ImageOutputError: the directory has something in it.
    """
    if not staged.is_empty():
        raise ImageOutputError(f"can't write {staged.path}: the directory isn't empty")


def runtime_documents(image: bytes, read: ReadFile, options: BundleOptions) -> dict[str, bytes]:
    """Write the documents of a bundle for an image configuration.

    Raises:
        OccystrapError: the image names a user that it doesn't have, or isn't well-formed.
    """
    user = resolve_user(user_of(image), read)
    document = write_runtime_config(image, user, options)
    return {IMAGE_CONFIG: image, CONFIG: json.dumps(document, indent=4).encode() + b"\n"}


@final
class BundleWriter:
    """Writes one image as a runtime bundle."""

    requires_ordered_layers = False

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        bundle: BundleOptions,
        unpacking: UnpackingOptions,
        progress: Progress | None = None,
    ) -> None:
        """Begin the bundle.

        Raises:
            ImageOutputError: it can't be written there, or there is something already.
        """
        self.path = os.fspath(path)
        self._options = bundle
        self._privileged = unpacking.privileged
        self._staged = StagedDirectory(path, private=True)
        try:
            refuse_used(self._staged)
            self._layers = UnpackedLayers(self._staged, PlainMarks(), unpacking, progress)
        except BaseException:
            self._staged.discard()
            raise
        self._documents: dict[str, bytes] = {}

    @property
    def moved(self) -> Moved:
        """What has been written so far."""
        return self._layers.moved

    def fetch_callback(self, digest: str) -> bool:  # noqa: ARG002 - the shape of the callback
        """Want every layer."""
        return True

    def process_image_element(self, element: ImageElement) -> None:
        """Take the config, and have a layer extracted as soon as a worker is free."""
        self._layers.take(element, once=False)

    def finalize(self) -> None:
        """Wait for all layers, merge them, and let the bundle appear.

        Raises:
            OccystrapError: something isn't what the image says, or can't be written.
        """
        layers = self._layers.wait()
        root = self._staged.root / ROOT
        with self._staged.failing():
            make_root(root)
        merger = LayerMerger(str(root), privileged=self._privileged)
        try:
            for layer in layers.values():
                merger.merge(layer)
        finally:
            merger.close()
        with Tree(root) as tree, self._staged.failing():
            read = partial(tree.read, limit=_READ_LIMIT)
            image = self._layers.saved.config
            self._documents = runtime_documents(image, read, self._options)
        self._staged.write(self._documents)
        self._layers.remove()
        names = (ROOT, *self._documents)
        self._staged.publish(names, partial(refuse_used, self._staged))

    def verify(self, *, full: bool = False) -> CheckResults:  # noqa: ARG002 - layers are gone
        """Look whether the bundle is there; the layers were checked when they were extracted."""
        results = CheckResults()
        check_documents(self.path, self._documents, results)
        if not os.path.isdir(os.path.join(self.path, ROOT)):  # noqa: PTH112, PTH118
            results.add(Severity.ERROR, "verify.layer", f"{self.path} has no {ROOT}")
        self._layers.report(results)
        if not results.errors:
            results.add(Severity.INFO, "verify.ok", f"{self.path} is a bundle of the image")
        return results

    def close(self) -> None:
        """Stop what is under way, and remove the bundle unless it is finished."""
        self._layers.close()
        self._staged.discard()
