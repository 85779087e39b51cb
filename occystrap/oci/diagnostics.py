"""The error codes of the distribution API, and the body that carries them, both ways.

Rule: a server writes only the form of the specification; a client reads whatever it is told.
Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Diagnostic", "ErrorCode", "parse_diagnostics", "render_diagnostics"]

_LONGEST_MESSAGE: Final = 200
#: So much of a text is looked at for that; the rest may be white space without end.
_LOOKED_AT: Final = 4096


class ErrorCode(Enum):
    """A code, the status it comes with, and what it says when there is nothing better to say."""

    BLOB_UNKNOWN = (404, "blob unknown to registry")
    BLOB_UPLOAD_INVALID = (400, "blob upload invalid")
    BLOB_UPLOAD_UNKNOWN = (404, "blob upload unknown to registry")
    DENIED = (403, "requested access to the resource is denied")
    DIGEST_INVALID = (400, "provided digest did not match uploaded content")
    MANIFEST_BLOB_UNKNOWN = (404, "manifest references a manifest or blob unknown to registry")
    MANIFEST_INVALID = (400, "manifest invalid")
    MANIFEST_UNKNOWN = (404, "manifest unknown to registry")
    NAME_INVALID = (400, "invalid repository name")
    NAME_UNKNOWN = (404, "repository name not known to registry")
    PAGINATION_NUMBER_INVALID = (400, "invalid number of results requested")
    RANGE_INVALID = (416, "invalid content range")
    SIZE_INVALID = (400, "provided length did not match content length")
    TAG_INVALID = (400, "manifest tag did not match URI")
    TOOMANYREQUESTS = (429, "too many requests")
    UNAUTHORIZED = (401, "authentication required")
    UNAVAILABLE = (503, "service unavailable")
    UNKNOWN = (500, "unknown error")
    UNSUPPORTED = (405, "the operation is unsupported")

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that a registry has to say; `code` is empty when it gave none."""

    code: str
    message: str = ""
    detail: object = None

    def __str__(self) -> str:
        return ": ".join(part for part in (self.code, self.message) if part)


def render_diagnostics(diagnostics: Iterable[Diagnostic]) -> bytes:
    """Write the body of an error answer."""
    errors: list[dict[str, object]] = []
    for diagnostic in diagnostics:
        error: dict[str, object] = {"code": diagnostic.code, "message": diagnostic.message}
        if diagnostic.detail is not None:
            error["detail"] = diagnostic.detail
        errors.append(error)
    return json.dumps({"errors": errors}, separators=(",", ":")).encode()


def parse_diagnostics(body: bytes) -> tuple[Diagnostic, ...]:
    """Read what an error answer says, in any of the forms that registries and proxies use.

    JSON of the specification and its relatives, the XML of object stores, the title of an HTML
    page, or plain text; never raises. Messages are cut at 200 characters.
    """
    text = body.decode("utf-8", "replace").strip()
    if not text:
        return ()
    try:
        return _from_json(text)
    except (ValueError, RecursionError):
        return _from_markup(text) if text.startswith("<") else (Diagnostic("", _clean(text)),)


def _from_json(text: str) -> tuple[Diagnostic, ...]:
    document: Any = json.loads(text)
    errors: Any = document.get("errors") if isinstance(document, dict) else None
    entries: list[Any] = errors if isinstance(errors, list) else [document]
    return tuple(map(_from_entry, entries))


def _from_entry(entry: Any) -> Diagnostic:
    if not isinstance(entry, dict):
        return Diagnostic("", _as_text(entry))
    fields = cast("dict[str, Any]", entry)
    code: Any = fields.get("code") or fields.get("error_type")
    names = ("message", "error_message", "error", "detail", "details", "title")
    message = next((fields[name] for name in names if fields.get(name)), "")
    return Diagnostic(
        _clean(code) if isinstance(code, str) else "", _as_text(message), fields.get("detail")
    )


def _from_markup(text: str) -> tuple[Diagnostic, ...]:
    """Read the page of a proxy, or the XML of an object store."""
    if re.search(r"<html|<!doctype", text[:512], re.IGNORECASE):
        title = _element(text, "title") or _element(text, "h1") or "an HTML page"
        return (Diagnostic("", title),)
    return (Diagnostic(_element(text, "Code"), _element(text, "Message")),)


def _element(text: str, name: str) -> str:
    """Return the text of the first element of a name, in two searches that never look back."""
    begin = re.search(rf"<{name}(?:\s[^<>]*)?>", text, re.IGNORECASE)
    if begin is None:
        return ""
    end = re.compile(rf"</{name}", re.IGNORECASE).search(text, begin.end())
    return _clean(text[begin.end() : end.start() if end is not None else None])


def _as_text(value: object) -> str:
    return _clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _clean(text: str) -> str:
    """Make one short line that can be shown on a terminal."""
    printable = (character if character.isprintable() else " " for character in text[:_LOOKED_AT])
    return " ".join("".join(printable).split())[:_LONGEST_MESSAGE]
