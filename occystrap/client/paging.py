"""Following pages: each answer may name the next one.

Rule: a page is asked of the registry that was asked first, never twice, and never without end. Of
a link only path and query count: behind a proxy a registry may not know its own name.
Spec: RFC 8288 (Link); https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit, urlunsplit

from occystrap.client.ask import Ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from occystrap.client.ask import Answer
    from occystrap.client.session import Grant, Session

__all__ = ["pages"]

_MOST_PAGES: Final = 10_000
#: Some registries know no pages: a hundred thousand tags come at once.
_LONGEST_PAGE: Final = 64 * 1024 * 1024
_LINK: Final = re.compile(r"<(?P<target>[^<>]*)>(?P<parameters>[^<]*)")
_REL: Final = re.compile(r";\s*rel\s*=\s*\"?(?P<rels>[^\";,]*)", re.IGNORECASE)


def pages(
    session: Session,
    grant: Grant,
    url: str,
    headers: Mapping[str, str],
    accepted: frozenset[int] = frozenset(),
) -> Iterator[Answer]:
    """Yield the answers, page by page; a page that leads back is the last."""
    seen: set[str] = set()
    current = url
    while current and current not in seen and len(seen) < _MOST_PAGES:
        seen.add(current)
        ask = Ask("GET", current, headers, accepted=accepted, limit=_LONGEST_PAGE)
        answer = session.request(ask, grant)
        yield answer
        current = _next_page(current, answer)


def _next_page(current: str, answer: Answer) -> str:
    """Return the URL of the next page, or nothing."""
    for value in answer.headers.get_list("Link"):
        for match in _LINK.finditer(value):
            rels = _REL.search(match["parameters"])
            if rels is not None and "next" in rels["rels"].lower().split():
                return _at_home(current, match["target"])
    return ""


def _at_home(current: str, target: str) -> str:
    try:
        there = urlsplit(urljoin(current, target))
    except ValueError:
        return ""
    here = urlsplit(current)
    if there.scheme not in ("http", "https"):
        return ""
    return urlunsplit((here.scheme, here.netloc, there.path, there.query, ""))
