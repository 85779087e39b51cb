"""Secrets in JSON, forms, markup and plain text.

Rule: a document keeps its form, byte for byte, but for the values that are replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from pytest_occystrap.cassettes.credentials import decoded_pair
from pytest_occystrap.cassettes.names import RANDOM_FIELDS, is_trivial, is_word, kind_of, shown
from pytest_occystrap.cassettes.placeholders import Judge, Kind, Rule
from pytest_occystrap.cassettes.urls import scrub_pairs, scrub_text, scrub_url
from pytest_occystrap.cassettes.words import scrub_pair, scrub_user

__all__ = ["fields_of", "looks_like_json", "scrub_document", "scrub_json"]

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]', re.DOTALL)
_FORM: Final = re.compile(r"[\w.%+*-]+=[^&\s<>\"']*(?:&[\w.%+*-]+=[^&\s<>\"']*)*&?")
_URL_START: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
#: Fields that hold user and password, as Basic does.
_PAIRS: Final = frozenset({"auth", "authorizationtoken"})


def looks_like_json(text: str) -> bool:
    """Say whether a text may be JSON, be it cut off or several documents."""
    return text.lstrip()[:1] in ("{", "[", '"')


def scrub_document(text: str, content_type: str, judge: Judge, place: str) -> str:
    """Replace what is secret in a body that is text."""
    if looks_like_json(text):
        return scrub_json(text, judge, place)
    if "form-urlencoded" in content_type or _FORM.fullmatch(text):
        return scrub_pairs(text, judge, place)
    return scrub_text(text, judge, place)


def scrub_json(text: str, judge: Judge, place: str) -> str:
    """Replace what is secret in JSON."""
    written, position = [], 0
    done: dict[tuple[str, str], str] = {}  # most of a listing is said again and again
    for start, end, name in fields_of(text):
        literal = text[start:end]
        if (name, literal) not in done:
            done[name, literal] = _literal(name, literal, judge, place)
        if (scrubbed := done[name, literal]) is not literal:
            written += [text[position:start], scrubbed]
            position = end
    return "".join([*written, text[position:]])


def _literal(name: str, literal: str, judge: Judge, place: str) -> str:
    try:
        value = json.loads(literal, strict=False) if "\\" in literal else literal[1:-1]
    except ValueError:
        value = literal[1:-1]
    scrubbed = _field(name, value, judge, f"{place}, field {shown(name)}" if name else place)
    return literal if scrubbed == value else json.dumps(scrubbed, ensure_ascii=literal.isascii())


def fields_of(text: str) -> Iterator[tuple[int, int, str]]:
    """Find the strings of JSON: from where to where, and the name of the field they are in.

    What is in a list has the name of the list. Names themselves have none.
    """
    names: list[str] = [""]
    pending: tuple[int, int] | None = None
    for match in _TOKEN.finditer(text):
        mark = match[0]
        if mark == ":" and pending is not None:
            yield (*pending, "")
            names[-1], pending = text[pending[0] + 1 : pending[1] - 1], None
            continue
        if pending is not None:
            yield (*pending, names[-1])
            pending = None
        if mark[0] == '"':
            pending = match.start(), match.end()
        elif mark == "{":
            names.append("")
        elif mark == "[":
            names.append(names[-1])
        elif mark in "}]" and len(names) > 1:
            names.pop()
    if pending is not None:
        yield (*pending, names[-1])


def _field(name: str, value: str, judge: Judge, place: str) -> str:
    if is_trivial(value):
        return value
    kind = kind_of(name)
    if kind is Kind.USER:
        return scrub_user(value, judge, place)
    if name.lower() in _PAIRS and decoded_pair(value):
        return scrub_pair(value, judge, place)
    if kind is not None and _URL_START.fullmatch(value):
        return scrub_url(value, judge, place)
    if kind is not None and not (kind is Kind.STATE and is_word(name, value)):
        return judge.replace(kind, value, place, Rule.NAMED.value)
    return scrub_text(value, judge, place, may_be_random=name.lower() in RANDOM_FIELDS)
