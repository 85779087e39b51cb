"""The filters that change layers, any number of them at once.

Rule: a layer in which nothing changes is carried as it is stored. Of the others the tar is made
anew; they are known by its digest, and the config names it.
"""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, final

from occystrap.errors import ImageInputError
from occystrap.filters.base import LayerFilter
from occystrap.filters.remake import LayerRewriter, Remade, Remake
from occystrap.image.cache import filters_hash
from occystrap.image.element import CONFIG_FILE, IMAGE_LAYER, ImageElement
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.documents import encode, load_object
from occystrap.oci.manifest import Config
from occystrap.oci.media_types import Compression, Family, layer_media_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from occystrap.filters.base import Means
    from occystrap.image.cache import LayerCache
    from occystrap.image.layer import Layer
    from occystrap.outputs.base import ImageOutput

__all__ = ["ContentFilter", "RewriteFilter"]

_LOG: Final = logging.getLogger(__name__)
_TAR: Final = layer_media_type(Family.OCI, Compression.NONE)
_SHOWN: Final = 12


class ContentFilter(Protocol):
    """A filter that changes what is in layers."""

    @property
    def recipe(self) -> tuple[str, Mapping[str, object]]:
        """Its name, and the options by which it does the same to the same layer."""
        ...

    def rewriter(self) -> LayerRewriter:
        """Begin with a layer."""
        ...


@final
@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a layer has become; `layer` is None if it is the same."""

    diff_id: Digest
    layer: Layer | None = None


@final
class RewriteFilter(LayerFilter[_Outcome]):
    """Lets filters change the layers, one after the other in a single pass.

    With a `cache` a layer that was seen before isn't read to know what it becomes.
    """

    activity = "filtering"

    def __init__(
        self,
        wrapped: ImageOutput | None,
        filters: Sequence[ContentFilter],
        *,
        means: Means | None = None,
        cache: LayerCache | None = None,
    ) -> None:
        super().__init__(wrapped, means)
        self._filters = filters
        self._cache = cache
        self._recipe = filters_hash(Compression.NONE, [each.recipe for each in filters])

    def look(self, element: ImageElement, layer: Layer) -> _Outcome:
        """Find out what the layer becomes.

        Raises:
            OccystrapError: it can't be read, or is no tar.
        """
        remake = Remake(layer, [each.rewriter() for each in self._filters])
        before = layer.diff_id
        if before is None:
            remade = self._remade(element, layer, remake)
            known, before = Descriptor(_TAR, remade.digest, remade.size), remade.original
        else:
            make = partial(self._known, element, layer, before, remake)
            known, _ = self._means.shared.get(("filtered", before, self._recipe), make)
        if known.digest == before:
            return _Outcome(known.digest)
        return _Outcome(known.digest, remake.layer(known.digest, known.size))

    def _known(
        self, element: ImageElement, layer: Layer, diff_id: Digest, remake: Remake
    ) -> Descriptor:
        """Look what the layer becomes, unless it was seen before."""
        found = None if self._cache is None else self._cache.lookup(diff_id.encoded, self._recipe)
        if found is not None:
            return found.stored
        remade = self._remade(element, layer, remake)
        known = Descriptor(_TAR, remade.digest, remade.size)
        if self._cache is not None:
            self._cache.record(diff_id.encoded, self._recipe, known, known.digest)
        return known

    def _remade(self, element: ImageElement, layer: Layer, remake: Remake) -> Remade:
        remade = remake.look(lambda: self.read(element.name, layer))
        for remark in remake.remarks:
            _LOG.info("%s from layer %s", remark, element.name[:_SHOWN])
        return remade

    def conclude(self, config: ImageElement | None, layers: list[ImageElement]) -> None:
        """Pass on a config that names what the layers have become, and the layers."""
        if self._cache is not None:
            self._cache.save()
        outcomes = [self.found(element) for element in layers]
        if config is not None:
            diff_ids = [outcome.diff_id for outcome in outcomes]
            config = _renewed(config, diff_ids)
        for number, outcome in enumerate(outcomes):
            if outcome.layer is not None:
                name = outcome.diff_id.encoded
                layers[number] = ImageElement(
                    IMAGE_LAYER, name, layer_index=number, layer=outcome.layer
                )
        self.pass_all_on(config, layers)


def _renewed(element: ImageElement, diff_ids: list[Digest]) -> ImageElement:
    """Name other layers in a config; everything else in it stays, its history too.

    Raises:
        ImageInputError: it is no config of an image with so many layers.
    """
    raw = element.read_config()
    before = Config.parse(raw).diff_ids
    if len(before) != len(diff_ids):
        raise ImageInputError(
            f"what has {len(diff_ids)} layers, of which the config names {len(before)}, is no image"
            " whose layers could be filtered"
        )
    if list(before) == diff_ids:
        return element
    document = load_object(raw, "the image configuration")
    document["rootfs"]["diff_ids"] = [str(diff_id) for diff_id in diff_ids]
    changed = encode(document)
    return replace(
        element,
        element_type=CONFIG_FILE,
        name=f"{Digest.of(changed).encoded}.json",
        data=io.BytesIO(changed),
        manifest=None,
        origin=element.manifest or element.origin,
    )
