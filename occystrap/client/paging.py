"""Following pages: each answer may name the next one.

Rule: a page is asked of the registry that was asked first, never twice, and never without end.
Spec: RFC 8288 (Link); https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from occystrap.client.ask import Ask
from occystrap.client.urls import next_url, origin_of
from occystrap.errors import InvalidReference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from occystrap.client.ask import Answer
    from occystrap.client.session import Grant, Session

__all__ = ["pages"]

_MOST_PAGES: Final = 10_000
_LINK: Final = re.compile(r"<(?P<target>[^<>]*)>(?P<parameters>[^<]*)")
_REL: Final = re.compile(r";\s*rel\s*=\s*\"?(?P<rels>[^\";,]*)", re.IGNORECASE)


def pages(
    session: Session,
    grant: Grant,
    url: str,
    headers: Mapping[str, str],
    accepted: frozenset[int] = frozenset(),
) -> Iterator[Answer]:
    """Yield the answers, page by page; a page that leads back or elsewhere is the last."""
    seen: set[str] = set()
    current: str | None = url
    while current is not None and current not in seen and len(seen) < _MOST_PAGES:
        seen.add(current)
        answer = session.request(Ask("GET", current, headers, accepted=accepted), grant)
        yield answer
        current = _next_page(url, current, answer)


def _next_page(first: str, current: str, answer: Answer) -> str | None:
    for value in answer.headers.get_list("Link"):
        for match in _LINK.finditer(value):
            rels = _REL.search(match["parameters"])
            if rels is None or "next" not in rels["rels"].lower().split():
                continue
            try:
                url = next_url(current, urljoin(current, match["target"]))
                return url if origin_of(url) == origin_of(first) else None
            except InvalidReference:
                return None
    return None
