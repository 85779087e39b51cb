"""What the URIs of registries, daemons and quay.io name.

Rule: a name that gets past here is one that a registry could know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from occystrap.errors import InvalidInput, InvalidReference, URIParseError
from occystrap.oci.reference import DEFAULT_TAG, Reference, check_tag
from occystrap.uri.options import OptionValue
from occystrap.uri.spec import URISpec

__all__ = [
    "DEFAULT_SOCKET",
    "daemon_socket",
    "parse_docker_uri",
    "parse_dockerpush_uri",
    "parse_quay_uri",
    "parse_registry_uri",
    "registry_reference",
]

#: At least one of what makes it a pattern, among what tags are made of.
_TAG_GLOB: Final = re.compile(r"(?=.*[*?\[])[A-Za-z0-9_.\-*?\[\]!]{1,128}")
DEFAULT_SOCKET: Final = "/var/run/docker.sock"


def registry_reference(spec: URISpec) -> Reference:
    """Return the complete name of the image of a `registry://` URI.

    Raises:
        URIParseError: a part is missing, or outside the grammar.
    """
    path = spec.path.removeprefix("/")
    if not spec.host or not path:
        raise URIParseError(f"{spec.scheme}:// URI requires a host and an image: HOST/IMAGE[:TAG]")
    try:
        return Reference.parse(path, registry=spec.host.lower())
    except InvalidInput as error:
        raise URIParseError(f"{spec.scheme}:// URI: {error}") from error


def parse_registry_uri(spec: URISpec) -> tuple[str, str, str]:
    """Return host, image and tag; with a digest `sha256:...` or `TAG@sha256:...` for the tag.

    Raises:
        URIParseError: a part is missing, or outside the grammar.
    """
    reference = registry_reference(spec)
    return reference.registry, reference.repository, _tag(reference)


def _tag(reference: Reference) -> str:
    return "@".join(str(part) for part in (reference.tag, reference.digest) if part is not None)


def parse_docker_uri(spec: URISpec) -> tuple[str, str, str]:
    """Return image, tag and the path of the daemon's socket; the image as it was typed.

    Raises:
        URIParseError: the image is missing, or its name is outside the grammar.
    """
    name = f"{spec.host}{spec.path}".removeprefix("/")
    if not name:
        raise URIParseError(f"{spec.scheme}:// URI requires an image: IMAGE[:TAG]")
    try:
        reference = Reference.parse(name)
    except InvalidInput as error:
        raise URIParseError(f"{spec.scheme}:// URI: {error}") from error
    image = name.partition("@")[0].removesuffix(f":{reference.tag}")
    socket = spec.options.get("socket", DEFAULT_SOCKET)
    if not isinstance(socket, str) or not socket:
        raise URIParseError(f"{spec.scheme}:// URI requires one path of a socket: socket=PATH")
    return image, _tag(reference), socket


parse_dockerpush_uri = parse_docker_uri


def daemon_socket(spec: URISpec, environ: Mapping[str, str]) -> str:
    """Return the path of the daemon's socket: the URI's, else that of DOCKER_HOST, else Docker's.

    Raises:
        URIParseError: there is no such path, or DOCKER_HOST names no unix socket.
    """
    _, _, socket = parse_docker_uri(spec)
    host = environ.get("DOCKER_HOST", "")
    if "socket" in spec.options or not host:
        return socket
    scheme, _, path = host.partition("://")
    if scheme != "unix" or not path:
        raise URIParseError(
            f"DOCKER_HOST begins with {scheme[:20]!r}, and only unix://PATH is understood here; or"
            f" name the socket in the URI: {spec.scheme}://IMAGE?socket=PATH"
        )
    return path


def parse_quay_uri(spec: URISpec) -> tuple[str, str, str, Mapping[str, OptionValue]]:
    """Return namespace, glob of the repositories, tag or glob of tags, and options.

    Raises:
        URIParseError: the namespace is missing, or the tag can't be one, nor a glob of some.
    """
    name, colon, tag = f"{spec.host}{spec.path}".partition(":")
    namespace, _, glob = name.partition("/")
    if not namespace:
        raise URIParseError("quay:// URI requires a namespace/organization")
    try:
        if not colon:
            tag = DEFAULT_TAG
        elif not _TAG_GLOB.fullmatch(tag):
            check_tag(tag)
    except InvalidReference as error:
        raise URIParseError(f"quay:// URI: {error}") from error
    return namespace, glob or "*", tag, spec.options
