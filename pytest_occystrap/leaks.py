"""Credentials that a client has sent to where they don't belong.

Rule: what is found is told without the secret.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from urllib.parse import unquote

from pytest_occystrap.exchange import Exchange

__all__ = ["find_leaks"]

_LOOPBACK: Final = "127.0.0.1"
_LOOPBACK_NAMES: Final = frozenset({_LOOPBACK, "localhost", "::1"})
_CREDENTIALS: Final = ("Authorization", "Cookie", "Proxy-Authorization")


def find_leaks(exchanges: Sequence[Exchange], secrets: Collection[str]) -> dict[int, str]:
    """Tell by number which exchanges brought credentials where they shouldn't have.

    To the storage that a redirect leads to, whatever they are; in a URL; or the token of one host
    along to another.
    """
    owners: dict[str, str] = {}
    leaks: dict[int, str] = {}
    for exchange in exchanges:
        found = _leak(exchange, secrets, owners)
        if found:
            leaks[exchange.number] = found
    return leaks


def _leak(exchange: Exchange, secrets: Collection[str], owners: dict[str, str]) -> str:
    brought = [name for name in _CREDENTIALS if name in exchange.headers]
    if exchange.part == "storage" and brought:
        return f"{brought[0]} was sent along to the storage host"
    parts = (unquote(exchange.path), *(value for _, value in exchange.query))
    if any(secret in part for secret in secrets for part in parts):
        return "a password or a token is in the URL"
    scheme, _, token = (exchange.headers.get("Authorization") or "").partition(" ")
    if scheme.lower() == "bearer":
        host = _LOOPBACK if exchange.hostname in _LOOPBACK_NAMES else exchange.hostname
        owner = owners.setdefault(token, host)
        if owner != host:
            return f"the token for {owner} was sent along to {host}"
    return ""
