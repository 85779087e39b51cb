"""Secrets in texts that have no URL in them.

Rule: what stays, stays byte for byte.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

from pytest_occystrap.cassettes.credentials import decoded_pair
from pytest_occystrap.cassettes.hosts import HOST_IN_WORDS, split_port
from pytest_occystrap.cassettes.names import is_trivial, kind_of, shown
from pytest_occystrap.cassettes.placeholders import Judge, Kind, Rule, is_placeholder
from pytest_occystrap.cassettes.randomness import looks_random, mixed
from pytest_occystrap.cassettes.shapes import find_shapes
from pytest_occystrap.cassettes.tables import words_of

__all__ = ["scrub_host", "scrub_pair", "scrub_shapes", "scrub_user", "scrub_words"]

#: Names that everyone logs in by.
COMMON_USERS: Final = words_of(
    """
    $oauthtoken $token <token> __token__ _dcgcloud_token _json_key _json_key_base64
    (anonymous) 00000000-0000-0000-0000-000000000000 anonymous aws git gitlab-ci-token
    iamapikey oauth2 oauth2accesstoken token x-access-token
    """
)
#: No secret that can be told from a word is so short.
_PLAIN: Final = re.compile(r"[\w-]{0,15}|[\W\d]{0,15}", re.ASCII)
_EMAIL: Final = re.compile(
    r"(?<![\w.+%-])[A-Za-z0-9][A-Za-z0-9._%+-]*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"
    r"(?![\w@-])"
)
_NOBODY: Final = re.compile(
    r".*@(?:.*\.)?(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)|git@.*", re.IGNORECASE
)
_ASSIGNED: Final = re.compile(
    r"(?<![\w.-])(?P<name>[A-Za-z_][\w.-]{0,60})(?P<between>[\"']?\s{0,3}(?:=>|[=:])\s{0,3}[\"']?)"
    r"(?P<value>[^\s\"'&;,<>(){}\[\]\\]{6,})"
)
_ELEMENT: Final = re.compile(r"<(?P<name>[A-Za-z][\w.-]*)>(?P<value>[^<]+)(?=</)")
_LONG: Final = re.compile(r"(?<![\w+/=~-])[\w+/=~-]{16,}")
_DIGEST: Final = re.compile(r"sha\d+[:/]$|sha\d+/[0-9a-f]{2}/$")
_WORD: Final = re.compile(r"[a-z]{4,}|[A-Z]?[a-z]{5,}|v\d+")
_LEAST_BASE64: Final = 32
_LEAST_PART: Final = 8
_INTEGRITY: Final = re.compile(r"sha(?:256|384|512)-[A-Za-z0-9+/]{43,86}={0,2}")


def scrub_user(name: str, judge: Judge, place: str) -> str:
    """Replace the name of a person or a robot."""
    if is_trivial(name) or name.lower() in COMMON_USERS:
        return name
    return judge.replace(Kind.USER, name, place, Rule.USER.value)


def scrub_pair(encoded: str, judge: Judge, place: str) -> str:
    """Replace user and password in Base64, as in Basic; what holds none is replaced whole."""
    pair = decoded_pair(encoded)
    if pair is None:
        if is_trivial(encoded):
            return encoded
        return judge.replace(Kind.TOKEN, encoded, place, Rule.CREDENTIALS.value)
    user, password = pair
    if password and not is_placeholder(password):
        password = judge.replace(Kind.PASSWORD, password, place, Rule.CREDENTIALS.value)
    scrubbed = scrub_user(user, judge, place), password
    return encoded if scrubbed == pair else base64.b64encode(":".join(scrubbed).encode()).decode()


def scrub_host(authority: str, judge: Judge, place: str) -> str:
    """Replace an internal host; a port stays."""
    host, port = split_port(authority)
    if not judge.is_internal(host) or is_placeholder(host):
        return authority
    return judge.replace(Kind.HOST, host, place, Rule.HOST.value) + port


def scrub_words(text: str, judge: Judge, place: str, *, may_be_random: bool = False) -> str:
    """Replace what is secret in a text that has no URL in it."""
    if _PLAIN.fullmatch(text):
        return text
    if (host := scrub_host(text, judge, place)) != text:
        return host
    text = scrub_shapes(text, judge, place)
    if "@" in text:
        text = _EMAIL.sub(_each(_email, judge, place), text)
    if "." in text:
        text = HOST_IN_WORDS.sub(lambda match: scrub_host(match[0], judge, place), text)
    if "=" in text or ":" in text:
        text = _ASSIGNED.sub(_each(_assigned, judge, place), text)
    if "</" in text:
        text = _ELEMENT.sub(_each(_element, judge, place), text)
    return text if may_be_random else _LONG.sub(_each(_long, judge, place), text)


def _each(
    scrub: Callable[[re.Match[str], Judge, str], str], judge: Judge, place: str
) -> Callable[[re.Match[str]], str]:
    return lambda match: scrub(match, judge, place)


def scrub_shapes(text: str, judge: Judge, place: str) -> str:
    """Replace what is known by its shape."""
    found = sorted(find_shapes(text), key=lambda each: (each.start, -each.end))
    written, position = [], 0
    for each in found:
        if each.start < position:
            continue
        secret = text[each.start : each.end]
        if each.shape.name == "basic":
            replaced = scrub_pair(secret, judge, place)
        else:
            replaced = judge.replace(each.shape.kind, secret, place, each.shape.name)
        written += [text[position : each.start], replaced]
        position = each.end
    return "".join([*written, text[position:]])


def _email(match: re.Match[str], judge: Judge, place: str) -> str:
    if _NOBODY.fullmatch(match[0]):
        return match[0]
    return judge.replace(Kind.EMAIL, match[0], place, Rule.EMAIL.value)


def _assigned(match: re.Match[str], judge: Judge, place: str) -> str:
    value, kind = match["value"], kind_of(match["name"])
    if kind in (None, Kind.USER) or not (mixed(value) and not is_trivial(unquote(value))):
        return match[0]
    scrubbed = judge.replace(kind, value, f"{place}, {shown(match['name'])}", Rule.NAMED.value)
    return f"{match['name']}{match['between']}{scrubbed}"


def _element(match: re.Match[str], judge: Judge, place: str) -> str:
    name, value, kind = match["name"], match["value"], kind_of(match["name"])
    where = f"{place}, {shown(name)}"
    if kind is Kind.USER:
        return f"<{name}>{scrub_user(value, judge, where)}"
    if kind is None or is_trivial(value):
        return match[0]
    return f"<{name}>{judge.replace(kind, value, where, Rule.NAMED.value)}"


def _long(match: re.Match[str], judge: Judge, place: str) -> str:
    """Replace a word that looks random; one with slashes may be a path, or Base64."""
    word = match[0]
    if _DIGEST.search(match.string, max(0, match.start() - 12), match.start()):
        return word
    if _INTEGRITY.fullmatch(word):
        return word
    if (plain := _peeled(word)) and any(find_shapes(plain)):
        return judge.replace(Kind.VALUE, word, place, Rule.PEELED.value)
    if "/" in word and _is_base64(word):
        return judge.replace(Kind.VALUE, word, place, Rule.RANDOM.value)
    parts = [
        judge.replace(Kind.VALUE, part, place, Rule.RANDOM.value)
        if looks_random(part) and not is_placeholder(part)
        else part
        for part in word.split("/")
    ]
    return "/".join(parts)


def _is_base64(word: str) -> bool:
    """Tell Base64 from a path, whose parts are words."""
    parts = word.rstrip("=").split("/")
    return (
        len(word) >= _LEAST_BASE64
        and len(parts) * _LEAST_PART <= len(word)
        and not any(_WORD.fullmatch(part) for part in parts)
        and looks_random("".join(parts).replace("+", ""))
    )


def _peeled(word: str) -> str:
    padded = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        text = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return text if text.isprintable() else ""
