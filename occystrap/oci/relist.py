"""Indexes made anew, when manifests below them have become others.

Rule: a list names what its manifests have become; what else names one that has become another is
left out, and told. All else stays, and an index of which nothing changes stays byte for byte.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md; of BuildKit:
https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

from occystrap.errors import InvalidDigest
from occystrap.oci.digest import Digest
from occystrap.oci.documents import encode, field, load_object, objects
from occystrap.oci.manifest import Index, Manifest, parse_manifest
from occystrap.oci.media_types import Kind, lookup

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from occystrap.oci.descriptor import Descriptor

__all__ = ["LeftOut", "named_in", "names_of", "relisted"]

_WHAT: Final = "the index"
_DIGEST: Final = re.compile(r"sha(?:256|512):[0-9a-f]+")
#: What a descriptor says of its content beside its digest, true of those bytes only.
_OF_THE_BYTES: Final = ("data", "urls")


@final
@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that couldn't be carried over truly, and why."""

    what: str
    reason: str

    @classmethod
    def naming(cls, what: str, digest: Digest, became: Descriptor | None) -> LeftOut:
        """Leave out what names a manifest that has become another, or was left out itself."""
        fate = "was left out" if became is None else f"has become {became.digest}"
        return cls(what, f"it names {digest}, which {fate}")

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}"

    def to_document(self) -> dict[str, str]:
        """Write it as JSON shows it."""
        return {"what": self.what, "reason": self.reason}


def named_in(
    annotations: Iterable[tuple[str, str]], digests: Collection[Digest]
) -> Iterator[tuple[str, Digest]]:
    """Find annotations that name one of these digests: their keys, and what they name."""
    for key, value in annotations:
        for text in _DIGEST.findall(value):
            with suppress(InvalidDigest):
                digest = Digest.parse(text)
                if digest in digests:
                    yield key, digest


def names_of(found: Manifest | Index, digests: Collection[Digest]) -> set[Digest]:
    """Find which of these digests a document names: as its subject, in a list, in annotations."""
    described = found.manifests if isinstance(found, Index) else (found.config, *found.layers)
    named = {each.digest for each in described}
    if found.subject is not None:
        named.add(found.subject.digest)
    annotations = [*found.annotations, *(pair for each in described for pair in each.annotations)]
    return named.intersection(digests) | {digest for _, digest in named_in(annotations, digests)}


def relisted(
    index: Index, became: Mapping[Digest, Descriptor | None]
) -> tuple[Index, tuple[LeftOut, ...]]:
    """Let an index list what manifests have become, without those that were left out (None).

    Returns the index, the same if nothing in it changes, and what else had to be left out of it.
    """
    changed = {old: new for old, new in became.items() if new is None or new.digest != old}
    editor = _Editor(index, changed)
    return editor.result(), tuple(editor.left_out)


@final
class _Editor:
    """The document of an index, into which changes are written."""

    def __init__(self, index: Index, changed: Mapping[Digest, Descriptor | None]) -> None:
        self._index = index
        self._changed = changed
        self._is_edited = False
        self.left_out: list[LeftOut] = []

    def result(self) -> Index:
        document = load_object(self._index.raw, _WHAT)
        document["manifests"] = list(self._entries(objects(document, "manifests", _WHAT)))
        self._check_annotations(document, f"of the index {self._index.digest}")
        subject = self._index.subject
        if subject is not None and subject.digest in self._changed:
            what = f"the subject of the index {self._index.digest}"
            del document["subject"]
            self._leave_out(what, subject.digest)
        if not self._is_edited:
            return self._index
        made = parse_manifest(encode(document), self._index.media_type)
        assert isinstance(made, Index)  # noqa: S101 - it was one
        return made

    def _entries(self, entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for entry, listed in zip(entries, self._index.manifests, strict=True):
            if listed.digest in self._changed:
                self._is_edited = True
                found = self._changed[listed.digest]
                if found is None:
                    continue
                _rename(entry, found)
            self._check_annotations(entry, f"of {listed.digest} in the index")
            yield entry

    def _check_annotations(self, document: dict[str, Any], where: str) -> None:
        annotations: dict[str, str] = field(document, "annotations", dict, _WHAT) or {}
        for key, digest in list(named_in(annotations.items(), self._changed)):
            if annotations.pop(key, None) is not None:
                self._leave_out(f"the annotation {key} {where}", digest)

    def _leave_out(self, what: str, digest: Digest) -> None:
        self._is_edited = True
        self.left_out.append(LeftOut.naming(what, digest, self._changed[digest]))


def _rename(entry: dict[str, Any], found: Descriptor) -> None:
    entry |= {"mediaType": found.media_type, "digest": str(found.digest), "size": found.size}
    known = lookup(found.media_type)
    is_index = known is not None and known.kind is Kind.INDEX
    for name in (*_OF_THE_BYTES, *(() if is_index else ("artifactType",))):
        entry.pop(name, None)
