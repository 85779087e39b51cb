"""What the fields of effects may hold: reading it, writing it, and seeing that it fits.

Rule: a field says it by its type: a Literal is one of its words, an Annotated number is within a
range. It is checked when a fault is laid, so that nothing breaks down in the middle of a request.
"""

from __future__ import annotations

import functools
import math
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import NoneType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from occystrap.errors import InvalidOption

__all__ = [
    "Between",
    "Natural",
    "Positive",
    "Seconds",
    "StatusCode",
    "check_values",
    "hints_of",
    "read_value",
    "wanted",
    "written",
]

_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Between:
    """Numbers from `low` to `high`, both included."""

    low: float
    high: float = math.inf

    def __str__(self) -> str:
        top = "" if self.high == math.inf else f" to {self.high:g}"
        return f"from {self.low:g}{top}"


Natural = Annotated[int, Between(0)]
Positive = Annotated[int, Between(1)]
Seconds = Annotated[float, Between(0)]
#: A final answer.
StatusCode = Annotated[int, Between(200, 999)]


@functools.cache
def hints_of(kind: type) -> Mapping[str, Any]:
    """Return what the fields of a dataclass may hold."""
    return get_type_hints(kind, include_extras=True)


def check_values(value: object, name: str) -> None:
    """See that the fields of a frozen value hold what they may.

    Raises:
        InvalidOption: one doesn't; `name` is what the value is called.
    """
    if not is_dataclass(value):
        return
    kind: type = type(value)
    hints = hints_of(kind)
    for field in fields(value):
        held = getattr(value, field.name)
        if not any(_fits(held, kind) for kind in _kinds(hints[field.name])):
            raise InvalidOption(
                f"{name}: {field.name}={held!r} can't be: it is {wanted(hints[field.name])}"
            )


def read_value(text: str, hint: Any) -> Any:
    """Read a text as the first kind of value that fits; None if none does."""
    for kind in _kinds(hint):
        found = _read(text, kind)
        if found is not None and _fits(found, kind):
            return found
    return None


def written(value: object) -> str:
    """Write a value so that it is read again as what it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return shlex.quote(str(value))


def wanted(hint: Any) -> str:
    """Say what a field may hold."""
    return " or ".join(dict.fromkeys(_names(hint)))


def _names(hint: Any) -> Iterator[str]:
    for kind in _kinds(hint):
        if get_origin(kind) is Literal:
            yield f"one of {', '.join(get_args(kind))}"
        elif get_origin(kind) is Annotated:
            yield f"{_NAMES[kind.__origin__]} {kind.__metadata__[0]}"
        elif kind in _NAMES:
            yield _NAMES[kind]


_NAMES: Final = {int: "a whole number", float: "a number", str: "a text", bool: "yes or no"}


def _kinds(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, type(int | str)) else (hint,)


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is Annotated:
        within = kind.__metadata__[0]
        return _fits(value, kind.__origin__) and within.low <= value <= within.high
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if kind in (int, float):
        is_number = isinstance(value, int if kind is int else int | float)
        return is_number and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, kind) if kind in (str, bool, NoneType) else True


def _read(text: str, kind: Any) -> Any:
    base = kind.__origin__ if get_origin(kind) is Annotated else kind
    if get_origin(base) is Literal or base is str:
        return text
    if base is bool:
        return _BOOLEANS.get(text.lower())
    if base in (int, float):
        try:
            return base(text)
        except ValueError:
            return None
    return None
