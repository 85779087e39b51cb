"""From what people type to filters around an output.

Rule: a filter is a row of a table. All of them are read before anything is opened, so that a typing
mistake costs nothing; those that change layers and stand side by side do it in one pass. A filter
is imported when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import InvalidOption
from occystrap.filters.base import Means, at_once
from occystrap.uri import FilterSpec, check_filter, parse_filter, text_list

if TYPE_CHECKING:
    from occystrap.filters.rewrite import ContentFilter
    from occystrap.image.cache import LayerCache
    from occystrap.outputs.base import ImageOutput

__all__ = ["Filters", "Surroundings", "read_filters"]


@final
@dataclass(frozen=True, slots=True)
class Surroundings:
    """What filters are told of the run: the name of the image, and where results go.

    `platform` says which of several images it is; `later` is given what is to be done when all of
    them have arrived.
    """

    image: str
    tag: str
    means: Means
    cache: LayerCache | None = None
    echo: Callable[[str], None] = print
    platform: str = ""
    later: Callable[[Callable[[], None]], None] = at_once


@final
@dataclass(frozen=True, slots=True)
class _Watcher:
    """A filter that changes nothing."""

    wrap: Callable[[ImageOutput, Surroundings], ImageOutput]


@final
@dataclass(frozen=True, slots=True)
class Filters:
    """Filters in the order in which elements meet them."""

    steps: tuple[ContentFilter | _Watcher, ...] = ()

    def around(self, output: ImageOutput, surroundings: Surroundings) -> ImageOutput:
        """Wrap an output; what is returned leads to it, and closes it."""
        together: list[ContentFilter] = []
        for step in reversed(self.steps):
            if isinstance(step, _Watcher):
                output = step.wrap(_changing(output, together, surroundings), surroundings)
                together = []
            else:
                together.insert(0, step)
        return _changing(output, together, surroundings)


def _changing(
    output: ImageOutput, filters: Sequence[ContentFilter], surroundings: Surroundings
) -> ImageOutput:
    if not filters:
        return output
    from occystrap.filters.rewrite import RewriteFilter

    return RewriteFilter(output, filters, means=surroundings.means, cache=surroundings.cache)


def read_filters(texts: Sequence[str], temp_dir: str | None = None) -> Filters:
    """Read filters as they are typed: `NAME:OPTION=VALUE,...`.

    Raises:
        URIParseError: there is no such filter, or it has no such option.
        InvalidOption: an option is missing, or has a value that it can't have.
    """
    steps: list[ContentFilter | _Watcher] = []
    for text in texts:
        spec = parse_filter(text)
        check_filter(spec)
        steps.append(_FILTERS[spec.name](spec, temp_dir))
    return Filters(tuple(steps))


def _normalize_timestamps(spec: FilterSpec, _temp_dir: str | None) -> ContentFilter:
    from occystrap.filters.timestamps import NormalizeTimestamps

    if {"ts", "timestamp"} <= spec.options.keys():
        raise InvalidOption("normalize-timestamps takes ts or timestamp, which mean the same")
    found = spec.options.get("ts", spec.options.get("timestamp", 0))
    return NormalizeTimestamps(int(str(found)))


def _exclude(spec: FilterSpec, temp_dir: str | None) -> ContentFilter:
    from occystrap.filters.exclude import Exclude

    return Exclude(text_list(spec.options.get("pattern", [])), temp_dir)


def _search(spec: FilterSpec, _temp_dir: str | None) -> _Watcher:
    from occystrap.filters.matching import matcher
    from occystrap.filters.search import SearchFilter

    pattern, regex = str(spec.options.get("pattern", "")), bool(spec.options.get("regex"))
    matcher(pattern, regex=regex)

    def wrap(output: ImageOutput, surroundings: Surroundings) -> ImageOutput:
        return SearchFilter(
            output,
            pattern,
            surroundings.image,
            surroundings.tag,
            regex=regex,
            script_friendly=bool(spec.options.get("script_friendly")),
            platform=surroundings.platform,
            means=surroundings.means,
            echo=surroundings.echo,
        )

    return _Watcher(wrap)


def _inspect(spec: FilterSpec, _temp_dir: str | None) -> _Watcher:
    from occystrap.filters.inspect import InspectFilter

    file = str(spec.options.get("file", ""))
    if not file:
        raise InvalidOption("inspect filter requires file option")

    def wrap(output: ImageOutput, surroundings: Surroundings) -> ImageOutput:
        return InspectFilter(
            output,
            file,
            surroundings.image,
            surroundings.tag,
            means=surroundings.means,
            platform=surroundings.platform,
            later=surroundings.later,
        )

    return _Watcher(wrap)


_FILTERS: Final[dict[str, Callable[[FilterSpec, str | None], ContentFilter | _Watcher]]] = {
    "normalize-timestamps": _normalize_timestamps,
    "exclude": _exclude,
    "search": _search,
    "inspect": _inspect,
}
