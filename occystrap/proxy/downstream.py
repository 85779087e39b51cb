"""The registry that everything goes to and comes from, and those that images are pulled from.

Rule: it is asked with credentials of the proxy's own. What a client brings is for the proxy alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import APIException, InvalidOption
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.media_types import OCTET_STREAM
from occystrap.proxy.remote import ServedBlob
from occystrap.side import text_option
from occystrap.uri import parse_registry_uri, parse_uri, redacted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from occystrap.inputs.registry import Image
    from occystrap.oci.digest import Digest
    from occystrap.oci.manifest import Index, Manifest
    from occystrap.outputs.registry import RegistryWriter
    from occystrap.pipeline import PipelineBuilder
    from occystrap.uri import URISpec

__all__ = ["Remote", "read_place"]

_NOT_FOUND: Final = 404


def read_place(text: str) -> URISpec:
    """Read where a registry is: `[registry://][USER:PASSWORD@]HOST[:PORT][/PREFIX][?OPTION=VALUE]`.

    Raises:
        URIParseError: the text can't be parsed.
        InvalidOption: it names something else.
    """
    spec = parse_uri(text if "://" in text else f"registry://{text}")
    if spec.scheme != "registry":
        raise InvalidOption(f"the proxy stands before a registry, and {spec.scheme}:// is none")
    if ":" in spec.path or "@" in spec.path or "platform" in spec.options:
        raise InvalidOption(
            f"{redacted(spec)} names an image or a platform: what is wanted is HOST[:PORT][/PREFIX]"
        )
    spec = replace(spec, path=spec.path.rstrip("/"))
    parse_registry_uri(replace(spec, path=f"{spec.path}/any/name"))
    return spec


@final
class Remote:
    """The repositories of a registry, below a prefix if it has one."""

    def __init__(self, builder: PipelineBuilder, place: URISpec) -> None:
        builder.read_destination(place)
        self._builder = builder
        self._place = place
        self._client = builder.registry_input(self._at("any/name")).client
        self.name = redacted(replace(place, options={})).removeprefix("registry://")

    @property
    def compresses(self) -> bool:
        """Whether layers have to be stored in a way of its own."""
        return (
            text_option(self._place, "compression", self._builder.options.compression) is not None
        )

    def _at(self, repository: str) -> URISpec:
        return replace(self._place, path=f"{self._place.path}/{repository}")

    def _repository(self, repository: str) -> str:
        return parse_registry_uri(self._at(repository))[1]

    def image(self, repository: str, reference: str) -> Image:
        """Name an image as a source, by tag or by digest."""
        separator = "@" if ":" in reference else ":"
        return self._builder.registry_input(self._at(f"{repository}{separator}{reference}"))

    def writer(self, repository: str, reference: str, *, by_digest: bool) -> RegistryWriter:
        """Name an image as a destination; with `by_digest` it gets the digest that it has."""
        tag = None if by_digest else reference
        return self._builder.registry_output(self._at(repository), tag, by_digest=by_digest)

    def tagged(self, repository: str, tag: str) -> Digest | None:
        """Look up what a tag points at."""
        return self._client.find_manifest(self._repository(repository), tag)

    def has_manifest(self, repository: str, digest: Digest) -> bool:
        """Ask whether a manifest is there."""
        return self._client.find_manifest(self._repository(repository), digest) is not None

    def manifest(self, repository: str, digest: Digest) -> Manifest | Index | None:
        """Look a manifest up."""
        try:
            return self._client.get_manifest(self._repository(repository), digest)
        except APIException as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def blob(self, repository: str, digest: Digest) -> ServedBlob | None:
        """Look a blob up."""
        name = self._repository(repository)
        size = self._client.blob_size(name, digest)
        if size is None:
            return None
        return ServedBlob(self._client.blob(name, Descriptor(OCTET_STREAM, digest, size)))

    def mount_blob(self, digest: Digest, source: str, target: str) -> bool:
        """Make a blob of one repository appear in another; False when the source has none."""
        blob = self.blob(source, digest)
        if blob is None:
            return False
        self._client.upload_blob(
            self._repository(target),
            blob.remote.descriptor,
            blob.remote,
            mount_from=self._repository(source),
        )
        return True

    def tags(self, repository: str) -> Sequence[str] | None:
        """List the tags; None when there is no such repository."""
        try:
            return list(self._client.tags(self._repository(repository)))
        except APIException as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def referrers(
        self, repository: str, subject: Digest, artifact_type: str
    ) -> tuple[Descriptor, ...]:
        """List what refers to a manifest."""
        return self._client.referrers(self._repository(repository), subject, artifact_type)
