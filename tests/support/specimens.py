"""Every kind of content that the image specification knows, as bytes to push.

What the published conformance suite of the distribution specification pushes has its counterpart
here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from occystrap.oci import media_types
from occystrap.oci.digest import Digest
from tests.support.wire import CONFIG

__all__ = ["SPECIMENS", "Specimen"]

ARTIFACT = "application/vnd.example.artifact.v1"
LAYER = f"{media_types.OCI_LAYER}+gzip"
NOT_HERE = f"{media_types.OCI_LAYER.replace('layer.v1', 'layer.nondistributable.v1')}+gzip"
EMPTY = b"{}"
Document = dict[str, Any]


@dataclass
class Specimen:
    """Blobs and manifests, in the order in which they are pushed; the last manifest is the tip.

    `referrers` are the descriptors that a list of what refers to a digest has to hold.
    """

    name: str
    algorithm: str = "sha256"
    blobs: dict[Digest, bytes] = field(default_factory=dict[Digest, bytes])
    manifests: dict[Digest, bytes] = field(default_factory=dict[Digest, bytes])
    referrers: dict[str, list[Document]] = field(default_factory=dict[str, list[Document]])

    def digest(self, content: bytes) -> Digest:
        """Hash as this specimen does."""
        return Digest.of(content, self.algorithm)

    def describe(self, content: bytes, media_type: str, **more: object) -> Document:
        """Make a descriptor."""
        digest = str(self.digest(content))
        return {"mediaType": media_type, "digest": digest, "size": len(content), **more}

    def blob(self, content: bytes, media_type: str, **more: object) -> Document:
        """Add a blob."""
        self.blobs[self.digest(content)] = content
        return self.describe(content, media_type, **more)

    def manifest(self, document: Document) -> Document:
        """Add a manifest or an index; it refers to its subject, if it has one."""
        raw = json.dumps(document).encode()
        self.manifests[self.digest(raw)] = raw
        described = self.describe(raw, document["mediaType"])
        if "subject" in document:
            kind = document.get("artifactType") or document.get("config", {}).get("mediaType")
            shown = {"artifactType": kind, "annotations": document.get("annotations")}
            shown = {name: value for name, value in shown.items() if value}
            self.referrers.setdefault(document["subject"]["digest"], []).append(described | shown)
        return described

    def layer(self, content: bytes | Document) -> Document:
        """Add a layer that no other specimen has; one that is described already stays as it is."""
        if isinstance(content, bytes):
            return self.blob(self.name.encode() + content, LAYER)
        return content

    def image(
        self, layers: Iterable[bytes | Document] = (b"one", b"two"), **more: object
    ) -> Document:
        """Add an image of some layers."""
        document: Document = {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_MANIFEST,
            "config": self.blob(CONFIG, media_types.OCI_CONFIG),
            "layers": [self.layer(layer) for layer in layers],
        }
        return self.manifest(document | more)

    def artifact(self, content: bytes = b"an artifact", **more: object) -> Document:
        """Add something that is no image."""
        document: Document = {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_MANIFEST,
            "artifactType": ARTIFACT,
            "config": self.blob(EMPTY, media_types.OCI_EMPTY),
            "layers": [self.blob(content, ARTIFACT)],
        }
        return self.manifest(document | more)

    def index(self, *entries: Document, **more: object) -> Document:
        """Add an index."""
        document: Document = {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_INDEX,
            "manifests": list(entries),
        }
        return self.manifest(document | more)


def _platforms(specimen: Specimen, prefix: bytes = b"") -> list[Document]:
    return [
        specimen.image([prefix + name.encode()])
        | {"platform": {"os": "linux", "architecture": name}}
        for name in ("amd64", "arm64")
    ]


def _with_subject(specimen: Specimen) -> None:
    subject = specimen.image()
    specimen.image([b"signature"], subject=subject)
    notes = {"org.example.note": "hello"}
    specimen.artifact(subject=subject, annotations=notes)
    other = "application/vnd.example.other.v1"
    specimen.artifact(b"another", subject=subject, artifactType=other, annotations=notes)
    specimen.index(subject=subject, annotations=notes)


def _index_with_subject(specimen: Specimen) -> None:
    subject = specimen.index(*_platforms(specimen))
    specimen.index(specimen.artifact(), subject=subject, artifactType=ARTIFACT)


def _missing_subject(specimen: Specimen) -> None:
    subject = specimen.describe(b"never pushed", media_types.OCI_MANIFEST)
    specimen.artifact(subject=subject, annotations={"org.example.note": "hello"})


def _embedded(specimen: Specimen) -> None:
    config = specimen.blob(CONFIG, media_types.OCI_CONFIG)
    data = base64.b64encode(CONFIG).decode()
    specimen.image([b"data"], config=config | {"data": data})


def _not_distributed(specimen: Specimen) -> None:
    urls = {"urls": ["https://store.example.com/layer"]}
    elsewhere = specimen.describe(b"elsewhere", NOT_HERE, **urls)
    specimen.image(layers=[elsewhere, specimen.blob(b"here", LAYER)])


def _unknown_fields(specimen: Specimen) -> None:
    layer = specimen.blob(b"layer", LAYER, newField="x")
    image = specimen.image(layers=[layer], **{"org.example.new": {"a": [1]}})
    specimen.index(image | {"newField": [1]}, newField="x")


#: Annotations enough to bring a manifest close to the 4 MiB that every registry has to take.
_MANY = {f"org.example.large-{number}": "A" * 10_000 for number in range(390)}

_MAKERS: dict[str, Callable[[Specimen], object]] = {
    "image": lambda made: made.image(),
    "large-manifest": lambda made: made.image(annotations=_MANY),
    "index": lambda made: made.index(*_platforms(made)),
    "nested-index": lambda made: made.index(
        made.index(*_platforms(made, b"1")), made.index(*_platforms(made, b"2"))
    ),
    "empty-index": lambda made: made.index(),
    "artifact": lambda made: made.artifact(),
    "artifact-index": lambda made: made.index(made.artifact(), artifactType=ARTIFACT),
    "artifact-without-content": lambda made: made.artifact(EMPTY),
    "config-as-artifact-type": lambda made: made.image(config=made.blob(b"config", ARTIFACT)),
    "with-subject": _with_subject,
    "index-with-subject": _index_with_subject,
    "missing-subject": _missing_subject,
    "embedded-data": _embedded,
    "not-distributed": _not_distributed,
    "unknown-fields": _unknown_fields,
    "no-layers": lambda made: made.image([]),
    "sha512": lambda made: made.index(*_platforms(made)),
}


def _make(name: str) -> Specimen:
    specimen = Specimen(name, "sha512" if name == "sha512" else "sha256")
    _MAKERS[name](specimen)
    return specimen


SPECIMENS = {name: _make(name) for name in _MAKERS}
