"""What a URI or a filter says, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from occystrap.uri.options import OptionValue, Scalar, mask

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NAMED", "FilterSpec", "URISpec", "redacted"]

#: Schemes whose path may be followed by a colon and the name of an image.
NAMED: Final = frozenset({"ocidir", "ocitar"})

#: What would end a path or a value, or is no character that a terminal should get.
_ENCODED: Final = re.compile(r"[%?&\x00-\x1f\x7f-\x9f\udc80-\udcff]")


@dataclass(frozen=True, slots=True, repr=False)
class URISpec:
    """A source or a destination; `str` writes it as a URI, secrets masked.

    The scheme is lower case and no alias. Where it names a file, all of that is in `path`;
    elsewhere `host` is what comes before the first slash, and `path` begins with that slash. User
    name and password are options.
    """

    scheme: str
    host: str
    path: str
    options: Mapping[str, OptionValue] = field(default_factory=dict)

    def __repr__(self) -> str:
        return (
            f"URISpec(scheme={self.scheme!r}, host={self.host!r}, path={self.path!r},"
            f" options={mask(self.options)!r})"
        )

    def __str__(self) -> str:
        return redacted(self)


@dataclass(frozen=True, slots=True, repr=False)
class FilterSpec:
    """A filter; its name is lower case, with dashes."""

    name: str
    options: Mapping[str, OptionValue] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"FilterSpec(name={self.name!r}, options={mask(self.options)!r})"


def redacted(spec: URISpec) -> str:
    """Write a URI for people to read, its secrets masked; without any it can be parsed again."""
    written = [
        f"{name}={_encode(_word(value))}"
        for name, values in mask(spec.options).items()
        for value in (values if isinstance(values, list) else [values])
    ]
    query = "?" + "&".join(written) if written else ""
    path = _encode(spec.path)
    if spec.scheme in NAMED:
        path = path.replace(":", "%3A")
    return f"{spec.scheme}://{_encode(spec.host)}{path}{query}"


def _encode(text: str) -> str:
    return _ENCODED.sub(lambda found: quote(found[0], errors="surrogateescape"), text)


def _word(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
