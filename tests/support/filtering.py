"""Filters, with a pipeline around them and without."""

from __future__ import annotations

import posixpath
import tarfile
from types import SimpleNamespace
from typing import Any

import httpx

from occystrap.filters.remake import LayerRewriter, Remake
from occystrap.filters.rewrite import ContentFilter
from occystrap.image.checks import CheckResults
from occystrap.image.element import ImageElement
from occystrap.image.layer import StoredLayer
from occystrap.image.sources import BytesSource, VerifiedSource
from occystrap.move import move
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Config
from occystrap.oci.media_types import OCI_LAYER
from occystrap.outputs.base import Moved
from occystrap.pipeline import PipelineBuilder
from occystrap.report import Report
from tests.support.tars import view_of

__all__ = ["Run", "Taken", "filtered", "paths_of", "plain_layer", "tree_of"]


class Taken:
    """An output that keeps what it gets."""

    requires_ordered_layers = True

    def __init__(self, *declined: str) -> None:
        self.elements: list[ImageElement] = []
        self.moved = Moved()
        self.is_final = self.is_closed = False
        self._declined = declined

    def fetch_callback(self, digest: str) -> bool:
        """Want all but some."""
        return digest not in self._declined

    def process_image_element(self, element: ImageElement) -> None:
        """Keep it."""
        self.elements.append(element)

    def finalize(self) -> None:
        """Note it."""
        self.is_final = True

    def verify(self, *, full: bool = False) -> CheckResults:
        """Find nothing."""
        return CheckResults()

    def close(self) -> None:
        """Note it."""
        self.is_closed = True

    @property
    def config(self) -> Config:
        """The config that came first."""
        return Config.parse(self.elements[0].read_config())

    def tars(self) -> list[bytes]:
        """Read all layers."""
        layers = [element.open_layer() for element in self.elements[1:]]
        return [b"".join(each.open_tar()) for each in layers if each is not None]


class Run:
    """Moves images with filters; `printed` has what filters print."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.printed: list[str] = []

    def _echo(self, text: str) -> None:
        self.printed += text.split("\n")

    def __call__(self, source: str, target: str, *filters: str, **options: Any) -> Report:
        """Move an image, with options as in `ctx.obj`."""
        self.printed.clear()
        ctx = SimpleNamespace(obj=options)
        with PipelineBuilder(ctx, client=self._client, echo=self._echo) as builder:
            return move(builder, source, target, filters)


def plain_layer(tar: bytes) -> StoredLayer:
    """Make a layer that is stored as its tar."""
    descriptor = Descriptor.of(tar, OCI_LAYER)
    source = VerifiedSource(BytesSource(tar), descriptor.digest)
    return StoredLayer(descriptor, source, descriptor.digest)


def filtered(tar: bytes, *filters: ContentFilter) -> bytes:
    """Let filters change a tar, and make sure of it twice."""
    rewriters: list[LayerRewriter] = [each.rewriter() for each in filters]
    layer = plain_layer(tar)
    remake = Remake(layer, rewriters)
    remade = remake.look(layer.open_tar)
    assert remade.original == Digest.of(tar)
    made = [b"".join(remake.layer(remade.digest, remade.size).open_tar()) for _ in range(2)]
    assert made[0] == made[1]
    return made[0]


def tree_of(tar: bytes) -> dict[str, tuple[bytes, str, bytes]]:
    """Say what would be there if a tar were unpacked: kind, target and content by path.

    A hard link is what it leads to, which has to be there before it.
    """
    tree: dict[str, tuple[bytes, str, bytes]] = {}
    for view in view_of(tar):
        path = _path(view.name)
        if view.kind == tarfile.LNKTYPE:
            tree[path] = tree[_path(view.link)]
        else:
            tree[path] = (view.kind, view.link, view.content)
    return tree


def _path(name: str) -> str:
    return posixpath.normpath("/" + name)[1:]


def paths_of(tar: bytes) -> list[str]:
    """List the paths in a tar in their order."""
    return [_path(view.name) for view in view_of(tar)]
