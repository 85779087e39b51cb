"""The columns of a matrix: which faults are the same one, and what to call them.

Rule: a fault in the middle of a body is one column, though the middle is elsewhere in each body.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, cast

from pytest_occystrap.faults import EFFECTS

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["PAIR", "Column", "columns_of"]

#: What stands between the two faults of a run, and between their exchanges.
PAIR: Final = " + "
_FOR_EVER: Final = " for ever"
#: Fields that are a place in a body.
_PLACES: Final = ("at", "after")
#: module of an effect -> what its kind is called.
_KINDS: Final = {
    "wire": "connection",
    "pace": "pace",
    "bodies": "body",
    "ranges": "body",
    "reshaping": "body",
    "answers": "answer",
    "headers": "headers",
    "challenges": "headers",
    "memory": "state",
}
_OTHER: Final = "other"
_ENDLESS: Final = "without end"
_ORDER: Final = tuple(dict.fromkeys((*_KINDS.values(), _OTHER, _ENDLESS)))


@dataclass(frozen=True, slots=True)
class Column:
    """A fault as the head of a column, and the kind of faults that it is of."""

    label: str
    kind: str


def columns_of(faults: Iterable[str]) -> dict[str, Column]:
    """Return the column of each fault, in the order of the columns."""
    members: dict[str, list[str]] = {}
    for fault in dict.fromkeys(faults):
        members.setdefault(_general(fault), []).append(fault)
    columns = {
        fault: Column(label if len(alike) > 1 else fault, _kind(fault))
        for label, alike in members.items()
        for fault in alike
    }
    return dict(sorted(columns.items(), key=lambda item: _place(item[1])))


def _place(column: Column) -> tuple[int, str]:
    """Order by kind and name, since shards come in any order."""
    return _ORDER.index(column.kind), column.label


def _kind(fault: str) -> str:
    if fault.endswith(_FOR_EVER):
        return _ENDLESS
    effect = EFFECTS.get(fault.partition(" ")[0])
    module = "" if effect is None else effect.__module__.rpartition(".")[2]
    return _KINDS.get(module, _OTHER)


def _general(fault: str) -> str:
    """Write n for the places in a body; 0 is the same place in all of them."""
    endless = fault.endswith(_FOR_EVER)
    words = _words(fault.removesuffix(_FOR_EVER))
    effect = EFFECTS.get(words[0]) if words else None
    if effect is None:
        return fault
    names = [field.name for field in fields(cast("type[DataclassInstance]", effect))]
    general = [words[0], *_without_places(words[1:], names)]
    return " ".join(general) + (_FOR_EVER if endless else "")


def _words(text: str) -> Sequence[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return ()


def _without_places(words: Sequence[str], names: Sequence[str]) -> Iterable[str]:
    for place, word in enumerate(words):
        name, equals, value = word.rpartition("=")
        if not equals and place < len(names):
            name = names[place]
        is_place = name in _PLACES and value.isdecimal() and value != "0"
        yield f"{name}{equals}n" if is_place and equals else "n" if is_place else word
