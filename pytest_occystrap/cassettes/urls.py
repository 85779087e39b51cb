"""Secrets in URLs, in forms, and in texts with URLs in them.

Rule: what stays, stays byte for byte; what is replaced is escaped as it was.
"""

from __future__ import annotations

import html
import re
from typing import Final
from urllib.parse import quote, unquote, unquote_plus, urlsplit

from pytest_occystrap.cassettes.names import PLAIN_PARAMETERS, is_trivial, is_word, kind_of, shown
from pytest_occystrap.cassettes.placeholders import Judge, Kind, Rule, is_placeholder
from pytest_occystrap.cassettes.randomness import looks_random
from pytest_occystrap.cassettes.shapes import find_shapes
from pytest_occystrap.cassettes.words import scrub_host, scrub_shapes, scrub_user, scrub_words

__all__ = ["scrub_pairs", "scrub_text", "scrub_url"]

_URL: Final = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s\"'<>\\^`{|}\x00-\x20]+")
_CLOSING: Final = ".,;:!?)]"
#: Names, tags and digests: of the distribution API, Docker's first one, Quay's, and the Engine's.
_REGISTRY_PATH: Final = re.compile(
    r".*/v2/.+/(?:manifests|blobs|tags|referrers)/.*|.*/v1/(?:repositories|images|search)/.*"
    r"|.*/api/v1/(?:repository|find)/.*|(?:/v1\.\d+)?/(?:images|containers|distribution)/.*"
)
_DIGESTS: Final = frozenset({"sha256", "sha512"})
_UPLOAD_PATH: Final = re.compile(r".*/blobs/uploads/")
_SCOPE: Final = re.compile(r"/\d{8}/[\w-]+/[\w-]+/\w+4_request\Z")
_LONGEST_URL: Final = 16 * 1024


def scrub_url(url: str, judge: Judge, place: str) -> str:
    """Replace what is secret in a URL, be it absolute or relative."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return scrub_words(url, judge, place)
    if len(url) > _LONGEST_URL or not url.isprintable():
        return scrub_words(url, judge, place)
    authority = _authority(parts.netloc, judge, place)
    head = url[: len(parts.scheme) + 1] if parts.scheme else ""
    rest = url[len(head) :]
    slashes = "//" if rest.startswith("//") else ""
    rest = rest[len(slashes) + len(parts.netloc) :]
    before, hash_mark, fragment = rest.partition("#")
    path, mark, query = before.partition("?")
    written = f"{head}{slashes}{authority}{_path(path, judge, place)}{mark}"
    written += scrub_pairs(query, judge, place)
    if "=" in fragment:
        fragment = scrub_pairs(fragment, judge, place)
    else:
        fragment = scrub_words(fragment, judge, f"{place}, fragment")
    return written + hash_mark + fragment


def _authority(authority: str, judge: Judge, place: str) -> str:
    login, at, host = authority.rpartition("@")
    host = scrub_host(host, judge, f"{place}, host")
    if not at:
        return host
    user, colon, password = login.partition(":")
    where = f"{place}, login"
    decoded = unquote(password)
    if decoded and not is_placeholder(decoded):
        password = judge.replace(Kind.PASSWORD, decoded, where, Rule.CREDENTIALS.value)
    name = unquote(user)
    if not colon and (looks_random(name) or any(find_shapes(name))):
        user = judge.replace(Kind.TOKEN, name, where, Rule.CREDENTIALS.value)
    elif (other := scrub_user(name, judge, where)) != name:
        user = other
    return f"{user}{colon}{password}@{host}"


def _path(path: str, judge: Judge, place: str) -> str:
    """Replace random segments; in the path of a registry only the sessions of uploads may be."""
    where = f"{place}, path"
    upload = _UPLOAD_PATH.match(path)
    start = upload.end() if upload else 0
    is_registry = _REGISTRY_PATH.fullmatch(path) is not None
    segments = path[start:].split("/")
    written = []
    for n, segment in enumerate(segments):
        is_digest = not _DIGESTS.isdisjoint(segments[max(0, n - 2) : n])
        if (upload or not (is_registry or is_digest)) and looks_random(unquote(segment)):
            kind, rule = (Kind.STATE, Rule.SESSION) if upload else (Kind.VALUE, Rule.RANDOM)
            written.append(_quoted(unquote(segment), kind, judge, where, rule))
        else:
            written.append(scrub_shapes(segment, judge, where) if segment else segment)
    return scrub_shapes(path[:start], judge, where) + "/".join(written)


def _quoted(value: str, kind: Kind, judge: Judge, place: str, rule: Rule) -> str:
    return quote(judge.replace(kind, value, place, rule.value), safe="@")


def scrub_pairs(query: str, judge: Judge, place: str) -> str:
    """Replace the values of a query, or of a form, that aren't known to be harmless."""
    return "&".join(_pair(each, judge, place) for each in query.split("&")) if query else query


def _pair(written: str, judge: Judge, place: str) -> str:
    raw_name, equals, raw_value = written.partition("=")
    name, value = unquote_plus(raw_name), unquote_plus(raw_value)
    if not equals:
        plain = is_trivial(name) or not looks_random(name.replace(".", "x"))
        scrubbed = (
            scrub_words(name, judge, f"{place}, parameter")
            if plain
            else _value(Kind.VALUE, name, judge, f"{place}, parameter")
        )
        return written if scrubbed == name else quote(scrubbed, safe="@")
    scrubbed = _parameter(name, value, judge, f"{place}, parameter {shown(name)}")
    safe = "".join(each for each in "/:@," if each in raw_value)
    return written if scrubbed == value else f"{raw_name}={quote(scrubbed, safe=safe)}"


def _value(kind: Kind, value: str, judge: Judge, place: str) -> str:
    rule = Rule.UNKNOWN if kind is Kind.VALUE else Rule.NAMED
    return judge.replace(kind, value, place, rule.value)


def _parameter(name: str, value: str, judge: Judge, place: str) -> str:
    lowered = name.lower()
    kind = kind_of(lowered)
    if is_trivial(value):
        return value
    if lowered in PLAIN_PARAMETERS or _URL.fullmatch(value):
        return scrub_text(value, judge, place)
    if kind is Kind.STATE and is_word(lowered, value):
        return scrub_text(value, judge, place)
    if kind is Kind.USER:
        return scrub_user(value, judge, place)
    if lowered in ("x-amz-credential", "x-goog-credential"):
        scope = _SCOPE.search(value)
        key = value[: scope.start()] if scope else value
        rest = value[len(key) :]
        return value if is_placeholder(key) else _value(Kind.KEY, key, judge, place) + rest
    return _value(kind or Kind.VALUE, value, judge, place)


def scrub_text(text: str, judge: Judge, place: str, *, may_be_random: bool = False) -> str:
    """Replace what is secret in a text; `may_be_random` leaves random words alone."""
    written, position = [], 0
    for match in _URL.finditer(text):
        url = match[0].rstrip(_CLOSING)
        plain = html.unescape(url) if "&amp;" in url else url
        scrubbed = scrub_url(plain, judge, place)
        if scrubbed != plain:
            url = html.escape(scrubbed, quote=False) if "&amp;" in url else scrubbed
        words = text[position : match.start()]
        written += [scrub_words(words, judge, place, may_be_random=may_be_random), url]
        position = match.start() + len(match[0].rstrip(_CLOSING))
    written.append(scrub_words(text[position:], judge, place, may_be_random=may_be_random))
    return "".join(written)
