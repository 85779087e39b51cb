"""Pages are followed to their end, at the registry that was asked, and never in circles."""

from __future__ import annotations

import contextlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.client.paging import pages
from occystrap.errors import TransportError
from tests.support.scripted import scripted_session

URL = "https://registry.example/v2/a/tags/list?n=2"


class Answering:
    """Answers with one Link after the other, then with none; notes what was asked."""

    def __init__(self, *links: str) -> None:
        self.links = list(links)
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Take a request."""
        self.asked.append(str(request.url))
        return httpx.Response(200, headers={"Link": self.links.pop(0)} if self.links else {})


class Nobody:
    """A grant that grants nothing."""

    def header(self, url: str) -> str | None:
        """Return no Authorization."""
        return None

    def refused(self, answer: object, used: str | None) -> bool:
        """Give up."""
        return False


def asked(*links: str) -> list[str]:
    """Follow the links, and return what was asked."""
    registry = Answering(*links)
    for _ in pages(scripted_session(registry), Nobody(), URL, {}):
        pass
    return registry.asked


@pytest.mark.parametrize(
    "link",
    [
        '</v2/a/tags/list?n=2&last=b>; rel="next"',
        "</v2/a/tags/list?n=2&last=b>;rel=next",
        '</v2/a/tags/list?n=2&last=b>; title="x"; REL="start Next"',
        '</v2/a/tags/list?last=0>; rel="prev", <list?n=2&last=b>; rel="next"',
        '<?n=2&last=b>; rel="next"',
        '<https://registry.example/v2/a/tags/list?n=2&last=b>; rel="next"',
    ],
)
def test_a_link_in_any_form_leads_on(link: str) -> None:
    """Relative or whole, quoted or bare, alone or among others."""
    assert asked(link) == [URL, "https://registry.example/v2/a/tags/list?n=2&last=b"]


@pytest.mark.parametrize("host", ["http://internal:5000", "https://evil.example", "//x.example"])
def test_a_page_on_another_host_is_asked_for_at_home(host: str) -> None:
    """A registry that doesn't know its own name gets the question, and the token; nobody else."""
    following = asked(f'<{host}/v2/a/tags/list?n=2&last=b>; rel="next"')
    assert following == [URL, "https://registry.example/v2/a/tags/list?n=2&last=b"]


@pytest.mark.parametrize(
    "link",
    [
        "",
        "junk",
        "</x>",
        '</x>; rel="last"',
        '</x>; title="next"',
        '<ftp://x/y>; rel="next"',
        '<//[bad>; rel="next"',
        f'<{URL}>; rel="next"',
    ],
)
def test_a_link_that_is_none_ends_the_list(link: str) -> None:
    """No next page, no web address, or the same page again."""
    assert asked(link) == [URL]


def test_a_circle_is_walked_once() -> None:
    """A page that was read isn't asked for again."""
    links = ['</b>; rel="next"', '</c>; rel="next"', '</b>; rel="next"']
    assert asked(*links) == [URL, "https://registry.example/b", "https://registry.example/c"]


@given(st.text(st.characters(codec="latin-1")))
def test_no_link_leads_away_from_home(link: str) -> None:
    """Any Link is followed, ignored or an error with a name; it never leads to another host."""
    clean = link.encode("latin-1", "replace").replace(b"\n", b"").replace(b"\r", b"")
    registry = Answering()

    def answer(request: httpx.Request) -> httpx.Response:
        registry(request)
        headers = [(b"Link", b"<" + clean + b'>; rel="next"')]
        return httpx.Response(200, headers=headers if len(registry.asked) == 1 else [])

    with contextlib.suppress(TransportError):
        for _ in pages(scripted_session(answer), Nobody(), URL, {}):
            pass
    assert all(httpx.URL(url).host == "registry.example" for url in registry.asked)
