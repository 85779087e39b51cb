"""What a daemon tells of its work while it works: JSON objects, one after the other.

Rule: an object that is an error is found wherever it stands, also behind a cut-off archive.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import re
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["error_at_the_end", "error_in", "loaded_names", "objects"]

#: The most that one object may have.
_LIMIT: Final = 1024 * 1024
#: containerd's image store says this of an image whose layers aren't what its config names.
_BROKEN: Final = "Error unpacking image"
_LOADED: Final = re.compile(r"Loaded image(?: ID)?: (?P<names>\S.*)")


def objects(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Take a stream of JSON objects apart, which lines may divide or not.

    Raises:
        ValueError: it is something else.
    """
    decoder, text = json.JSONDecoder(), ""
    to_text = codecs.getincrementaldecoder("utf-8")("replace")
    for chunk in chunks:
        text = (text + to_text.decode(chunk)).lstrip()
        while text:
            try:
                document, end = decoder.raw_decode(text)
            except ValueError:
                if len(text) > _LIMIT:
                    raise
                break
            if not isinstance(document, dict):
                raise ValueError(f"not an object: {text[:20]}")  # noqa: TRY004 - as of what isn't JSON
            yield cast("dict[str, Any]", document)
            text = text[end:].lstrip()
    if text:
        raise ValueError(f"not JSON: {text[:20]}")


def error_in(line: Mapping[str, Any]) -> str | None:
    """Return what went wrong, if an object says so."""
    detail = line.get("errorDetail")
    said = detail.get("message") if isinstance(detail, dict) else None
    said = said or line.get("error")
    told = str(line.get("stream", "")).strip()
    if said is None and told.startswith(_BROKEN):
        return told
    return None if said is None else str(said)


def error_at_the_end(tail: bytes) -> str | None:
    """Return what Docker writes behind an archive that it can't finish."""
    _, found, rest = tail.rpartition(b'{"errorDetail"')
    with contextlib.suppress(ValueError):
        return error_in(json.loads(found + rest)) if found else None
    return None


def loaded_names(line: Mapping[str, Any]) -> list[str]:
    """Return the names, or the identifier, of what was loaded, if an object tells of it."""
    found = _LOADED.fullmatch(str(line.get("stream", "")).strip())
    return [] if found is None else [name.strip() for name in found["names"].split(",")]
