"""What is in a fake registry: images that a test puts there, and images that were pushed.

Rule: the store is the only truth. Nothing is remembered of what was added, so whatever a test looks
at is what a client would get.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from occystrap.oci.digest import Digest
from occystrap.oci.documents import encode
from occystrap.oci.manifest import parse_manifest
from occystrap.oci.media_types import OCI_INDEX, OCTET_STREAM
from occystrap.oci.reference import Reference
from occystrap.server.store import Store
from pytest_occystrap.building import (
    CompressionName,
    Layer,
    MediaName,
    build_artifact,
    build_image,
    build_index,
    random_layers,
)
from pytest_occystrap.exchange import ANY_HOST
from pytest_occystrap.images import FakeImage, read_image

__all__ = ["Contents", "parse_reference"]

_RANDOM_SIZE: Final = 64 * 1024


class Contents:
    """The images of a registry.

    A reference is `repository[:tag]`, taken as it is: Docker Hub's `busybox` is `library/busybox`
    here. A host in front (`quay.io/org/app:1`, `127.0.0.1:5000/app`) is left out, since the fake
    answers under every name.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_image(
        self,
        reference: str,
        layers: Sequence[Layer] | None = None,
        *,
        platform: str = "linux/amd64",
        config: Mapping[str, object] | None = None,
        annotations: Mapping[str, str] | None = None,
        media: MediaName = "oci",
        compression: CompressionName = "gzip",
    ) -> FakeImage:
        """Put an image into the registry; without layers it gets a small one of its own.

        Keys of `config` with a capital (`Env`, `Cmd`, `Labels`) say how to run it, the others
        (`created`, `author`, `history`) stand in the configuration as they are.

        Raises:
            occystrap.errors.InvalidInput: one of the arguments isn't what it may be.
        """
        name = parse_reference(reference)
        image = build_image(
            [{"etc/image": f"{_written(name)}\n"}] if layers is None else layers,
            platform=platform,
            config=config,
            annotations=annotations,
            media=media,
            compression=compression,
            reference=_written(name),
        )
        return self.put(image, reference)

    def add_index(
        self,
        reference: str,
        images: Mapping[str, FakeImage],
        *,
        annotations: Mapping[str, str] | None = None,
        media: MediaName = "oci",
    ) -> FakeImage:
        """Put an index of images by platform (`linux/arm64/v8`) into the registry.

        The images are put beside it, whatever repository they come from.

        Raises:
            occystrap.errors.InvalidInput: one of the arguments isn't what it may be.
        """
        return self.put(build_index(images, annotations=annotations, media=media), reference)

    def add_referrer(
        self,
        subject: FakeImage | str,
        artifact_type: str,
        content: bytes = b"",
        *,
        media_type: str = OCTET_STREAM,
        annotations: Mapping[str, str] | None = None,
    ) -> FakeImage:
        """Put an artifact into the registry that refers to an image, such as its signature.

        Where there is no referrers API it is listed under the tag that clients use instead.

        Raises:
            LookupError: there is no such subject.
        """
        target = self.image(subject) if isinstance(subject, str) else subject
        artifact = build_artifact(
            artifact_type, content, media_type=media_type, subject=target, annotations=annotations
        )
        kept = self.put(artifact, f"{target.repository}@{artifact.digest}")
        if not self._lists_referrers():
            self._list_by_tag(target, kept)
        return kept

    def _lists_referrers(self) -> bool:
        return True

    def _list_by_tag(self, subject: FakeImage, referrer: FakeImage) -> None:
        """Add a referrer to the index whose tag is made of the subject's digest."""
        tag = subject.digest.replace(":", "-")
        digest = self._store.tagged(subject.repository, tag)
        index = digest and self._store.manifest(subject.repository, digest)
        listed: list[dict[str, object]] = []
        if index:
            listed = json.loads(index.raw)["manifests"]
        described = {
            **referrer.manifest.descriptor,
            "artifactType": referrer.manifest["artifactType"],
        }
        if "annotations" in referrer.manifest:
            described["annotations"] = referrer.manifest["annotations"]
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*listed, described]}
        self._store.add_manifest(subject.repository, parse_manifest(encode(document)), tag)

    def add_random_image(
        self,
        reference: str,
        *,
        size: int = _RANDOM_SIZE,
        layers: int = 1,
        seed: int | str = 0,
        media: MediaName = "oci",
        compression: CompressionName = "gzip",
    ) -> FakeImage:
        """Put an image into the registry whose layers hold `size` random bytes in all.

        The same seed gives the same bytes.
        """
        made = list(random_layers(size, layers, seed))
        return self.add_image(reference, made, media=media, compression=compression)

    def put(self, image: FakeImage, reference: str) -> FakeImage:
        """Put an image into the registry that another registry or a builder has made."""
        name = parse_reference(reference)
        if name.digest is not None and str(name.digest) != image.digest:
            raise ValueError(f"the image is {image.digest}, which {reference} doesn't name")
        self._keep(image, name.repository, name.tag)
        return self.image(_written(name))

    def _keep(self, image: FakeImage, repository: str, tag: str | None) -> None:
        for child in image.images.values():
            self._keep(child, repository, None)
        for digest, content in image.blobs.items():
            draft = self._store.new_draft()
            draft.append([content])
            draft.keep(repository, Digest.parse(digest))
        self._store.add_manifest(repository, parse_manifest(image.manifest.raw), tag)

    @property
    def images(self) -> list[FakeImage]:
        """Everything that has a tag, in the order of the references."""
        return [
            self.image(f"{repository}:{tag}")
            for repository in sorted(self._store.repositories())
            for tag in self.tags(repository)
        ]

    def image(self, reference: str) -> FakeImage:
        """Look at an image, by tag or by digest.

        Raises:
            LookupError: there is none; the message lists what there is.
        """
        name = parse_reference(reference)
        digest = name.digest or self._store.tagged(name.repository, name.tag or "")
        found = None
        if digest is not None:
            found = read_image(self._store, name.repository, digest, _written(name))
        if found is None:
            there = [
                f"{repository}:{tag}"
                for repository in sorted(self._store.repositories())
                for tag in self.tags(repository)
            ]
            listed = ", ".join(there) or "nothing with a tag"
            raise LookupError(f"no image {_written(name)}; the registry holds {listed}")
        return found

    def tags(self, repository: str) -> list[str]:
        """List the tags of a repository, sorted; none when there is no such repository."""
        return sorted(self._store.tags(repository) or ())

    def has_blob(self, digest: str, repository: str | None = None) -> bool:
        """Tell whether a blob is there, in any repository or in one."""
        parsed = Digest.parse(str(digest))
        where = self._store.repositories() if repository is None else [repository]
        return any(self._store.blob(name, parsed) is not None for name in where)


def parse_reference(reference: str) -> Reference:
    """Read a reference, with a host or without, as one of this registry."""
    first, slash, _ = reference.partition("/")
    has_host = slash and (first == "localhost" or "." in first or ":" in first)
    return Reference.parse(reference, None if has_host else ANY_HOST)


def _written(name: Reference) -> str:
    return f"{name.repository}{f':{name.tag}' if name.tag else ''}" + (
        f"@{name.digest}" if name.digest else ""
    )
