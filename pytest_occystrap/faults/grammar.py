"""Faults as one writes them on a command line: `GET blob: reset after=65536 times=2`.

Rule: what a word may be is what the field of that name may be in Python.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, Final, cast

from occystrap.errors import InvalidOption
from pytest_occystrap.faults import EFFECTS
from pytest_occystrap.faults.effect import Effect, checked, describe, is_pair
from pytest_occystrap.faults.plan import Fault, FaultPlan
from pytest_occystrap.faults.values import hints_of, read_value, wanted
from pytest_occystrap.faults.where import Where, narrowed, parse_on

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["COUNTS", "Laid", "lay", "parse_effect", "parse_fault"]

_EXAMPLE: Final = "'GET blob: reset after=65536 times=2'"
_BEHIND_THE_PLACE: Final = re.compile(r":\s+")
#: Fields of a Where that are words behind an effect; the others are said by `on`.
COUNTS: Final = ("door", "nth", "every", "times", "since", "probability", "seed")


_ANYWHERE: Final = Where()


@dataclass(frozen=True, slots=True)
class Laid:
    """A fault that is still to be laid: what happens, and where."""

    effect: Effect
    where: Where

    def __str__(self) -> str:
        return describe(self.effect)


def lay(
    plan: FaultPlan,
    effect: Effect | str,
    on: str | Where = "*",
    *,
    allow_unused: bool = False,
    **more: Any,
) -> Fault:
    """Add a fault to a plan, be it written as a text or made in Python.

    Raises:
        occystrap.errors.InvalidOption: there is no such place or effect.
    """
    if not isinstance(effect, str):
        return plan.add(effect, on, allow_unused=allow_unused, **more)
    laid = parse_fault(effect if isinstance(on, Where) or on == "*" else f"{on}: {effect}")
    where = narrowed(on, **_said(laid.where)) if isinstance(on, Where) else laid.where
    return plan.add(laid.effect, narrowed(where, **more), allow_unused=allow_unused)


def _said(where: Where) -> dict[str, Any]:
    values = {field.name: getattr(where, field.name) for field in fields(where)}
    return {name: value for name, value in values.items() if value != getattr(_ANYWHERE, name)}


def parse_fault(text: str) -> Laid:
    """Read `[ON: ]EFFECT [VALUE | NAME=VALUE ...]`; without a place it strikes any request.

    Raises:
        occystrap.errors.InvalidOption: there is no such place or effect, or it has no such value.
    """
    place, colon, rest = _split(text)
    words = _words(rest if colon else place)
    if not words:
        raise InvalidOption(f"not a fault: {text!r}; write one like {_EXAMPLE}")
    bare = [word for word in words[1:] if not is_pair(word)]
    given = dict(_pair(word) for word in words[1:] if is_pair(word))
    counts: dict[str, str] = {name: given.pop(name) for name in COUNTS if name in given}
    where = parse_on(place if colon else "*", **_values(Where, counts))
    return Laid(parse_effect(words[0], bare, given), where)


def _split(text: str) -> tuple[str, str, str]:
    """Take the place off: it ends with a colon and a space, since names of images hold colons."""
    match = _BEHIND_THE_PLACE.search(text)
    if match is None or text.split(maxsplit=1)[0] in EFFECTS:
        return text, "", ""
    return text[: match.start()], ":", text[match.end() :]


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InvalidOption(f"not a fault: {text!r}: {error}") from error


def _pair(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name, value


def parse_effect(name: str, bare: Sequence[str], given: Mapping[str, str]) -> Effect:
    """Make an effect by its name and the texts of its fields, the first ones perhaps `bare`.

    Raises:
        occystrap.errors.InvalidOption: there is none, or a field is missing or wrong.
    """
    kind = EFFECTS.get(name.replace("-", "_"))
    if kind is None:
        near = difflib.get_close_matches(name, EFFECTS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(EFFECTS))}"
        raise InvalidOption(f"there is no effect {name!r}; {hint}")
    known = fields(cast("type[DataclassInstance]", kind))
    names = [field.name for field in known]
    if len(bare) > len(names):
        raise InvalidOption(f"{name} takes {' '.join(names) or 'nothing'}, not {' '.join(bare)!r}")
    texts = {**dict(zip(names, bare, strict=False)), **given}
    for field in known:
        if field.default is MISSING and field.name not in texts:
            raise InvalidOption(f"{name} needs {field.name}=...")
    return checked(kind(**_values(kind, texts)))


def _values(kind: type, given: Mapping[str, str]) -> dict[str, Any]:
    hints = hints_of(kind)
    names = [field.name for field in fields(cast("type[DataclassInstance]", kind))]
    values: dict[str, Any] = {}
    for name, text in given.items():
        if name not in names:
            raise InvalidOption(
                f"there is no {name!r} here; there is {', '.join(names) or 'nothing to choose'}"
            )
        values[name] = read_value(text, hints[name])
        if values[name] is None:
            raise InvalidOption(f"{name}={text} can't be: it is {wanted(hints[name])}")
    return values
