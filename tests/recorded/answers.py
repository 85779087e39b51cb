"""What is compared of the answers of two registries.

Rule: what a registry names by itself (sessions, cursors, states, other hosts) is replaced, and what
is left counts: status, headers, and the body, of JSON at least its shape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx

__all__ = ["Answer", "read", "shape", "values"]

#: What connections and clocks say, and lengths of bodies that hold other names.
_NOT_COMPARED: Final = frozenset(
    {"connection", "content-length", "date", "keep-alive", "transfer-encoding"}
)
_OK: Final = 200
#: Of these fields the words count, too.
_WORDS: Final = frozenset({"code", "error", "error_type", "error_message", "title", "message"})
#: These are new with each answer.
_PASSING: Final = frozenset({"access_token", "issued_at", "token"})
_NAMES: Final = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "SESSION"),
    (re.compile(r"gAAAAA[\w%=-]+|scrubbed-state-\d+"), "CURSOR"),
    (re.compile(r"_state=[^&>]+"), "_state=STATE"),
)

#: What is compared of JSON.
Reduce = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is compared of an answer: a status, headers by name, and what is left of the body."""

    status: int
    headers: Mapping[str, str]
    body: object

    def differs(self, other: Answer) -> Iterator[str]:
        """Name what isn't the same, as `status`, `NAME` of a header, or `body`."""
        if self.status != other.status:
            yield "status"
        names = self.headers.keys() | other.headers.keys()
        yield from sorted(
            name for name in names if self.headers.get(name) != other.headers.get(name)
        )
        if self.body != other.body:
            yield "body"


def read(
    method: str,
    response: tuple[int, httpx.Headers, bytes],
    host: str,
    names: Mapping[str, str],
    reduce: Reduce,
) -> Answer:
    """Take what is compared; `names` of a registry are written as the other one has them.

    URLs of any other host than `host` are elsewhere.
    """
    status, headers, content = response

    def neutral(text: str) -> str:
        return _neutral(text, host, names)

    kept = {
        name: neutral(value) for name, value in headers.items() if name.lower() not in _NOT_COMPARED
    }
    if method == "HEAD" and status == _OK and headers.get("content-type") != "application/json":
        kept["content-length"] = headers.get("content-length", "")  # of a blob, or of a manifest
    return Answer(status, kept, None if method == "HEAD" else _body(content, neutral, reduce))


def _neutral(text: str, host: str, names: Mapping[str, str]) -> str:
    """Replace what each registry names by itself; of a signed URL the parameters' names stay."""
    for name, other in names.items():
        text = text.replace(name, other)
    for pattern, word in _NAMES:
        text = pattern.sub(word, text)
    if host in text or not text.startswith("http"):
        return text
    parts = urlsplit(text)
    return f"elsewhere, with {', '.join(sorted(dict(parse_qsl(parts.query))))}"


def _body(content: bytes, neutral: Callable[[str], str], reduce: Reduce) -> object:
    """Reduce JSON, and leave other texts as they are."""
    try:
        return reduce(json.loads(content))
    except ValueError:
        pass
    try:
        return neutral(content.decode())
    except UnicodeDecodeError:
        return content


def shape(value: Any) -> object:
    """Keep the names of fields, the types of values, and the words of errors."""
    if isinstance(value, dict):
        return {
            name: each if name in _WORDS and isinstance(each, str) else shape(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return sorted({json.dumps(shape(each), sort_keys=True) for each in value})
    return type(value).__name__


def values(value: Any) -> object:
    """Keep everything but what is new with each answer, details of null, and the order of tags."""
    if isinstance(value, dict):
        kept = {
            name: type(each).__name__ if name in _PASSING else values(each)
            for name, each in value.items()
            if each is not None or name != "detail"
        }
        return kept | ({"tags": sorted(value["tags"])} if value.get("tags") else {})
    if isinstance(value, list):
        return [values(each) for each in value]
    return value
