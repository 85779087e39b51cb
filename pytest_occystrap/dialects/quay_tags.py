"""Tags as the API of Quay shows them, and which of them it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import formatdate

from occystrap.oci.manifest import Index
from occystrap.server.message import Request
from occystrap.server.store import ManifestStore
from pytest_occystrap.dialects.history import TagLife

__all__ = ["BadFilter", "describe", "matching"]

_BAD_FILTER = (
    "Unsupported syntax for filter_tag_name. Expected <operation>:<tag_name> where <operation>"
    "can be 'like' or 'eq'."
)


class BadFilter(Exception):
    """A filter that the API can't read; it says how it should look."""


def matching(lives: Sequence[TagLife], request: Request) -> list[TagLife]:
    """Choose the tags that a request asks for.

    Raises:
        BadFilter: its filter can't be read.
    """
    chosen = list(lives)
    if request.parameter("onlyActiveTags") in ("true", "True", "1"):
        chosen = [life for life in chosen if life.end is None]
    name = request.parameter("specificTag")
    if name is not None:
        chosen = [life for life in chosen if life.name == name]
    text = request.parameter("filter_tag_name")
    if text is None:
        return chosen
    operation, _, wanted = text.partition(":")
    if operation == "eq":
        return [life for life in chosen if life.name == wanted]
    if operation == "like":
        return [life for life in chosen if wanted in life.name]
    raise BadFilter(_BAD_FILTER)


def describe(store: ManifestStore, repository: str, life: TagLife) -> dict[str, object]:
    """Write a tag."""
    manifest = store.manifest(repository, life.digest)
    is_list = isinstance(manifest, Index)
    shown: dict[str, object] = {"name": life.name, "reversion": False, "start_ts": life.start}
    if life.end is not None:
        shown["end_ts"] = life.end
    shown["manifest_digest"] = str(life.digest)
    shown["is_manifest_list"] = is_list
    layers = () if manifest is None or isinstance(manifest, Index) else manifest.layers
    shown["size"] = None if is_list else sum(layer.size for layer in layers)
    shown["last_modified"] = formatdate(life.start)
    if life.end is not None:
        shown["expiration"] = formatdate(life.end)
    if isinstance(manifest, Index):
        shown |= _children(store, repository, manifest)
    return shown


def _children(store: ManifestStore, repository: str, index: Index) -> dict[str, object]:
    presence = {
        str(child.digest): store.manifest(repository, child.digest) is not None
        for child in index.manifests
    }
    return {
        "is_sparse": not all(presence.values()),
        "child_manifest_count": len(presence),
        "present_child_count": sum(presence.values()),
        "child_manifests_presence": presence,
    }
