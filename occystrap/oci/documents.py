"""Reading JSON documents that others wrote: the small checks that manifests and configs share.

Rule: whatever the bytes are, the only error is the one named.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar, cast

from occystrap.errors import InvalidManifest

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["encode", "field", "list_field", "load_object", "objects", "string_map"]

T = TypeVar("T")


def load_object(raw: bytes, what: str) -> dict[str, Any]:
    """Read bytes that hold one JSON object.

    Raises:
        InvalidManifest: they hold something else; the message quotes how they begin.
    """
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidManifest(f"{what} is not JSON (it begins {raw[:50]!r})") from error
    if not isinstance(document, dict):
        raise InvalidManifest(f"{what} is not a JSON object (it begins {raw[:50]!r})")
    return cast("dict[str, Any]", document)


def encode(document: Mapping[str, object]) -> bytes:
    """Write a JSON document: the same bytes for the same content, everywhere."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def field(document: Mapping[str, Any], name: str, kind: type[T], what: str) -> T | None:
    """One field of an object; None when it is absent or null.

    Raises:
        InvalidManifest: it is there and of another kind.
    """
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InvalidManifest(f"{name!r} of {what} is not a JSON {kind.__name__}: {value!r:.80}")
    return value


def list_field(document: Mapping[str, Any], name: str, what: str) -> list[Any]:
    """A field that holds a list; empty when it is absent or null."""
    return cast("list[Any]", field(document, name, list, what) or [])


def objects(document: Mapping[str, Any], name: str, what: str) -> list[dict[str, Any]]:
    """A field that holds a list of objects; empty when it is absent or null."""
    values = list_field(document, name, what)
    if not all(isinstance(value, dict) for value in values):
        raise InvalidManifest(f"{name!r} of {what} holds something that is no JSON object")
    return cast("list[dict[str, Any]]", values)


def string_map(document: Mapping[str, Any], name: str, what: str) -> tuple[tuple[str, str], ...]:
    """A field that maps text to text, as pairs in the order of the document."""
    values = cast("dict[str, Any]", field(document, name, dict, what) or {})
    if not all(isinstance(value, str) for value in values.values()):
        raise InvalidManifest(f"{name!r} of {what} maps something to what is no text")
    return tuple(values.items())
