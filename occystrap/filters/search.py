"""`search`: say which layers hold what matches a pattern, and pass the image on unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from occystrap.filters.base import LayerFilter
from occystrap.filters.matching import (
    LayerMatches,
    matcher,
    search_tar,
    told_to_people,
    told_to_scripts,
)
from occystrap.oci.reference import join_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from occystrap.filters.base import Means
    from occystrap.image.element import ImageElement
    from occystrap.image.layer import Layer
    from occystrap.outputs.base import ImageOutput

__all__ = ["SearchFilter"]


@final
class SearchFilter(LayerFilter[LayerMatches]):
    """Looks for files in all layers; `echo` gets what was found, in one piece, before it is moved.

    `image` and `tag` are for lines that scripts read, `platform` says which of several images it
    is. `results` has what was found, lowest layer
    first, when all are looked through.
    """

    activity = "searching"

    def __init__(  # noqa: PLR0913 - the signature is public
        self,
        wrapped: ImageOutput | None,
        pattern: str,
        image: str,
        tag: str,
        *,
        regex: bool = False,
        script_friendly: bool = False,
        platform: str = "",
        means: Means | None = None,
        echo: Callable[[str], None] = print,
    ) -> None:
        super().__init__(wrapped, means)
        self.image = image
        self.tag = tag
        self._matches = matcher(pattern, regex=regex)
        self._script_friendly = script_friendly
        self._platform = platform
        self._echo = echo
        self.results: tuple[LayerMatches, ...] = ()

    def look(self, element: ImageElement, layer: Layer) -> LayerMatches:
        """Look through a layer."""
        found = search_tar(self.read(element.name, layer), self._matches)
        return LayerMatches(element.name, tuple(found))

    def conclude(self, config: ImageElement | None, layers: list[ImageElement]) -> None:
        """Tell what was found, lowest layer first, and pass everything on."""
        found = self.results = tuple(self.found(element) for element in layers)
        if self._script_friendly:
            platform = f"?platform={self._platform}" if self._platform else ""
            lines = told_to_scripts(found, join_name(self.image, self.tag) + platform)
        else:
            lines = told_to_people(found, self._platform)
        if text := "\n".join(lines):
            self._echo(text)
        self.pass_all_on(config, layers)
