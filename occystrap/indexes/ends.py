"""Where indexes come from, and where they go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from occystrap.disk import layout_source, layout_target
from occystrap.errors import PipelineError
from occystrap.pipeline import ALL_PLATFORMS

if TYPE_CHECKING:
    from occystrap.image.once import Once
    from occystrap.inputs.base import ImageInput, IndexInput
    from occystrap.oci.digest import Digest
    from occystrap.outputs.base import IndexOutput
    from occystrap.pipeline import PipelineBuilder
    from occystrap.uri import URISpec

__all__ = ["Writers", "open_ends"]

#: What keeps indexes of several platforms.
_SCHEMES: Final = ("registry", "ocidir", "ocitar")


class Writers(Protocol):
    """Makes destinations."""

    def __call__(self, digest: Digest | None = None, *, changes: bool = False) -> IndexOutput:
        """Make one for the whole, or for a part of this digest, which that may lose (`changes`)."""
        ...


def open_ends(
    builder: PipelineBuilder, source: URISpec, destination: URISpec, shared: Once
) -> tuple[IndexInput, Writers]:
    """Open a source of an index, and what makes destinations for it and for all below it.

    Raises:
        OccystrapError: an end can't be opened, or keeps no indexes.
    """
    if source.scheme not in _SCHEMES or destination.scheme not in _SCHEMES:
        places = ", ".join(f"{scheme}://" for scheme in _SCHEMES)
        raise PipelineError(
            f"platform={ALL_PLATFORMS} goes only from and to what keeps indexes: {places}"
        )
    if builder.options.compression or "compression" in destination.options:
        raise PipelineError(
            f"platform={ALL_PLATFORMS} keeps every digest that no filter changes, and another"
            " compression doesn't: choose one of them"
        )
    image = _source(builder, source)
    try:
        return image, _writers(builder, destination, image, shared)
    except BaseException:
        image.close()
        raise


def _source(builder: PipelineBuilder, spec: URISpec) -> IndexInput:
    if spec.scheme == "registry":
        return builder.registry_input(spec)
    return layout_source(spec, builder.options)


def _writers(builder: PipelineBuilder, spec: URISpec, source: ImageInput, shared: Once) -> Writers:
    if spec.scheme != "registry":
        layout = layout_target(builder.disk_target(spec, source))

        def name(digest: Digest | None = None, *, changes: bool = False) -> IndexOutput:  # noqa: ARG001 - a layout's names follow the content
            return layout if digest is None else layout.at(digest)

        return name

    def make(digest: Digest | None = None, *, changes: bool = False) -> IndexOutput:
        tag = None if digest is None or changes else str(digest)
        writer = builder.registry_output(spec, tag, by_digest=changes)
        writer.share(shared)
        return writer

    return make
