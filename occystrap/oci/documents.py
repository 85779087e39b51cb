"""Reading JSON documents that others wrote: the small checks that manifests and configs share.

Rule: whatever the bytes are, the only error is the one named.
Spec: RFC 8259. Of a name that is there twice the last counts, as it does for Go's encoding/json.
"""

from __future__ import annotations

import json
import re
import reprlib
from typing import TYPE_CHECKING, Any, Final, Never, TypeVar, cast

from occystrap.errors import InvalidManifest

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "encode",
    "field",
    "list_field",
    "load_object",
    "load_objects",
    "objects",
    "string_map",
    "texts",
]

T = TypeVar("T")

#: What JSON can escape, but no UTF-8 can hold: it couldn't be printed or sent.
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


def load_object(raw: bytes, what: str) -> dict[str, Any]:
    """Read bytes that hold one JSON object, in UTF-8 as every registry wants it.

    Raises:
        InvalidManifest: they hold something else; the message quotes how they begin.
    """
    document = _load(raw, what)
    if not isinstance(document, dict):
        raise InvalidManifest(f"{what} is not a JSON object (it begins {raw[:50]!r})")
    return cast("dict[str, Any]", document)


def load_objects(raw: bytes, what: str) -> list[dict[str, Any]]:
    """Read bytes that hold a JSON list of objects, as `docker save` writes it.

    Raises:
        InvalidManifest: they hold something else; the message quotes how they begin.
    """
    document = _load(raw, what)
    if not isinstance(document, list) or not all(isinstance(value, dict) for value in document):
        raise InvalidManifest(f"{what} is not a JSON list of objects (it begins {raw[:50]!r})")
    return cast("list[dict[str, Any]]", document)


def _load(raw: bytes, what: str) -> object:
    try:
        return json.loads(raw.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidManifest(f"{what} is not JSON (it begins {raw[:50]!r})") from error


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON")  # though Python reads and writes NaN and Infinity


def encode(document: Mapping[str, object]) -> bytes:
    """Write a JSON document: the same bytes for the same content, everywhere."""
    try:
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a character somewhere, which JSON can only escape
        return json.dumps(document, separators=(",", ":")).encode()


def field(document: Mapping[str, Any], name: str, kind: type[T], what: str) -> T | None:
    """Return one field of an object; None when it is absent or null.

    Raises:
        InvalidManifest: it is there and of another kind, or text that can't be written.
    """
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        quoted = reprlib.repr(value)
        raise InvalidManifest(f"{name!r} of {what} is not a JSON {kind.__name__}: {quoted}")
    if isinstance(value, str) and not _is_text(value):
        raise InvalidManifest(f"{name!r} of {what} holds half a character: {reprlib.repr(value)}")
    return value


def list_field(document: Mapping[str, Any], name: str, what: str) -> list[Any]:
    """Return a field that holds a list; empty when it is absent or null."""
    return cast("list[Any]", field(document, name, list, what) or [])


def objects(document: Mapping[str, Any], name: str, what: str) -> list[dict[str, Any]]:
    """Return a field that holds a list of objects; empty when it is absent or null."""
    values = list_field(document, name, what)
    if not all(isinstance(value, dict) for value in values):
        raise InvalidManifest(f"{name!r} of {what} holds something that is no JSON object")
    return cast("list[dict[str, Any]]", values)


def texts(document: Mapping[str, Any], name: str, what: str) -> tuple[str, ...]:
    """Return a field that holds a list of texts; empty when it is absent or null."""
    values = list_field(document, name, what)
    if not all(map(_is_text, values)):
        raise InvalidManifest(f"{name!r} of {what} holds something that is no text")
    return tuple(values)


def string_map(document: Mapping[str, Any], name: str, what: str) -> tuple[tuple[str, str], ...]:
    """Return a field that maps text to text, as pairs in the order of the document."""
    values = cast("dict[str, Any]", field(document, name, dict, what) or {})
    if not all(_is_text(key) and _is_text(value) for key, value in values.items()):
        raise InvalidManifest(f"{name!r} of {what} maps something to what is no text")
    return tuple(values.items())


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not _SURROGATE.search(value)
