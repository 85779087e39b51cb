"""The secrets of one cassette, and what stands for each.

Rule: numbers are given in the order in which secrets are met, beyond those that are taken already.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final, final
from urllib.parse import quote, quote_plus

from pytest_occystrap.cassettes.hosts import is_internal
from pytest_occystrap.cassettes.placeholders import (
    PLACEHOLDER,
    Kind,
    is_placeholder,
    placeholder,
)
from pytest_occystrap.cassettes.randomness import mixed

__all__ = ["Lookout", "Vault", "forms_of", "is_distinctive"]

_KEYED: Final = 8  # so many characters of a secret are looked up
_APART: Final = (Kind.USER, Kind.HOST, Kind.EMAIL)
_LONG: Final = 20


def is_distinctive(secret: str) -> bool:
    """Say whether a text is a secret wherever it is, and not a word that stands for itself too."""
    if len(secret) < _KEYED or is_placeholder(secret):
        return False
    letters = [each for each in secret if not each.isdigit()]
    return bool(letters) and (
        mixed(secret) or len(secret) >= _LONG or bool(re.search(r"[^\w\s.-]", secret))
    )


def forms_of(secret: str) -> Iterator[tuple[str, str]]:
    """List how a secret may be written: the text, and the name of the way."""
    yield secret, ""
    yield quote(secret, safe=""), "percent"
    yield quote(secret, safe="/:@"), "percent with slashes"
    yield quote_plus(secret), "plus"
    yield json.dumps(secret)[1:-1], "json"
    yield html.escape(secret), "html"
    yield base64.b64encode(secret.encode()).decode().rstrip("="), "base64"
    yield base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="), "base64url"


def _written(replacement: str, way: str) -> str:
    ways = {
        "": replacement,
        "json": replacement,
        "html": replacement,
        "base64": base64.b64encode(replacement.encode()).decode().rstrip("="),
        "base64url": base64.urlsafe_b64encode(replacement.encode()).decode().rstrip("="),
    }
    return ways.get(way, quote(replacement, safe="@"))


@final
class Lookout:
    """Finds texts in other texts, in every form they may have; by their first letters."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: dict[str, dict[str, str]] = {}
        for secret in secrets:
            if is_distinctive(secret):
                self.add(secret, "")

    def add(self, secret: str, replacement: str) -> None:
        """Look out for a text, too, which is to be replaced."""
        for form, way in forms_of(secret):
            if len(form) >= _KEYED:
                written = _written(replacement, way)
                self._forms.setdefault(form[:_KEYED], {}).setdefault(form, written)

    def find(self, text: str) -> Iterator[int]:
        """Say where in a text one of them begins."""
        return (start for start, _ in self._find(text))

    def replace(self, text: str) -> str:
        """Replace all of them."""
        written, position = [], 0
        for start, form in self._find(text):
            if start >= position:
                written += [text[position:start], self._forms[form[:_KEYED]][form]]
                position = start + len(form)
        return "".join([*written, text[position:]]) if written else text

    def _find(self, text: str) -> Iterator[tuple[int, str]]:
        if not (keys := self._forms):
            return
        for start in [n for n in range(len(text) - _KEYED + 1) if text[n : n + _KEYED] in keys]:
            for form in sorted(keys[text[start : start + _KEYED]], key=len, reverse=True):
                if text.startswith(form, start) and _stands_alone(text, start, start + len(form)):
                    yield start, form
                    break


@final
class Vault:
    """Gives out placeholders, and remembers for what; used by one thread."""

    def __init__(self, texts: Iterable[str] = (), hosts: Collection[str] = ()) -> None:
        """Begin beyond the placeholders in `texts`; `hosts` are internal, too."""
        self._hosts = frozenset(each.lower() for each in hosts)
        self._numbers: dict[str, int] = {}
        self._given: dict[tuple[Kind | None, str], str] = {}
        self._lookout = Lookout()
        for text in texts:
            for found in PLACEHOLDER.finditer(text):
                number = max(self._numbers.get(found[1], 0), int(found[2]))
                self._numbers[found[1]] = number

    @property
    def secrets(self) -> frozenset[str]:
        """What was replaced and would do harm, names and hosts left out."""
        return frozenset(value for kind, value in self._given if kind is None)

    def replace(self, kind: Kind, value: str, place: str, rule: str) -> str:  # noqa: ARG002
        """Return what stands for a value."""
        if is_placeholder(value):
            return value
        key = (kind if kind in _APART else None, value)
        if key not in self._given:
            number = self._numbers.get(kind.value, 0) + 1
            self._numbers[kind.value] = number
            self._given[key] = placeholder(kind, number)
            if kind is Kind.HOST or (is_distinctive(value) and kind is not Kind.EMAIL):
                self._lookout.add(value, self._given[key])
        return self._given[key]

    def known(self, text: str, place: str) -> str:  # noqa: ARG002 - of the protocol
        """Return a text in which every value that is known is replaced."""
        return self._lookout.replace(text)

    def is_internal(self, host: str) -> bool:
        """Say whether a host is of somebody's own network."""
        return is_internal(host) or host.lower() in self._hosts


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Say whether nothing before and behind goes on with it; what is long needs no such care."""
    if end - start >= _LONG:
        return True
    return not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum())
