"""What a client of httpx meets when a fault strikes, at each door.

The table of doors in docs/faults.md is what should come of it: a cell is `EXCEPTION, BYTES` or
`STATUS, BYTES`, bytes of the body that were received; `all` is every one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx

from occystrap.client.direct import Direct
from pytest_occystrap import FakeRegistry
from pytest_occystrap.faults.effect import Trait
from pytest_occystrap.faults.grammar import parse_fault

__all__ = ["DIRECT", "DOORS", "cells", "meet", "table"]

PAGE = Path(__file__).resolve().parents[2] / "docs/faults.md"
#: The columns of the table.
DOORS = ("in process", "HTTP/1.1", "unix socket", "HTTP/1.1 TLS", "HTTP/2", "HTTP/2 TLS")
#: Those that our own connections lead to.
DIRECT = ("HTTP/1.1", "HTTP/1.1 TLS")
_HEAD = "| fault | " + " | ".join(DOORS) + " |"

_SHORT = 0.5
#: More than the buffers of any socket take.
_UPLOAD = 32 * 1024 * 1024
_PIECE = 64 * 1024
_PADDING = "x" * 5000


def table() -> dict[str, tuple[str, ...]]:
    """Read the table: fault -> its cells, door by door."""
    _, rows = PAGE.read_text(encoding="utf-8").split(f"{_HEAD}\n|---|---|---|---|---|---|---|\n")
    found = {}
    for row in rows.split("\n\n")[0].splitlines():
        fault, *outcomes = re.findall(r"[^|]+", row.strip().strip("|"))
        found[fault.strip(" `")] = tuple(cell.strip() for cell in outcomes)
    return found


def cells(expected: str) -> set[str]:
    """Take the alternatives of a cell apart."""
    outcomes, _, counts = expected.rpartition(", ")
    return {
        f"{outcome}, {count}"
        for outcome in outcomes.split(" or ")
        for count in counts.split(" or ")
    }


def meet(fault: str, door: str, expected: str, *, direct: bool = False) -> str:
    """Lay a fault, ask once, and write what comes of it as the table does.

    With `direct` it is our own connections that ask, in place of httpx's.
    """
    effect = parse_fault(fault).effect
    with FakeRegistry() as registry:
        image = registry.add_image("org/app:1", config={"author": _PADDING})
        registry.fault(effect, allow_unused=True)
        make = _direct_client if direct else _client
        with make(registry, door, _timeout(expected)) as client:
            if effect.needs & {Trait.REQUEST_BODY}:
                asked = client.stream("PUT", "/v2/org/app/manifests/2", content=_pieces())
            else:
                asked = client.stream("GET", f"/v2/org/app/blobs/{image.config.digest}")
            outcome, received = _received(asked, len(image.config.raw))
    return f"{outcome}, {received}"


def _received(asked: object, length: int) -> tuple[str, str]:
    received = 0
    try:
        with asked as response:  # type: ignore[attr-defined]
            for piece in response.iter_bytes():
                received += len(piece)
        outcome = str(response.status_code)
    except Exception as error:  # noqa: BLE001 - whatever there is, the table says it
        outcome = type(error).__name__
    return outcome, "all" if received == length else str(received)


def _timeout(expected: str) -> httpx.Timeout:
    """Have only that patience run out that is to: the machine may be slow."""
    short = {phase: _SHORT for phase in ("connect", "read", "write") if _names(phase, expected)}
    if "read" in short:
        short["write"] = _SHORT
    return httpx.Timeout(60, **short)


def _names(phase: str, expected: str) -> bool:
    return f"{phase.capitalize()}Timeout" in expected


def _pieces() -> Iterator[bytes]:
    for _ in range(_UPLOAD // _PIECE):
        yield bytes(_PIECE)


def _client(registry: FakeRegistry, door: str, timeout: httpx.Timeout) -> httpx.Client:
    if door == "in process":
        return httpx.Client(
            transport=registry.transport, base_url="https://registry.test", timeout=timeout
        )
    if door == "unix socket":
        transport = httpx.HTTPTransport(uds=str(registry.socket_path))
        return httpx.Client(transport=transport, base_url="http://localhost", timeout=timeout)
    http2 = door.startswith("HTTP/2")
    return httpx.Client(
        base_url=registry.https_url if door.endswith("TLS") else registry.url,
        verify=registry.ssl_context,
        http1=not http2,
        http2=http2,
        timeout=timeout,
    )


def _direct_client(registry: FakeRegistry, door: str, timeout: httpx.Timeout) -> httpx.Client:
    return httpx.Client(
        base_url=registry.https_url if door.endswith("TLS") else registry.url,
        transport=Direct(lambda: registry.ssl_context),
        timeout=timeout,
    )
