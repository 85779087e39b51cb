"""What daemons tell of their work, taken apart."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.daemon.stream import error_at_the_end, error_in, loaded_names, objects

LINES: list[dict[str, Any]] = [
    {"status": "The push refers to repository [127.0.0.1:5055/tiny/pushed]"},
    {"stream": "Loaded image: tiny/é日本:v1\n"},
    {"progressDetail": {}, "aux": {"Tag": "p1", "Size": 734}},
    {},
]


@pytest.mark.parametrize("between", ["", "\n", "\r\n", " \n\n"])
@given(cuts=st.lists(st.integers(0, 400), max_size=6))
def test_objects_come_out_however_they_are_cut(between: str, cuts: list[int]) -> None:
    """Lines divide them or nothing does, and chunks end anywhere, also within a character."""
    whole = between.join(json.dumps(line, ensure_ascii=False) for line in LINES).encode()
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    chunks = [whole[start:end] for start, end in pairwise(places)]
    assert list(objects(chunks)) == LINES


@pytest.mark.parametrize("text", ["{", "[]", "7", "{} x", '{"a": "' + "x" * (2 << 20)])
def test_what_is_no_object_is_an_error(text: str) -> None:
    """So is one that doesn't end, be it ever so long."""
    with pytest.raises(ValueError, match=r"JSON|object|Unterminated"):
        list(objects([text.encode()]))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"errorDetail": {"message": "no space"}, "error": "no space"}, "no space"),
        ({"error": "no space"}, "no space"),
        ({"errorDetail": {}, "error": "no space"}, "no space"),
        ({"stream": "Error unpacking image a:1: wrong diff id\n"}, "Error unpacking image a:1"),
        ({"stream": "Loaded image: error:1\n"}, None),
        ({"status": "Error"}, None),
    ],
)
def test_errors_that_hide_in_a_stream(line: dict[str, Any], said: str | None) -> None:
    """Those of Docker, of Podman, and of containerd's image store, which has no word for it."""
    found = error_in(line)
    assert (found or "").startswith(said or "")
    assert (found is None) is (said is None)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Loaded image: tiny/img:v1\n", ["tiny/img:v1"]),
        ("Loaded image: localhost/dup:1,localhost/dup:2", ["localhost/dup:1", "localhost/dup:2"]),
        ("Loaded image ID: sha256:ea37\n", ["sha256:ea37"]),
        ("The image a:1 already exists, renaming the old one with ID x to empty string\n", []),
        ("", []),
    ],
)
def test_the_names_of_what_was_loaded(text: str, names: list[str]) -> None:
    """As Docker says them, one a line, and as Podman does, in one."""
    assert loaded_names({"stream": text}) == names


def test_an_error_behind_an_archive() -> None:
    """Docker writes it there when it can't go on; the names of files aren't taken for one."""
    line = json.dumps({"errorDetail": {"message": "lost"}, "error": "lost"}).encode()
    assert error_at_the_end(b"\0" * 100 + line + b"\r\n") == "lost"
    assert error_at_the_end(b"\0" * 100) is None
    assert error_at_the_end(b'{"errorDetail": cut') is None
