"""The name of an image: `host[:port]/repository[:tag][@digest]`.

Rule: a reference is complete when it has been parsed. Docker Hub's short names are filled in here
and nowhere else.
Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from occystrap.errors import InvalidReference, InvalidTag
from occystrap.oci.digest import Digest

__all__ = ["DEFAULT_TAG", "DOCKER_HUB", "Reference", "check_repository", "check_tag", "join_name"]

DOCKER_HUB: Final = "docker.io"
DEFAULT_TAG: Final = "latest"
_DOCKER_HUB_ALIASES: Final = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})
_DOCKER_HUB_API: Final = "registry-1.docker.io"
_REPOSITORY_LIMIT: Final = 255

_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_REGISTRY: Final = re.compile(
    rf"(?P<host>{_LABEL}(?:\.{_LABEL})*|\[(?P<ipv6>[0-9a-f:.]+)\])(?::(?P<port>[1-9][0-9]{{0,4}}))?",
    re.ASCII | re.IGNORECASE,
)
_HOST_LIMIT: Final = 253
_HIGHEST_PORT: Final = 65535


def check_repository(name: str) -> str:
    """Return the name of a repository as it is.

    Raises:
        InvalidReference: it is outside the grammar, or longer than 255 characters.
    """
    if len(name) > _REPOSITORY_LIMIT:
        raise InvalidReference(f"repository names have at most 255 characters, not {len(name)}")
    if not _REPOSITORY.fullmatch(name):
        hint = "; upper-case letters are not allowed" if name != name.lower() else ""
        raise InvalidReference(f"not the name of a repository: {name!r}{hint}")
    return name


def check_tag(tag: str) -> str:
    """Return a tag as it is.

    Raises:
        InvalidTag: it is outside the grammar.
    """
    if not _TAG.fullmatch(tag):
        raise InvalidTag(f"not a tag: {tag[:160]!r}")
    return tag


def _check_registry(registry: str) -> str:
    """Return `host[:port]` in lower case, for that is how hosts are compared."""
    match = _REGISTRY.fullmatch(registry)
    if match is None or int(match["port"] or 0) > _HIGHEST_PORT or not _is_host(match):
        raise InvalidReference(f"not the host of a registry: {registry[:255]!r}")
    return registry.lower()


def _is_host(match: re.Match[str]) -> bool:
    host: str = match["host"]
    try:
        if match["ipv6"] is not None:
            IPv6Address(match["ipv6"])
        elif host.rpartition(".")[2].isdigit():
            IPv4Address(host)  # no domain ends in digits, so resolvers take it for an address
    except AddressValueError:
        return False
    return len(host) <= _HOST_LIMIT


@dataclass(frozen=True, slots=True)
class Reference:
    """A complete name: registry and repository, and a tag or a digest or both.

    `registry` is the name that people use (`docker.io`); `api_host` is where its API answers.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    def __post_init__(self) -> None:
        registry = _check_registry(self.registry)
        repository = check_repository(self.repository)
        if registry in _DOCKER_HUB_ALIASES:
            registry = DOCKER_HUB
            if "/" not in repository:
                repository = check_repository(f"library/{repository}")
        object.__setattr__(self, "registry", registry)
        object.__setattr__(self, "repository", repository)
        if self.tag is not None:
            check_tag(self.tag)
        elif self.digest is None:
            object.__setattr__(self, "tag", DEFAULT_TAG)

    @classmethod
    def parse(cls, text: str, registry: str | None = None) -> Reference:
        """Read a reference; with `registry` the text holds only what comes after the host.

        The first part is a host when it holds a `.` or a `:` or is `localhost`; names without one
        belong to Docker Hub. Without tag and digest the tag is `latest`.

        Raises:
            InvalidReference: the text is outside the grammar.
            InvalidDigest: what follows the `@` is no digest.
        """
        name, at, digest = text.partition("@")
        if registry is None:
            registry, name = _split_host(name)
        head, slash, last = name.rpartition("/")
        last, colon, tag = last.partition(":")
        if colon and not tag:
            raise InvalidReference(f"the tag after ':' is missing in {text[:255]!r}")
        return cls(
            registry,
            f"{head}{slash}{last}",
            tag if colon else None,
            Digest.parse(digest) if at else None,
        )

    @property
    def api_host(self) -> str:
        """Where the registry answers, which for Docker Hub isn't the name it goes by."""
        return _DOCKER_HUB_API if self.registry == DOCKER_HUB else self.registry

    @property
    def identifier(self) -> str:
        """What the manifest is asked for by: the digest if there is one, else the tag."""
        return str(self.digest) if self.digest is not None else str(self.tag)

    @property
    def familiar(self) -> str:
        """The repository as Docker names it: without what goes without saying on Docker Hub."""
        if self.registry != DOCKER_HUB or _split_host(self.repository)[0] != DOCKER_HUB:
            return f"{self.registry}/{self.repository}"
        namespace, _, name = self.repository.partition("/")
        return name if namespace == "library" and "/" not in name else self.repository

    def with_digest(self, digest: Digest) -> Reference:
        """Name the same repository, by digest."""
        return Reference(self.registry, self.repository, None, digest)

    def __str__(self) -> str:
        tag = "" if self.tag is None else f":{self.tag}"
        digest = "" if self.digest is None else f"@{self.digest}"
        return f"{self.registry}/{self.repository}{tag}{digest}"


def _split_host(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        return first, rest
    return DOCKER_HUB, name


def join_name(image: str, tag: str) -> str:
    """Put the halves of a name together, where the tag may be a tag, a digest, or both."""
    is_digest = ":" in tag.partition("@")[0]
    return f"{image}@{tag}" if is_digest else f"{image}:{tag}"
