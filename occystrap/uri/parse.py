"""From text to `URISpec` and `FilterSpec`; the grammar is told in the package's docstring.

Rule: any text is either a value or a URIParseError. What could be a piece of a password that
wasn't encoded isn't repeated in the error.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias
from urllib.parse import unquote

from occystrap.errors import InvalidDigest, URIParseError
from occystrap.oci.digest import Digest
from occystrap.oci.redaction import MASK
from occystrap.uri.options import collect, is_option_name, is_text
from occystrap.uri.schemes import ALIASES, DAEMONS, PATHS
from occystrap.uri.spec import NAMED, FilterSpec, URISpec

__all__ = ["parse_filter", "parse_uri"]

#: Names and values of options in their order; None where there was only a name.
_Pairs: TypeAlias = list[tuple[str, str | None]]

_URI: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?://)?(?P<rest>[^?]*)(?:\?(?P<query>.*))?", re.DOTALL
)
#: A port that is no number may be the password of somebody who forgot the host.
_HOST: Final = re.compile(r"(?:\[[^\]]*\]|[^:]*)(?::[0-9]+)?")
#: https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md (ref.name)
_REF_NAME: Final = re.compile(r"[A-Za-z0-9]+(?:(?:[-._:@+/]|--)[A-Za-z0-9]+)*")
#: Text that has no place for a password.
_HARMLESS: Final = re.compile(r"[^@?]*(?:@sha(?:256|512):[0-9a-f]+)?")


def parse_uri(uri: str) -> URISpec:
    """Read a source or a destination; `check_options` tells whether there is such a thing.

    Raises:
        URIParseError: it has no scheme, or an option has a value that it can't have.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        shown = uri if _HARMLESS.fullmatch(uri) else MASK
        raise URIParseError(f"Missing scheme in URI: {shown}")
    scheme = ALIASES.get(match["scheme"].lower(), match["scheme"].lower())
    options = _split_query(match["query"] or "")
    host, slash, rest = match["rest"].partition("/")
    path = slash + rest
    if scheme in PATHS:
        host, path = "", path if host == "localhost" else host + path
        if scheme in NAMED:
            path, named = _split_name(path)
            options = named + options
    elif scheme not in DAEMONS:
        login, host = _split_login(scheme, host, path)
        options = login + options
    if "\0" in _decode(host + path):
        raise URIParseError(f"{scheme}:// URI holds a NUL byte")
    return URISpec(scheme, _decode(host), _decode(path), collect(options))


def _decode(text: str) -> str:
    # Names of files may be bytes that are no UTF-8; Python has lone surrogates for those.
    return unquote(text, errors="surrogateescape")


def _split_login(scheme: str, authority: str, path: str) -> tuple[_Pairs, str]:
    """Take user name and password off the host."""
    _, at, digest = path.rpartition("@")
    if at and not _is_digest(_decode(digest)):
        raise URIParseError(
            f"{scheme}:// URI has an '@' that no digest follows"
            " (in a user name or password write %2F for '/' and %3F for '?')"
        )
    login, _, host = authority.rpartition("@")
    username, colon, password = login.partition(":")
    pairs: _Pairs = [("username", _decode(username))] if login else []
    if colon:
        pairs.append(("password", _decode(password)))
    if scheme == "registry" and not _HOST.fullmatch(_decode(host)):
        raise URIParseError("registry:// URI has no valid HOST[:PORT]: the port is no number")
    return pairs, host


def _split_name(path: str) -> tuple[str, _Pairs]:
    """Take the name of the image off a path, where the first colon ends as it does for skopeo."""
    path, colon, name = path.partition(":")
    if not colon:
        return path, []
    if not _REF_NAME.fullmatch(_decode(name)):
        raise URIParseError(
            "after a ':' in the path of a layout comes the name of an image"
            " (write %3A for a ':' in the path)"
        )
    return path, [("tag", _decode(name))]


def _is_digest(text: str) -> bool:
    try:
        Digest.parse(text)
    except InvalidDigest:
        return False
    return True


def _split_query(query: str) -> _Pairs:
    pairs: _Pairs = []
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        if not is_option_name(name):
            raise URIParseError(
                "after the '?' of a URI come options, option=value, divided by '&'"
                " (elsewhere write %3F for '?')"
            )
        pairs.append((name, _decode(value) if equals else None))
    return pairs


def parse_filter(text: str) -> FilterSpec:
    """Read a filter; `check_filter` tells whether there is such a thing.

    Raises:
        URIParseError: it has no name, or an option has a value that it can't have.
    """
    name, _, rest = text.partition(":")
    name = name.strip().lower().replace("_", "-")
    if not name:
        raise URIParseError("Empty filter specification")
    pairs: _Pairs = []
    for part in rest.split(",") if rest else ():
        option, equals, value = part.partition("=")
        if equals and is_option_name(option.strip()):
            pairs.append((option.strip(), value))
        elif pairs and is_text(pairs[-1][0]):
            option, before = pairs.pop()
            pairs.append((option, f"{before},{part}"))
        else:
            raise URIParseError(f"Invalid filter option (missing =): {part}")
    return FilterSpec(name, collect(pairs))
