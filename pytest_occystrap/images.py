"""Images as tests look at them: what was put into a registry, and what was pushed to it.

Rule: digests, media types and references are text here, so that they compare with headers, JSON
documents and the output of programs without a thought.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/spec.md
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from occystrap.errors import InvalidManifest
from occystrap.image.compression import decompressed
from occystrap.oci.digest import Digest
from occystrap.oci.documents import encode, load_object
from occystrap.oci.manifest import Config, Index, Manifest
from occystrap.oci.platform import Platform
from occystrap.server.store import Store
from pytest_occystrap.entries import Entry, File, read_tar

__all__ = ["Document", "FakeImage", "FakeLayer", "read_image"]


class Document(dict[str, Any]):
    """A JSON document of an image: a dict that still has the bytes which its digest is taken of."""

    def __init__(self, raw: bytes, media_type: str, digest: str = "") -> None:
        try:
            super().__init__(load_object(raw, "the document"))
        except InvalidManifest:  # the config of an artifact may be anything
            super().__init__()
        self.raw = raw
        self.media_type = media_type
        self.digest = digest or str(Digest.of(raw))

    @classmethod
    def of(cls, content: Mapping[str, object], media_type: str) -> Document:
        """Write a document: the same bytes for the same content."""
        return cls(encode(content), media_type)

    @property
    def size(self) -> int:
        """Count of its bytes."""
        return len(self.raw)

    @property
    def descriptor(self) -> dict[str, object]:
        """What other documents name it by."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True, slots=True)
class FakeLayer:
    """A layer as the registry holds it, or the payload of an artifact; that has no diff_id."""

    media_type: str
    digest: str
    size: int
    diff_id: str
    read: Callable[[], bytes] = field(repr=False, compare=False)

    @property
    def content(self) -> bytes:
        """The bytes as stored, compressed or not.

        Raises:
            LookupError: the registry that it was read from has them no more.
        """
        return self.read()

    @property
    def tar(self) -> bytes:
        """The bytes without their compression.

        Raises:
            occystrap.errors.ImageInputError: the compressed data is damaged.
        """
        return b"".join(decompressed([self.content]))

    @property
    def entries(self) -> dict[str, Entry]:
        """All that is in the layer by path; of a path that is there twice, the last.

        Raises:
            tarfile.TarError: the layer is no tar.
        """
        return {path.removeprefix("./"): entry for path, entry in read_tar(self.tar)}

    @property
    def files(self) -> dict[str, bytes]:
        """The content of its regular files by path."""
        return {
            path: entry.content for path, entry in self.entries.items() if isinstance(entry, File)
        }

    @property
    def descriptor(self) -> dict[str, object]:
        """What manifests name it by."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True, slots=True)
class FakeImage:
    """An image, an index of images, or an artifact.

    `reference` is `repository:tag` or `repository@digest`, without a host. `layers` go from the
    lowest up. An index has no layers and an empty config, but `images`, by platform.
    """

    reference: str
    manifest: Document = field(repr=False)
    config: Document = field(repr=False)
    layers: tuple[FakeLayer, ...] = field(default=(), repr=False)
    images: Mapping[str, FakeImage] = field(default_factory=dict[str, "FakeImage"], repr=False)

    @property
    def digest(self) -> str:
        """The digest of the manifest."""
        return self.manifest.digest

    @property
    def media_type(self) -> str:
        """The media type of the manifest."""
        return self.manifest.media_type

    @property
    def repository(self) -> str:
        """The reference without tag and digest."""
        return self.reference.partition("@")[0].partition(":")[0]

    @property
    def tag(self) -> str:
        """The tag of the reference, empty for one by digest."""
        return self.reference.partition("@")[0].partition(":")[2]

    @property
    def platform(self) -> str:
        """`os/architecture[/variant]`, empty for what says none."""
        return str(Platform.from_document(self.config))

    @property
    def blobs(self) -> dict[str, bytes]:
        """The content of config and layers by digest, those of an index's images not included."""
        if self.images:
            return {}
        return {
            self.config.digest: self.config.raw,
            **{layer.digest: layer.content for layer in self.layers},
        }


def read_image(store: Store, repository: str, digest: Digest, reference: str) -> FakeImage | None:
    """Look at an image in a store; None when its manifest isn't there."""
    found = store.manifest(repository, digest)
    if found is None:
        return None
    manifest = Document(found.raw, found.media_type, str(digest))
    if isinstance(found, Index):
        return FakeImage(
            reference, manifest, Document(b"", ""), images=_children(store, repository, found)
        )
    try:
        raw = _read_blob(store, repository, found.config.digest)
    except LookupError:  # it has been deleted; the manifest can be looked at nevertheless
        raw = b""
    config = Document(raw, found.config.media_type, str(found.config.digest))
    return FakeImage(reference, manifest, config, _layers(store, repository, found, raw))


def _children(store: Store, repository: str, index: Index) -> dict[str, FakeImage]:
    children: dict[str, FakeImage] = {}
    for position, descriptor in enumerate(index.manifests):
        reference = f"{repository}@{descriptor.digest}"
        child = read_image(store, repository, descriptor.digest, reference)
        if child is not None:
            name = "" if descriptor.platform is None else str(descriptor.platform)
            children[name if name and name not in children else f"#{position}"] = child
    return children


def _layers(
    store: Store, repository: str, manifest: Manifest, config: bytes
) -> tuple[FakeLayer, ...]:
    try:
        diff_ids = [str(diff_id) for diff_id in Config.parse(config).diff_ids]
    except InvalidManifest:
        diff_ids = []
    diff_ids += [""] * len(manifest.layers)

    def layer(position: int) -> FakeLayer:
        descriptor = manifest.layers[position]
        return FakeLayer(
            descriptor.media_type,
            str(descriptor.digest),
            descriptor.size,
            diff_ids[position],
            lambda: _read_blob(store, repository, descriptor.digest),
        )

    return tuple(map(layer, range(len(manifest.layers))))


def _read_blob(store: Store, repository: str, digest: Digest) -> bytes:
    blob = store.blob(repository, digest)
    if blob is None:
        raise LookupError(f"{repository} has no blob {digest}")
    return b"".join(blob.read(0, blob.size))
