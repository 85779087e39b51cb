"""Options of URIs and filters: from text to values, and which of them may be shown.

Rule: the name of an option decides what its value is, never the looks of the value; a password of
digits stays text. Only of names that are not known the looks have to do.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

from occystrap.errors import URIParseError
from occystrap.oci.redaction import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "SECRET",
    "OptionValue",
    "Scalar",
    "collect",
    "is_option_name",
    "is_text",
    "mask",
    "text_list",
]

Scalar: TypeAlias = bool | int | str
OptionValue: TypeAlias = Scalar | list[Scalar]

#: Options that are never shown.
SECRET: Final = frozenset({"username", "password", "token"})
_SHOWN_TEXT: Final = frozenset(
    {"arch", "architecture", "base", "ca_file", "cert", "compression", "file", "image", "key"}
    | {"os", "pattern", "platform", "since", "socket", "tag", "variant"}
)
_SWITCHES: Final = frozenset(
    {"devices", "expand", "insecure", "mount", "readonly", "regex", "script_friendly"}
    | {"skip_verify", "terminal", "unique_names"}
)
#: Options that are whole numbers, and the least that each can be.
_NUMBERS: Final = {"max_bytes": 1, "max_workers": 1, "timestamp": 0, "ts": 0}
_SHOWN: Final = _SHOWN_TEXT | _SWITCHES | _NUMBERS.keys()

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_WORDS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def is_option_name(text: str) -> bool:
    """Whether an option could be called so."""
    return _NAME.fullmatch(text) is not None


def is_text(name: str) -> bool:
    """Whether the value of an option may be any text."""
    return _canonical(name) not in _SWITCHES | _NUMBERS.keys()


def _canonical(name: str) -> str:
    return name.lower().replace("-", "_")


def collect(pairs: Iterable[tuple[str, str | None]]) -> dict[str, OptionValue]:
    """Convert decoded names and values; an option that is there twice becomes a list.

    A value of None says that there was only a name.

    Raises:
        URIParseError: an option has a value that it can't have.
    """
    found: dict[str, list[Scalar]] = {}
    for written, text in pairs:
        name = _canonical(written)
        found.setdefault(name, []).append(_convert(name, text))
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def _convert(name: str, text: str | None) -> Scalar:
    if name in _SWITCHES:
        value = True if text is None else _WORDS.get(text.lower())
        if value is None:
            raise URIParseError(f"option {name} is either true or false")
        return value
    if name in _NUMBERS:
        if text is None or not _INTEGER.fullmatch(text) or int(text) < _NUMBERS[name]:
            raise URIParseError(f"option {name} takes a whole number, {_NUMBERS[name]} or more")
        return int(text)
    if name in SECRET | _SHOWN_TEXT:
        if text is None:
            raise URIParseError(f"option {name} needs a value: {name}=...")
        return text
    return True if text is None else _guess(text)


def _guess(text: str) -> Scalar:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    return int(text) if _INTEGER.fullmatch(text) else text


def mask(options: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
    """Hide the values of options that are secret, or not known."""
    return {name: value if name in _SHOWN else MASK for name, value in options.items()}


def text_list(value: OptionValue) -> tuple[str, ...]:
    """Split an option that holds several texts: repeated, divided by commas, or both."""
    values = value if isinstance(value, list) else [value]
    parts = (part.strip() for text in values for part in str(text).split(","))
    return tuple(part for part in parts if part)
