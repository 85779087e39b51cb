"""Reading what the environment says of proxies.

Rule: the environment is handed in; what can't be understood changes nothing.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["proxies_from"]

#: A host of NO_PROXY: `example.com`, `.example.com`, `*.example.com`, `127.0.0.1`, with a port.
_NAME: Final = re.compile(r"\*?\.?([A-Za-z0-9_][A-Za-z0-9_.-]*(?::[0-9]{1,5})?)")


def proxies_from(environ: Mapping[str, str]) -> dict[str, str | None]:
    """Read HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY as what `create_client` takes.

    A key is a URL pattern of httpx, `None` stands for a direct connection. Names in lower case
    come first. A host of NO_PROXY covers those below it, too; networks (`10.0.0.0/8`) are not known
    to httpx, and cover nothing.
    """

    def read(name: str) -> str:
        return environ.get(name) or environ.get(name.upper()) or ""

    patterns: dict[str, str | None] = {}
    for scheme in ("http", "https", "all"):
        if proxy := read(f"{scheme}_proxy"):
            patterns[f"{scheme}://"] = proxy if "://" in proxy else f"http://{proxy}"
    for host in re.split(r"[\s,]+", read("no_proxy")):
        if host == "*":
            return {}
        if pattern := _direct(host):
            patterns[pattern] = None
    return patterns


def _direct(host: str) -> str:
    try:
        return f"all://[{ipaddress.IPv6Address(host.strip('[]'))}]"
    except ValueError:
        name = _NAME.fullmatch(host)
        return f"all://*{name[1]}" if name else ""
