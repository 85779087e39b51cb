"""Where faults strike: how people write it, and which requests that means."""

from __future__ import annotations

from typing import Any

import pytest

from occystrap.errors import InvalidOption
from occystrap.server.message import Request
from pytest_occystrap.faults import Role, Where
from pytest_occystrap.faults.where import narrowed, parse_on

HEX = "ab" * 32
DIGEST = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("on", "place"),
    [
        ("*", Where()),
        ("GET", Where(method="GET")),
        ("* blob", Where(kind="blob")),
        ("GET blob", Where(method="GET", kind="blob")),
        ("manifest", Where(kind="manifest")),
        ("PUT manifest a/b:1", Where(method="PUT", kind="manifest", repository="a/b", item="1")),
        ("org/*", Where(repository="org/*")),
        ("org/app:v1.*", Where(repository="org/app", item="v1.*")),
        (f"HEAD org/app@{DIGEST}", Where(method="HEAD", repository="org/app", item=DIGEST)),
        ("blob sha256:ab*", Where(kind="blob", item="sha256:ab*")),
        ("GET /v2/*", Where(method="GET", path="/v2/*")),
        ("cdn", Where(role=Role.CDN)),
        ("GET cdn", Where(method="GET", role=Role.CDN)),
        ("token", Where(role=Role.TOKEN)),
        ("api /api/v1/repository", Where(role=Role.API, path="/api/v1/repository")),
        ("registry blob", Where(role=Role.REGISTRY, kind="blob")),
        ("registry tags a", Where(role=Role.REGISTRY, kind="tags", repository="a")),
    ],
)  # fmt: skip
def test_places_as_people_write_them(on: str, place: Where) -> None:
    """[METHOD] [ROLE] [KIND] [NAME], each of them once, and what is read is written so again."""
    assert parse_on(on) == place
    assert parse_on(place.text if place != Where() else "*") == place


@pytest.mark.parametrize(
    "on",
    [
        "",
        " ",
        "get blob",
        "GET blub org/app",
        "GET blob a b",
        "Org/App",
        "app:",
        "registry.example:5000/app",
        "app@1",
        "app@sha256:XY",
        "GET PUT",
    ],
)
def test_what_is_no_place(on: str) -> None:
    """The message says what a place looks like, and which kinds there are."""
    with pytest.raises(InvalidOption, match=r"not where a fault can strike: .*kinds are .*cdn"):
        parse_on(on)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"kind": "blub"}, "there is no kind of request 'blub'; it is"),
        ({"nth": 0}, "nth and every count from 1, times from 0"),
        ({"every": 0}, "nth and every count from 1, times from 0"),
        ({"times": -1}, "nth and every count from 1, times from 0"),
        ({"probability": 1.5}, "a probability is from 0 to 1, not 1.5"),
        ({"probabilty": 1.0}, "a fault has no 'probabilty'; did you mean 'probability'"),
        ({"xyz": 1}, "a fault has no 'xyz'; there are method, kind"),
    ],
)
def test_what_cannot_be_said_of_a_place(more: dict[str, Any], message: str) -> None:
    """The same, whether the place was written or made."""
    with pytest.raises(InvalidOption, match=message):
        parse_on("GET", **more)
    with pytest.raises(InvalidOption, match=message):
        narrowed(Where(method="GET"), **more)


BLOB = Request("GET", f"/v2/org/app/blobs/{DIGEST}", door="http/1.1")
MANIFEST = Request("PUT", "/v2/org/app/manifests/1", door="in-process")
UPLOAD = Request("PUT", "/v2/org/app/blobs/uploads/5e55", (("digest", DIGEST),), door="h2")
MOUNT = Request("POST", "/v2/org/app/blobs/uploads/", (("mount", DIGEST),))
TOKEN = Request("GET", "/token", (("scope", "repository:org/app:pull"),))
STORED = Request("GET", f"/docker/{HEX[:2]}/{HEX}/data", (("Signature", "x"),))
API = Request("GET", "/api/v1/repository")
ALL = {
    "blob": (BLOB, Role.REGISTRY),
    "manifest": (MANIFEST, Role.REGISTRY),
    "upload": (UPLOAD, Role.REGISTRY),
    "uploads": (MOUNT, Role.REGISTRY),
    "token": (TOKEN, Role.TOKEN),
    "cdn": (STORED, Role.CDN),
    "api": (API, Role.API),
}


@pytest.mark.parametrize(
    ("place", "struck"),
    [
        (Where(), set(ALL)),
        (parse_on("GET"), {"blob", "token", "cdn", "api"}),
        (Where(method="P*"), {"manifest", "upload", "uploads"}),
        (parse_on("registry"), {"blob", "manifest", "upload", "uploads"}),
        (parse_on("token"), {"token"}),
        (parse_on("api"), {"api"}),
        (parse_on("cdn"), {"cdn"}),
        (parse_on("blob"), {"blob", "cdn"}),
        (parse_on("registry blob"), {"blob"}),
        (parse_on("cdn blob"), {"cdn"}),
        (parse_on("cdn manifest"), set()),
        (parse_on("manifest"), {"manifest"}),
        (parse_on("upload"), {"upload"}),
        (parse_on("uploads"), {"uploads"}),
        (parse_on("org/app"), {"blob", "manifest", "upload", "uploads", "cdn"}),
        (parse_on("org/other"), {"cdn"}),
        (parse_on("registry org/other"), set()),
        (parse_on("org/app:1"), {"manifest"}),
        (parse_on("org/*:*"), {"blob", "manifest", "upload", "uploads", "cdn"}),
        (parse_on(DIGEST), {"blob", "upload", "cdn"}),
        (parse_on("sha256:ab*"), {"blob", "upload", "cdn"}),
        (parse_on("sha256:cd*"), set()),
        (parse_on("/v2/org/*/1"), {"manifest"}),
        (parse_on("/token"), {"token"}),
        (Where(door="in-process"), {"manifest"}),
        (Where(door="h*"), {"blob", "upload"}),
        (Where(item="5e55"), {"upload"}),
    ],
)  # fmt: skip
def test_which_requests_a_place_means(place: Where, struck: set[str]) -> None:
    """A signed URL is a blob whose repository nobody can tell."""
    assert {name for name, (request, role) in ALL.items() if place.matches(request, role)} == struck


@pytest.mark.parametrize(
    ("place", "everywhere"),
    [
        (Where(), True),
        (Where(role=Role.CDN, times=3), True),
        (Where(method="GET"), False),
        (Where(repository="a"), False),
        (Where(path="/v2/"), False),
    ],
)
def test_places_that_connections_are_at(place: Where, everywhere: bool) -> None:
    """Whoever names a request doesn't mean a handshake."""
    assert place.is_everywhere is everywhere


def test_any_request_in_words() -> None:
    """What reports say of a fault without a place."""
    assert Where().text == "any request"
    assert Where(path="/v2/").text == "/v2/"
