"""Descriptors, which tie the documents and blobs of an image together.

Rule: a descriptor that was read names content that can be verified.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import Any, Final

from occystrap.errors import InvalidDigest, InvalidManifest
from occystrap.oci import media_types
from occystrap.oci.digest import Digest
from occystrap.oci.documents import field, string_map, texts
from occystrap.oci.platform import Platform

__all__ = ["Descriptor"]

#: Sizes are 64-bit integers to everyone else.
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What some content is, how its bytes hash, and how many they are."""

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    annotations: tuple[tuple[str, str], ...] = ()
    urls: tuple[str, ...] = ()
    artifact_type: str = ""

    @classmethod
    def of(cls, content: bytes, media_type: str) -> Descriptor:
        """Describe content that is at hand."""
        return cls(media_type, Digest.of(content), len(content))

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Descriptor:
        """Read a descriptor.

        Raises:
            InvalidManifest: a field is missing or outside its grammar.
        """
        what = "a descriptor"
        digest = field(document, "digest", str, what)
        size = field(document, "size", int, what)
        if digest is None or size is None or not 0 <= size <= _LARGEST:
            raise InvalidManifest(f"{what} has no digest and size: {reprlib.repr(document)}")
        platform: dict[str, Any] | None = field(document, "platform", dict, what)
        try:
            parsed = Digest.parse(digest)
        except InvalidDigest as error:
            raise InvalidManifest(f"{what} names content by what is no digest: {error}") from error
        return cls(
            field(document, "mediaType", str, what) or "",
            parsed,
            size,
            None if platform is None else Platform.from_document(platform),
            string_map(document, "annotations", what),
            texts(document, "urls", what),
            field(document, "artifactType", str, what) or "",
        )

    def to_document(self) -> dict[str, object]:
        """Write the descriptor as a JSON object."""
        document: dict[str, object] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.urls:
            document["urls"] = list(self.urls)
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        if self.platform is not None:
            document["platform"] = self.platform.to_document()
        if self.artifact_type:
            document["artifactType"] = self.artifact_type
        return document

    @property
    def foreign(self) -> bool:
        """Whether this is a layer that registries don't hold."""
        known = media_types.lookup(self.media_type)
        return known is not None and known.foreign
