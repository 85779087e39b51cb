"""Filters are read as people type them, and put around an output."""

from __future__ import annotations

from pathlib import Path

import pytest

from occystrap.errors import InvalidInput
from occystrap.filters.base import Means
from occystrap.filters.build import Filters, Surroundings, read_filters
from occystrap.filters.inspect import InspectFilter
from occystrap.filters.rewrite import RewriteFilter
from occystrap.filters.search import SearchFilter
from tests.support.filtering import Run, Taken
from tests.support.handlers import Front

HERE = "registry://r.example/demo/image:1"
SURROUNDINGS = Surroundings("app", "1", Means())


def kinds(*texts: str) -> list[type]:
    """List what stands around an output, outermost first."""
    found: list[type] = []
    layer: object = read_filters(texts).around(Taken(), SURROUNDINGS)
    while not isinstance(layer, Taken):
        found.append(type(layer))
        layer = layer.wrapped  # type: ignore[attr-defined]
    return found


def test_filters_stand_in_their_order() -> None:
    """Those that change layers, and stand side by side, do it together."""
    exclude, normalize = "exclude:pattern=a", "Normalize_Timestamps"
    search, inspect = "search:pattern=a", "inspect:file=x"
    assert kinds() == []
    assert kinds(exclude, normalize) == [RewriteFilter]
    assert kinds(search, exclude, normalize, inspect) == [
        SearchFilter,
        RewriteFilter,
        InspectFilter,
    ]
    assert kinds(exclude, inspect, normalize) == [RewriteFilter, InspectFilter, RewriteFilter]


def test_without_filters_there_is_only_the_output() -> None:
    """Nothing stands in the way."""
    output = Taken()
    assert Filters().around(output, SURROUNDINGS) is output


@pytest.mark.parametrize("source", [HERE, f"{HERE}?platform=all"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Empty filter specification"),
        ("excluded:pattern=a", "Unknown filter: excluded (did you mean exclude?) (there is: "),
        ("normalise-timestamps", "(did you mean normalize-timestamps?)"),
        ("nonsense", "Unknown filter: nonsense (there is: normalize-timestamps, exclude, "),
        ("exclude:patern=a", "the option 'patern' (did you mean pattern?); it knows: pattern"),
        ("exclude", "exclude filter requires pattern option"),
        ("exclude:pattern=,", "exclude filter requires pattern option"),
        ("search", "search filter requires pattern option"),
        ("search:pattern=(,regex=true", "'(' is no regular expression"),
        ("search:pattern=a,regex=perhaps", "option regex is either true or false"),
        ("inspect", "inspect filter requires file option"),
        ("inspect:file=", "inspect filter requires file option"),
        ("normalize-timestamps:ts=1,timestamp=1", "ts or timestamp"),
        ("normalize-timestamps:ts=99999999999", "seconds from 0 to 8589934591"),
        ("normalize-timestamps:ts=noon", "ts takes a whole number"),
    ],
)
def test_a_mistake_is_told_before_anything_is_opened(
    run: Run, front: Front, source: str, text: str, said: str
) -> None:
    """No registry is asked, and no file is begun."""
    with pytest.raises(InvalidInput) as caught:
        run(source, "ocitar://new.tar", "exclude:pattern=a", text)
    assert said in str(caught.value)
    assert front.seen == []
    assert list(Path().iterdir()) == []
