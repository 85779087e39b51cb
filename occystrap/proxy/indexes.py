"""Indexes whose images have become others on their way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from occystrap.oci.digest import Digest
from occystrap.oci.documents import encode, load_object, objects
from occystrap.oci.manifest import Index, parse_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from occystrap.oci.descriptor import Descriptor

__all__ = ["renamed"]

#: By which BuildKit says what image an attestation is about.
_SUBJECT: Final = "vnd.docker.reference.digest"


def renamed(index: Index, stored: Mapping[Digest, Descriptor]) -> Index:
    """Let an index name what its manifests have become; all else of it stays.

    An index of which nothing has changed stays as it is, byte for byte.
    """
    if all(stored[each.digest].digest == each.digest for each in index.manifests):
        return index
    document = load_object(index.raw, "the index")
    for entry in objects(document, "manifests", "the index"):
        found = stored[Digest.parse(entry["digest"])]
        entry |= {
            "mediaType": found.media_type,
            "digest": str(found.digest),
            "size": found.size,
        }
        _rename_subject(entry.get("annotations"), stored)
    made = parse_manifest(encode(document), index.media_type)
    assert isinstance(made, Index)  # noqa: S101 - it was one
    return made


def _rename_subject(annotations: Any, stored: Mapping[Digest, Descriptor]) -> None:
    if not isinstance(annotations, dict):
        return
    for digest, found in stored.items():
        if annotations.get(_SUBJECT) == str(digest):
            annotations[_SUBJECT] = str(found.digest)
            return
