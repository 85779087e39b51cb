"""What the ledger proves of an image: that it was pulled, that it was pushed.

Rule: only whole content counts, and a failure names what is missing of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from occystrap.oci.routes import RouteKind
from pytest_occystrap.exchange import Exchange
from pytest_occystrap.images import FakeImage

__all__ = ["not_pulled", "not_pushed"]

_OK: Final = 200
_PARTIAL: Final = 206
_SUCCESS: Final = range(200, 300)


def not_pulled(image: FakeImage, exchanges: Sequence[Exchange]) -> list[str]:
    """List what was not sent of an image, which may be asked for by tag or by digest.

    Of an index one image is enough. A range counts for its bytes, and content counts that was
    pulled out of another repository or from another host.
    """
    lines = []
    asked = _asked_for(image.repository, exchanges)
    if not any(_brought(exchange, image) for exchange in asked):
        lines.append(f"the manifest {image.digest} was not sent")
    if image.images:
        return lines + min((not_pulled(one, exchanges) for one in image.images.values()), key=len)
    sizes = {layer.digest: ("layer", layer.size) for layer in image.layers}
    sizes[image.config.digest] = ("config", image.config.size)
    for digest, (what, size) in sizes.items():
        covered = _covered(digest, exchanges)
        if covered < size:
            lines.append(f"{covered} of {size} bytes were sent of the {what} {digest}")
    return lines


def not_pushed(repository: str, names: Sequence[str], exchanges: Sequence[Exchange]) -> list[str]:
    """Say how the manifest was not pushed that a repository has under these names."""
    puts = [
        exchange
        for exchange in _asked_for(repository, exchanges)
        if exchange.method == "PUT" and exchange.route and exchange.route.item in names
    ]
    if any(exchange.status in _SUCCESS for exchange in puts):
        return []
    return [*map(_told, puts)] or ["no request has brought its manifest"]


def _brought(exchange: Exchange, image: FakeImage) -> bool:
    """Tell whether an answer brought the manifest; one by tag mostly says which it was."""
    if exchange.method != "GET" or exchange.status != _OK or exchange.route is None:
        return False
    said = exchange.response_headers.get("Docker-Content-Digest") or exchange.digest
    return said == image.digest if said else exchange.route.item == image.tag


def _told(exchange: Exchange) -> str:
    said = ", ".join(map(str, exchange.errors))
    return f"#{exchange.number} {exchange}{f' ({said})' if said else ''}"


def _asked_for(repository: str, exchanges: Sequence[Exchange]) -> Iterator[Exchange]:
    """Go over the requests for manifests of a repository."""
    for exchange in exchanges:
        route = exchange.route
        if route and (route.kind, route.repository) == (RouteKind.MANIFEST, repository):
            yield exchange


def _covered(digest: str, exchanges: Sequence[Exchange]) -> int:
    """Count the bytes of a blob that were sent at least once."""
    covered = end = 0
    for start, stop in sorted(_spans(digest, exchanges)):
        covered += max(stop - max(start, end), 0)
        end = max(end, stop)
    return covered


def _spans(digest: str, exchanges: Sequence[Exchange]) -> Iterator[tuple[int, int]]:
    for exchange in exchanges:
        if exchange.method != "GET" or exchange.status not in (_OK, _PARTIAL):
            continue
        if exchange.digest == digest:
            start = exchange.first_byte
            yield start, start + exchange.response_bytes
