"""Reading JSON that others wrote."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.errors import InvalidManifest
from occystrap.oci.documents import (
    encode,
    field,
    list_field,
    load_object,
    load_objects,
    objects,
    string_map,
    texts,
)
from tests.support.strategies import TEXT, json_values

HALF = "\ud800"


@given(st.dictionaries(TEXT, st.integers() | TEXT | st.lists(TEXT), max_size=4))
def test_what_is_written_is_read_back(document: dict[str, object]) -> None:
    """Encoded documents load as they were, and encode to the same bytes again."""
    raw = encode(document)
    assert load_object(raw, "it") == document
    assert encode(load_object(raw, "it")) == raw


@given(st.binary() | json_values().map(lambda value: json.dumps(value).encode()))
def test_bytes_are_an_object_or_an_invalid_manifest(raw: bytes) -> None:
    """Whatever the bytes are, they hold one JSON object, or the named error says what they hold."""
    try:
        assert isinstance(load_object(raw, "it"), dict)
    except InvalidManifest as error:
        assert str(error).startswith("it is not")  # noqa: PT017 - either outcome is fine


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'"text"',
        b"{}{}",
        b"{'a':1}",
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":' * 100_000,
        b"[" * 100_000,
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_what_is_no_json_object(raw: bytes) -> None:
    """JSON is UTF-8 without byte order mark and without NaN, and of bearable depth."""
    with pytest.raises(InvalidManifest, match=r"it is not (a )?JSON.*it begins"):
        load_object(raw, "it")


def test_a_list_of_objects_is_read() -> None:
    """A JSON list may be empty, and holds objects only."""
    assert load_objects(b"[]", "it") == []
    assert load_objects(b'[{"a":1},{}]', "it") == [{"a": 1}, {}]


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b"[{},[]]", b"[{}", b"[" * 100_000])
def test_what_is_no_list_of_objects(raw: bytes) -> None:
    """Anything else is the named error."""
    with pytest.raises(InvalidManifest, match=r"it is not (a )?JSON.*it begins"):
        load_objects(raw, "it")


def test_of_a_name_that_is_there_twice_the_last_counts() -> None:
    """The registries, written in Go, read it the same way."""
    assert load_object(b'{"a":1,"a":2}', "it") == {"a": 2}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("1", int),
        (True, int),
        (1.0, int),
        (float("nan"), int),
        (1, str),
        ([], dict),
        ({}, list),
        (HALF, str),
        ("\udfff tail", str),
    ],
)
def test_a_field_of_another_kind_is_refused(value: object, kind: type) -> None:
    """A number isn't text, true is no number, and half a character is no text."""
    with pytest.raises(InvalidManifest, match="'a' of it"):
        field({"a": value}, "a", kind, "it")


@pytest.mark.parametrize("document", [{}, {"a": None}])
def test_absent_and_null_are_the_same(document: dict[str, object]) -> None:
    """Go writes null for an empty list, others leave it out."""
    assert field(document, "a", str, "it") is None
    assert list_field(document, "a", "it") == []
    assert objects(document, "a", "it") == []
    assert texts(document, "a", "it") == ()
    assert string_map(document, "a", "it") == ()


def test_fields_are_returned_as_they_are() -> None:
    """Lists of objects, lists of texts, and maps of texts keep their order."""
    document = {"o": [{"x": 1}, {}], "t": ["b", "a"], "m": {"z": "1", "a": "é"}}
    assert objects(document, "o", "it") == [{"x": 1}, {}]
    assert texts(document, "t", "it") == ("b", "a")
    assert string_map(document, "m", "it") == (("z", "1"), ("a", "é"))


@pytest.mark.parametrize("value", [[1], [[]], ["x"], [None], {"x": {}}, "x"])
def test_a_list_of_objects_holds_nothing_else(value: object) -> None:
    """One stranger in the list and the document isn't what it should be."""
    with pytest.raises(InvalidManifest):
        objects({"a": value}, "a", "it")


@pytest.mark.parametrize("value", [[1], [None], ["x", HALF], "x"])
def test_a_list_of_texts_holds_nothing_else(value: object) -> None:
    """One stranger in the list and the document isn't what it should be."""
    with pytest.raises(InvalidManifest):
        texts({"a": value}, "a", "it")


@pytest.mark.parametrize("value", [{"x": 1}, {"x": None}, {"x": HALF}, {HALF: "x"}, ["x"]])
def test_a_map_of_texts_holds_nothing_else(value: object) -> None:
    """One stranger in the map and the document isn't what it should be."""
    with pytest.raises(InvalidManifest):
        string_map({"a": value}, "a", "it")


def test_a_message_about_a_deep_value_is_short() -> None:
    """A value that could just be read can be told of, though it's too deep to be printed."""
    deep: object = "x"
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InvalidManifest) as caught:
        field({"a": deep}, "a", str, "it")
    assert len(str(caught.value)) < 200
