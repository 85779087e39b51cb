"""Secrets in manifests, configs and other documents that are content-addressed.

Rule: they are public when their image is, so it takes more to be a secret here: digests,
fingerprints and signatures are what such documents are made of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from pytest_occystrap.cassettes.documents import fields_of, looks_like_json
from pytest_occystrap.cassettes.names import RANDOM_FIELDS, is_trivial, kind_of, shown
from pytest_occystrap.cassettes.placeholders import Kind, Rule
from pytest_occystrap.cassettes.randomness import looks_random, mixed
from pytest_occystrap.cassettes.shapes import find_shapes
from pytest_occystrap.cassettes.tables import words_of

__all__ = ["find_in_document"]

#: Fields with signatures, certificates and what is signed.
_PUBLIC: Final = RANDOM_FIELDS | words_of(
    """
    bundle canonicalizedbody cert certificate chain integrity keyid kid logid payload
    protected publickey rawbytes sig signature signedentrytimestamp x x5c y
    """
)
_OF_NO_WEIGHT: Final = (None, Kind.USER, Kind.SIGNATURE, Kind.STATE, Kind.COOKIE)
_SECRET: Final = re.compile(r"[^\s/$<>{}()\\]{8,}|[A-Za-z0-9+/=]{40,}")
_ASSIGNED: Final = re.compile(r"(?<![\w.-])([A-Za-z_]\w{2,60})=[\"']?([^\s\"';&|]+)")
_LONG: Final = re.compile(r"(?<![\w+/=~.-])[\w+=~-]{20,}")


def find_in_document(text: str) -> Iterator[tuple[str, str]]:
    """Find secrets in a document: where they are, and by which rule."""
    for found in find_shapes(text):
        yield f"character {found.start}", found.shape.name
    if not looks_like_json(text):
        return
    for start, end, name in fields_of(text):
        literal = text[start:end]
        try:
            value: str = json.loads(literal, strict=False)
        except ValueError:
            value = literal[1:-1]
        yield from _in_field(name, value)


def _in_field(name: str, value: str) -> Iterator[tuple[str, str]]:
    place = f"field {shown(name)}"
    if kind_of(name) not in _OF_NO_WEIGHT and _may_be_secret(value):
        yield place, Rule.NAMED.value
        return
    for variable, content in _ASSIGNED.findall(value):
        if kind_of(variable) not in _OF_NO_WEIGHT and _may_be_secret(content):
            yield f"{place}, {shown(variable)}", Rule.NAMED.value
    if name.lower() not in _PUBLIC and any(_is_random(word) for word in _LONG.findall(value)):
        yield place, Rule.RANDOM.value
    if "\\" in value or not value.isprintable():
        for found in find_shapes(value):
            yield place, found.shape.name


def _may_be_secret(value: str) -> bool:
    if is_trivial(value) or not mixed(value) or _SECRET.fullmatch(value) is None:
        return False
    return not value.startswith(("sha256:", "sha512:", "http:", "https:"))


def _is_random(word: str) -> bool:
    """Tell keys from the hashes of packages, `sha512-...`, and from digests."""
    return not word.startswith(("sha256-", "sha384-", "sha512-")) and looks_random(
        word, with_hex=False
    )
