"""What a request may ask for, and what it shows for it."""

from __future__ import annotations

import base64

import pytest

from occystrap.oci.challenge import Scope
from occystrap.oci.digest import Digest
from occystrap.server.access import basic_credentials, bearer_token, covers, needed_scopes
from occystrap.server.message import Headers, Request, split_target

DIGEST = Digest.of(b"x")


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/v2/", ""),
        ("GET", "/v2", ""),
        ("GET", "/v2/_catalog?n=3", "registry:catalog:*"),
        ("GET", "/v2/a/b/tags/list", "repository:a/b:pull"),
        ("GET", "/v2/a/manifests/v1", "repository:a:pull"),
        ("HEAD", f"/v2/a/blobs/{DIGEST}", "repository:a:pull"),
        ("GET", f"/v2/a/referrers/{DIGEST}", "repository:a:pull"),
        ("PUT", "/v2/a/manifests/v1", "repository:a:pull,push"),
        ("DELETE", "/v2/a/manifests/v1", "repository:a:delete"),
        ("DELETE", f"/v2/a/blobs/{DIGEST}", "repository:a:delete"),
        ("POST", "/v2/a/blobs/uploads/", "repository:a:pull,push"),
        ("PATCH", "/v2/a/blobs/uploads/1", "repository:a:pull,push"),
        ("PUT", "/v2/a/blobs/uploads/1", "repository:a:pull,push"),
        ("GET", "/v2/a/blobs/uploads/1", "repository:a:pull"),
        ("DELETE", "/v2/a/blobs/uploads/1", "repository:a:pull,push"),
        (
            "POST",
            f"/v2/a/blobs/uploads/?mount={DIGEST}&from=b/c",
            "repository:a:pull,push repository:b/c:pull",
        ),
        ("POST", f"/v2/a/blobs/uploads/?mount={DIGEST}&from=a", "repository:a:pull,push"),
        ("POST", f"/v2/a/blobs/uploads/?mount={DIGEST}&from=../A", "repository:a:pull,push"),
        ("POST", f"/v2/a/blobs/uploads/?mount={DIGEST}", "repository:a:pull,push"),
        ("POST", "/v2/a/blobs/uploads/?from=b", "repository:a:pull,push"),
        ("GET", f"/v2/a/blobs/{DIGEST}?from=b", "repository:a:pull"),
        ("GET", "/v2/A/tags/list", ""),
        ("GET", "/v2/a/blobs/sha256:short", ""),
        ("GET", "/elsewhere", ""),
        ("TRACE", "/v2/a/tags/list", "repository:a:pull"),
    ],
)
def test_route_and_method_say_what_is_needed(method: str, target: str, expected: str) -> None:
    """Reading needs pull, writing push as well, removing delete, a mount both repositories."""
    path, query = split_target(target)
    needed = needed_scopes(Request(method, path, query))
    assert " ".join(map(str, needed)) == expected


@pytest.mark.parametrize(
    ("granted", "needed", "expected"),
    [
        ([], [], True),
        (["repository:a:pull"], [], True),
        ([], ["repository:a:pull"], False),
        (["repository:a:pull"], ["repository:a:pull"], True),
        (["repository:a:pull"], ["repository:a:pull,push"], False),
        (["repository:a:pull", "repository:a:push"], ["repository:a:pull,push"], True),
        (["repository:a:pull,push"], ["repository:b:pull"], False),
        (["registry:a:pull"], ["repository:a:pull"], False),
        (["repository:a:pull,push"], ["repository:a:push", "repository:b:pull"], False),
    ],
)
def test_each_needed_action_has_to_be_granted(
    granted: list[str], needed: list[str], expected: bool
) -> None:
    """By kind, name and action; several grants add up."""
    assert covers(map(Scope.parse, granted), map(Scope.parse, needed)) is expected


def given(authorization: str | None) -> Request:
    """Make a request that brings something."""
    return Request("GET", "/v2/", (), Headers({"Authorization": authorization or ""}))


def encoded(text: str) -> str:
    """Write what Basic carries."""
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (f"Basic {encoded('alice:open sesame')}", ("alice", "open sesame")),
        (f"basic  {encoded('alice:a:b')}", ("alice", "a:b")),
        (f"Basic {encoded('älice:ö')}", ("älice", "ö")),
        (f"Basic {encoded(':')}", ("", "")),
        (f"Basic {encoded('no colon')}", None),
        ("Basic ***", None),
        (f"Basic {base64.b64encode(bytes([255, 58, 255])).decode()}", None),
        (f"Bearer {encoded('a:b')}", None),
        ("Basic", None),
        (None, None),
    ],
)
def test_a_name_and_a_password(authorization: str, expected: tuple[str, str] | None) -> None:
    """They are read from Basic, and from nothing else."""
    assert basic_credentials(given(authorization)) == expected


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("Bearer abc.def", "abc.def"),
        ("bearer  abc", "abc"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic abc", None),
        ("", None),
    ],
)
def test_a_token(authorization: str, expected: str | None) -> None:
    """It is read from Bearer, and from nothing else."""
    assert bearer_token(given(authorization)) == expected
