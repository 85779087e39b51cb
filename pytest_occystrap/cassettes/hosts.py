"""Which host names and addresses are nobody else's business.

Rule: loopback is, as are names that are reserved for examples, everyone's.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from pytest_occystrap.cassettes.tables import words_of

__all__ = ["HOST_IN_WORDS", "is_internal", "split_port"]

_SUFFIXES: Final = words_of(
    """
    internal local localdomain lan corp corporate intranet private home home.arpa svc
    cluster.local localnet
    """
)
_EVERYONES: Final = frozenset({"host.docker.internal", "gateway.docker.internal"})
_NAME: Final = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.)+[A-Za-z]{2,}\.?")
#: Networks that are private though Python's own list counts more: RFC 1918, 6598, 4193, 4291.
_NETWORKS: Final = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10"),
    )
)
_ENDING: Final = "|".join(map(re.escape, sorted(_SUFFIXES)))
#: What may be such a host anywhere in words. In a program `a.local` may be anything, but hardly
#: with a port or a second dot.
HOST_IN_WORDS: Final = re.compile(
    rf"(?<![\w.@/-])(?:(?:[a-z0-9-]+\.){{2,}}(?:{_ENDING})|(?:[a-z0-9-]+\.)+(?:{_ENDING})(?=:\d)"
    r"|(?:10|172|192|100)(?:\.\d{1,3}){3})(?::\d+)?(?![\w.-]|/\d)",
    re.IGNORECASE,
)


def split_port(authority: str) -> tuple[str, str]:
    """Split `HOST[:PORT]`; the second part has its colon."""
    host, colon, port = authority.rpartition(":")
    if colon and (port.isdigit() or not port) and (":" not in host or host.endswith("]")):
        return host, colon + port
    return authority, ""


def is_internal(host: str) -> bool:
    """Say whether a host, without its port, is of somebody's own network."""
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        name = host.lower().rstrip(".")
        if name in _EVERYONES or not _NAME.fullmatch(name):
            return False
        return any(name.endswith(f".{suffix}") for suffix in _SUFFIXES)
    return any(address.version == net.version and address in net for net in _NETWORKS)
