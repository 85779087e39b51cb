"""Secrets in headers.

Rule: by allow-list. A header that nobody has heard of is replaced whole, unless it is trivial.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Final

from pytest_occystrap.cassettes.documents import looks_like_json, scrub_json
from pytest_occystrap.cassettes.names import (
    PLAIN_HEADERS,
    RANDOM_HEADERS,
    is_trivial,
    kind_of,
    shown,
)
from pytest_occystrap.cassettes.placeholders import Judge, Kind, Rule
from pytest_occystrap.cassettes.tables import words_of
from pytest_occystrap.cassettes.urls import scrub_text, scrub_url
from pytest_occystrap.cassettes.words import scrub_host, scrub_pair, scrub_user

__all__ = ["scrub_header"]

_PARAMETER: Final = re.compile(r"(?P<name>[\w-]+)\s*=\s*(?P<value>\"(?:[^\"\\]|\\.)*\"|[^\s,\"]+)")
_SCHEME_AND_TOKEN: Final = re.compile(r"(?P<scheme>[A-Za-z][\w-]*) +(?P<token>[\w.~+/-]{4,}=*)")
_TARGET: Final = re.compile(r"<([^<>]*)>")
#: Parameters of challenges, and of answers to them.
_PLAIN: Final = words_of(
    """
    algorithm authorization_uri charset claims error error_description error_uri nc qop
    realm resource scope service signedheaders stale title uri
    """
)


def scrub_header(name: str, value: str, judge: Judge, place: str) -> str:
    """Replace what is secret in the value of a header."""
    lowered, where = name.lower(), f"{place} {shown(name)}"
    if lowered in _BY_NAME:
        return judge.known(_BY_NAME[lowered](value, judge, where), where)
    if is_trivial(value):
        return value
    if lowered in RANDOM_HEADERS or lowered in PLAIN_HEADERS:
        may_be_random = lowered in RANDOM_HEADERS
        scrubbed = scrub_text(value, judge, where, may_be_random=may_be_random)
        return judge.known(scrubbed, where)
    kind = kind_of(lowered)
    rule = Rule.UNKNOWN if kind is None else Rule.NAMED
    if kind is Kind.USER:
        return scrub_user(value, judge, where)
    return judge.replace(kind or Kind.VALUE, value, where, rule.value)


def _credentials(value: str, judge: Judge, place: str) -> str:
    scheme, space, rest = value.partition(" ")
    if not space:
        return value if is_trivial(value) else _token(value, judge, place)
    if scheme.lower() == "basic":
        return f"{scheme} {scrub_pair(rest.strip(), judge, place)}"
    if "=" in rest.rstrip("=") and scheme.lower() not in ("bearer", "token"):
        return f"{scheme} {_parameters(rest, judge, place)}"
    return f"{scheme} {_token(rest, judge, place)}"


def _token(value: str, judge: Judge, place: str) -> str:
    if is_trivial(value):
        return value
    return judge.replace(Kind.TOKEN, value, place, Rule.CREDENTIALS.value)


def _parameters(value: str, judge: Judge, place: str) -> str:
    def scrub(match: re.Match[str]) -> str:
        written = match["value"]
        quoted = written.startswith('"')
        plain = re.sub(r"\\(.)", r"\1", written[1:-1]) if quoted else written
        scrubbed = _one_parameter(match["name"].lower(), plain, judge, place)
        if scrubbed == plain:
            return match[0]
        written = '"' + re.sub(r'(["\\])', r"\\\1", scrubbed) + '"' if quoted else scrubbed
        return f"{match['name']}={written}"

    return _PARAMETER.sub(scrub, value)


def _one_parameter(name: str, value: str, judge: Judge, place: str) -> str:
    where = f"{place}, parameter {shown(name)}"
    if is_trivial(value):
        return value
    if name in _PLAIN:
        return scrub_text(value, judge, where)
    if name == "credential":
        key, slash, scope = value.partition("/")
        return _token(key, judge, where) + slash + scope
    kind = kind_of(name)
    if kind is Kind.USER:
        return scrub_user(value, judge, where)
    rule = Rule.UNKNOWN if kind is None else Rule.NAMED
    return judge.replace(kind or Kind.VALUE, value, where, rule.value)


def _challenge(value: str, judge: Judge, place: str) -> str:
    if token := _SCHEME_AND_TOKEN.fullmatch(value):
        return f"{token['scheme']} {_token(token['token'], judge, place)}"
    return _parameters(value, judge, place)


def _cookies(value: str, judge: Judge, place: str) -> str:
    return ";".join(_cookie(each, judge, place) for each in value.split(";"))


def _set_cookie(value: str, judge: Judge, place: str) -> str:
    cookie, semicolon, attributes = value.partition(";")
    return _cookie(cookie, judge, place) + semicolon + scrub_text(attributes, judge, place)


def _cookie(written: str, judge: Judge, place: str) -> str:
    name, equals, value = written.partition("=")
    plain = value.strip().strip('"')
    if not equals or is_trivial(plain):
        return written
    where = f"{place}, cookie {shown(name.strip())}"
    scrubbed = judge.replace(Kind.COOKIE, plain, where, Rule.COOKIE.value)
    return f"{name}={value.replace(plain, scrubbed)}"


def _content_type(value: str, judge: Judge, place: str) -> str:
    """Leave the boundary of several parts, which is random and stands in the body, too."""
    several = value.lower().lstrip().startswith("multipart/")
    return scrub_text(value, judge, place, may_be_random=several)


def _link(value: str, judge: Judge, place: str) -> str:
    return _TARGET.sub(lambda match: f"<{scrub_url(match[1], judge, place)}>", value)


def _registry_auth(value: str, judge: Judge, place: str) -> str:
    """Replace what is secret in JSON in Base64, which Docker's daemon is sent."""
    padded = value.replace("+", "-").replace("/", "_").rstrip("=")
    try:
        document = base64.urlsafe_b64decode(padded + "=" * (-len(padded) % 4)).decode()
    except (binascii.Error, ValueError):
        document = ""
    if not looks_like_json(document):
        return value if is_trivial(value) else _token(value, judge, place)
    scrubbed = scrub_json(document, judge, place)
    if scrubbed == document:
        return value
    return base64.urlsafe_b64encode(scrubbed.encode()).decode()


_BY_NAME: Final[Mapping[str, Callable[[str, Judge, str], str]]] = {
    "authentication-info": _parameters,
    "authorization": _credentials,
    "content-location": scrub_url,
    "content-type": _content_type,
    "cookie": _cookies,
    "host": scrub_host,
    "link": _link,
    "location": scrub_url,
    "origin": scrub_url,
    "proxy-authenticate": _challenge,
    "proxy-authorization": _credentials,
    "referer": scrub_url,
    "set-cookie": _set_cookie,
    "set-cookie2": _set_cookie,
    "www-authenticate": _challenge,
    "x-registry-auth": _registry_auth,
    "x-registry-config": _registry_auth,
}
