"""Images for overlayfs: each layer in a directory of its own, and a script that mounts them.

Rule: what is mounted is what extracting all layers one over the other would have made. As for a
bundle, the directory appears when it is whole, where nothing was, and only its owner can enter it.
Spec: https://docs.kernel.org/filesystems/overlayfs.html
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from occystrap.image.checks import CheckResults, Severity
from occystrap.image.directories import make_root, rename
from occystrap.image.docker_save import MANIFEST
from occystrap.image.overlay import copy_attributes, finish_layers, read_below
from occystrap.image.staged import StagedDirectory
from occystrap.image.tree import parts_of
from occystrap.image.whiteouts import OverlayMarks, takes_trusted
from occystrap.outputs.bundle import ROOT, refuse_used, runtime_documents
from occystrap.outputs.document_checks import check_documents
from occystrap.outputs.mounting import MOUNT_SCRIPT, NAMESPACE, mount, refuse_to_mount
from occystrap.outputs.tarfile import repository_tags
from occystrap.outputs.unpacked_layers import UnpackedLayers, UnpackingOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from occystrap.image.element import ImageElement
    from occystrap.image.extraction import LayerExtractor
    from occystrap.image.progress import Progress
    from occystrap.outputs.base import Moved
    from occystrap.outputs.runtime_config import BundleOptions

__all__ = ["MOUNT_SCRIPT", "MountsWriter"]

_LAYER: Final = "layer"
_CHANGES: Final = "delta"
_WORK: Final = "working"
_SHORT: Final = "l"
_READ_LIMIT: Final = 4 * 1024 * 1024
_SCRIPT: Final = """\
#!/bin/sh
# Mounts the image at rootfs; what is changed there goes to delta. {who}
# umount rootfs ends it.
set -eu
if [ "$(id -u)" != 0 ]; then
    echo "only root can mount it; anyone is root in: {namespace}" >&2
    exit 1
fi
cd -- "$(dirname -- "$0")"
exec mount -t overlay -o '{options}' overlay rootfs
"""
_WHO: Final = {
    True: "For root.",
    False: f"For its owner, in namespaces such as of: {NAMESPACE}",
}


@final
class MountsWriter:
    """Writes one image as directories for overlayfs."""

    requires_ordered_layers = False

    def __init__(
        self,
        image: str,
        tag: str,
        path: str | os.PathLike[str],
        *,
        bundle: BundleOptions,
        unpacking: UnpackingOptions,
        progress: Progress | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Begin the directory; with `tell` the image is mounted at the end, which is told then.

        Raises:
            ImageOutputError: it can't be written there, there is something already, or who isn't
                privileged wants it mounted.
        """
        self.path = os.fspath(path)
        self._name = (image, tag)
        self._options = bundle
        self._privileged = unpacking.privileged
        self._tell = tell
        if tell is not None and not unpacking.privileged:
            raise refuse_to_mount(self.path)
        self._staged = StagedDirectory(path, private=True)
        self._trusted = takes_trusted(self._staged.root)
        marks = OverlayMarks(trusted=self._trusted)
        try:
            refuse_used(self._staged)
            self._layers = UnpackedLayers(self._staged, marks, unpacking, progress)
        except BaseException:
            self._staged.discard()
            raise
        self._documents: dict[str, bytes] = {}
        self._directories: list[str] = []

    @property
    def moved(self) -> Moved:
        """What has been written so far."""
        return self._layers.moved

    def fetch_callback(self, digest: str) -> bool:  # noqa: ARG002 - the shape of the callback
        """Want every layer."""
        return True

    def process_image_element(self, element: ImageElement) -> None:
        """Take the config, and have a layer extracted as soon as a worker is free."""
        self._layers.take(element, once=True)

    def finalize(self) -> None:
        """Wait for all layers, finish them for overlayfs, let the directory appear, and mount it.

        Raises:
            OccystrapError: something isn't what the image says, or can't be written or mounted.
        """
        layers = self._in_order(self._layers.wait())
        finish_layers(list(layers.values()), privileged=self._privileged)
        paths = [layer.path for layer in layers.values()]
        self._documents = self._write_documents(paths, len(layers))
        self._staged.write(self._documents)
        with self._staged.failing():
            self._arrange(layers)
        self._layers.remove()
        names = [*self._directories, _SHORT, _WORK, _CHANGES, ROOT, *self._documents]
        self._staged.publish(names, partial(refuse_used, self._staged))
        if self._tell is not None:
            mount(self.path, ROOT, self._tell)

    def verify(self, *, full: bool = False) -> CheckResults:  # noqa: ARG002 - tars aren't kept
        """Look whether all is there; the layers were checked when they were extracted."""
        results = CheckResults()
        check_documents(self.path, self._documents, results)
        for name in self._directories:
            if not Path(self.path, name, _LAYER).is_dir():
                results.add(Severity.ERROR, "verify.layer", f"{self.path} has no {name}")
        if self._tell is not None and not Path(self.path, ROOT).is_mount():
            results.add(Severity.ERROR, "verify.mount", f"nothing is mounted at {self.path}/{ROOT}")
        self._layers.report(results)
        if not results.errors:
            message = f"{self.path} has {len(self._directories)} different layers"
            results.add(Severity.INFO, "verify.ok", message)
        return results

    def close(self) -> None:
        """Stop what is under way, and remove the directory unless it is finished."""
        self._layers.close()
        self._staged.discard()

    def _in_order(self, extracted: dict[int, LayerExtractor]) -> dict[str, LayerExtractor]:
        """Name the layers, the lowest first; one that is there twice is where it is topmost.

        What it has there hides all that it has further down.
        """
        digests = self._layers.saved.in_order()
        by_digest = {digests[number]: layer for number, layer in extracted.items()}
        topmost = list(dict.fromkeys(reversed(digests)))
        return {digest.encoded[:64]: by_digest[digest] for digest in reversed(topmost)}

    def _write_documents(self, paths: list[str], count: int) -> dict[str, bytes]:
        saved = self._layers.saved

        def read(name: bytes) -> bytes | None:
            return read_below(paths, parts_of(name), _READ_LIMIT)

        return {
            MANIFEST: saved.manifest(repository_tags(*self._name)),
            MOUNT_SCRIPT: self._write_script(count).encode(),
            **runtime_documents(saved.config, read, self._options),
        }

    def _write_script(self, count: int) -> str:
        # By short names: all of them have to fit one page of memory.
        layers = ":".join(f"{_SHORT}/{number}" for number in reversed(range(count)))
        options = f"lowerdir={layers},upperdir={_CHANGES},workdir={_WORK}"
        if not self._trusted:
            options += ",userxattr"
        return _SCRIPT.format(who=_WHO[self._trusted], options=options, namespace=NAMESPACE)

    def _arrange(self, layers: dict[str, LayerExtractor]) -> None:
        root = self._staged.root
        for name in (ROOT, _WORK, _CHANGES, _SHORT):
            make_root(root / name)
        (root / MOUNT_SCRIPT).chmod(0o755)
        for number, (name, layer) in enumerate(layers.items()):
            (root / name).mkdir(0o755)
            rename(Path(layer.path), root / name / _LAYER)
            (root / _SHORT / str(number)).symlink_to(f"../{name}/{_LAYER}")
            self._directories.append(name)
        if self._directories:  # overlayfs shows the root as the directory for changes has it
            top = root / self._directories[-1] / _LAYER
            copy_attributes(top, root / _CHANGES, privileged=self._privileged)
