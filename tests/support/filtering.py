"""Layers through filters, without a pipeline around them."""

from __future__ import annotations

import posixpath
import tarfile

from occystrap.filters.remake import LayerRewriter, Remake
from occystrap.filters.rewrite import ContentFilter
from occystrap.image.layer import StoredLayer
from occystrap.image.sources import BytesSource, VerifiedSource
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCI_LAYER
from tests.support.tars import view_of

__all__ = ["filtered", "paths_of", "plain_layer", "tree_of"]


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
