"""The dialect `distribution2` and docker-registry, asked the same at random, answer the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from occystrap.oci.digest import Digest
from occystrap.oci.media_types import DOCKER_MANIFEST
from tests.contract.differences import OLD_IMAGE, SIDE_BY_SIDE
from tests.contract.search import drive
from tests.support.debian_registry import StartDebianRegistry
from tests.support.side_by_side import NEW_UPLOAD, Both, Request, both_open
from tests.support.wire import WHOLE_CONFIG

#: The same with every run, so that nobody who has changed something else is stopped by what is new
#: about docker-registry: that is for those to find who look for it, with search.py. The first five
#: meet together what MUST_MEET has, or nearly: hypothesis also draws on the constants of whatever
#: modules are loaded, so another few may have to follow.
SEEDS = (4, 8, 9, 13, 21, 1, 2, 3, 5, 6, 7, 10, 11, 12)
FEWEST = 5
#: Method, what was asked for, and the statuses that have to be among the answers.
MUST_MEET = """
POST uploads 201 202 | GET upload 204 404 | HEAD upload 204 404 | DELETE upload 204 404
PATCH upload 202 404 500 | PUT upload 201 400 404
GET blob 200 206 304 404 416 | HEAD blob 200 304 404 | DELETE blob 202 | PUT blob 405
PUT manifest 201 400 500 | GET manifest 200 304 404 | HEAD manifest 200 304 404
DELETE manifest 202 400 404 | POST manifest 405
GET tags 200 404 | POST tags 405 | GET catalog 200 400 | POST catalog 405
GET nothing 400 404
"""


@pytest.fixture
def both(start_debian_registry: StartDebianRegistry) -> Iterator[Both]:
    """Both of them, empty, on sockets; in memory it takes a third of the time."""
    with both_open(start_debian_registry(in_memory=True)) as both:
        yield both


def must_meet() -> Iterator[str]:
    """Write the table above as it is met."""
    for entry in MUST_MEET.replace("\n", "|").split("|"):
        method, what, *statuses = entry.split() or ("", "")
        yield from (f"{method} {what} {status}" for status in statuses)


def test_they_answer_the_same(both: Both) -> None:
    """Statuses, headers and contents, errors word by word, but for what is known."""
    wanted = set(must_meet())
    for count, number in enumerate(SEEDS):
        if count >= FEWEST and wanted <= both.met:
            break
        drive(both, number)
    assert wanted <= both.met


@pytest.mark.parametrize("name", SIDE_BY_SIDE)
def test_what_is_known_to_differ_differs(both: Both, name: str) -> None:
    """So that the table has nothing in it that has long been mended."""
    for repository, content in (
        ("known", b"two two"),
        ("knowns", b"two two"),
        ("known", b""),
        ("old", WHOLE_CONFIG),
        ("old", b"one"),
    ):
        params = {"digest": str(Digest.of(content))}
        both.store(Request("PUT", both.begin(repository), params, content=content))
    headers = {"Content-Type": DOCKER_MANIFEST}
    both.store(Request("PUT", "/v2/old/manifests/v1", headers=headers, content=OLD_IMAGE))
    both.begin("zlater")  # a repository that has nothing but an upload
    exempt = SIDE_BY_SIDE[name]
    example = exempt.example
    if example.where == NEW_UPLOAD:
        example = replace(example, where=both.begin("known"))
    ours, theirs = both.ask(example)
    assert ours != theirs
    assert exempt.applies(example, ours, theirs)
