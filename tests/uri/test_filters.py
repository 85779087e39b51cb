"""Filters: their names and their options."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.uri import (
    FilterSpec,
    URIParseError,
    check_filter,
    parse_filter,
    text_list,
)


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("normalize-timestamps", "normalize-timestamps", {}),
        ("Normalize_Timestamps:", "normalize-timestamps", {}),
        ("normalize-timestamps:ts=0", "normalize-timestamps", {"ts": 0}),
        ("normalize-timestamps:timestamp=1", "normalize-timestamps", {"timestamp": 1}),
        ("exclude:pattern=*.pyc", "exclude", {"pattern": "*.pyc"}),
        ("exclude:pattern=*.pyc,*.log", "exclude", {"pattern": "*.pyc,*.log"}),
        ("exclude:pattern=a,pattern=b,c", "exclude", {"pattern": ["a", "b,c"]}),
        ("exclude:pattern=a=b,*=c", "exclude", {"pattern": "a=b,*=c"}),
        ("search:pattern=1", "search", {"pattern": "1"}),
        (
            "search:pattern=bin/.*,regex=true, script-friendly=yes",
            "search",
            {"pattern": "bin/.*", "regex": True, "script_friendly": True},
        ),
        ("search:regex=true,pattern=a{1,3}", "search", {"regex": True, "pattern": "a{1,3}"}),
        ("inspect:file=/a,b:c.json", "inspect", {"file": "/a,b:c.json"}),
        ("inspect:file=100%25.json", "inspect", {"file": "100%25.json"}),
        ("other:a=1,b=2,b=x", "other", {"a": True, "b": [2, "x"]}),
    ],
)
def test_a_filter_has_a_name_and_options(text: str, name: str, options: dict[str, object]) -> None:
    """What follows a comma and is no option belongs to the value before."""
    assert parse_filter(text) == FilterSpec(name, options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Empty filter specification"),
        (" ", "Empty filter specification"),
        (":a=b", "Empty filter specification"),
        ("exclude:*.pyc", "Invalid filter option (missing =): *.pyc"),
        ("search:regex=true,oops", "Invalid filter option (missing =): oops"),
        ("normalize-timestamps:ts=0,1", "Invalid filter option (missing =): 1"),
        ("normalize-timestamps:ts=-1", "option ts takes a whole number, 0 or more"),
        ("search:regex=perhaps", "option regex is either true or false"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(text: str, message: str) -> None:
    """The error says why."""
    with pytest.raises(URIParseError) as caught:
        parse_filter(text)
    assert str(caught.value) == message


def test_a_filter_is_held_against_what_it_knows() -> None:
    """Its name, its options, and how often they come."""
    check_filter(parse_filter("exclude:pattern=a,pattern=b"))
    check_filter(parse_filter("search:pattern=a,regex=true,script-friendly=true"))
    with pytest.raises(URIParseError, match=r"Unknown filter: excluded .*exclude, search"):
        check_filter(parse_filter("excluded:pattern=a"))
    with pytest.raises(URIParseError, match=r"filter exclude .* 'glob'; it knows: pattern"):
        check_filter(parse_filter("exclude:glob=a"))
    with pytest.raises(URIParseError, match="filter search has the option 'pattern' 2 times"):
        check_filter(parse_filter("search:pattern=a,pattern=b"))


@pytest.mark.parametrize(
    ("text", "patterns"),
    [
        ("exclude:pattern=*.pyc", ("*.pyc",)),
        ("exclude:pattern=*.pyc, *.log,", ("*.pyc", "*.log")),
        ("exclude:pattern=a,b,pattern=c", ("a", "b", "c")),
        ("exclude:pattern=", ()),
    ],
)
def test_several_patterns_come_in_any_form(text: str, patterns: tuple[str, ...]) -> None:
    """Divided by commas, repeated, or both."""
    assert text_list(parse_filter(text).options["pattern"]) == patterns


@given(st.text())
def test_any_text_is_a_filter_or_a_named_error(text: str) -> None:
    """Nothing else comes out of the parser."""
    with contextlib.suppress(URIParseError):
        check_filter(parse_filter(text))
