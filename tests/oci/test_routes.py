"""The paths of the distribution API."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.errors import InvalidDigest, InvalidReference
from occystrap.oci.digest import Digest
from occystrap.oci.routes import METHODS, Route, RouteKind, parse_route
from tests.support.strategies import ANY_TEXT, ROUTES

SHA = f"sha256:{'a' * 64}"


@given(ROUTES)
def test_what_the_client_writes_the_server_reads(route: Route) -> None:
    """Parsing the path of a route gives the route."""
    assert parse_route(route.path) == route


@given(ROUTES)
def test_a_path_comes_through_a_client_unchanged(route: Route) -> None:
    """Nothing in a path is escaped or resolved away by an HTTP client."""
    assert httpx.URL(f"https://h{route.path}").raw_path.decode() == route.path


@given(ROUTES)
def test_a_client_may_escape_more_than_it_has_to(route: Route) -> None:
    """A colon, or a slash in a name, may come percent-encoded."""
    assert parse_route("/v2/" + quote(route.path[4:], safe="/")) == route
    assert parse_route("/v2/" + quote(route.path[4:], safe="")) == route


PIECES = st.sampled_from(
    [
        "/",
        "v2",
        "a",
        "tags",
        "list",
        "manifests",
        "blobs",
        "uploads",
        "referrers",
        "_catalog",
        "..",
        SHA,
        "%2F",
        "%",
        "%ff",
        "\n",
        "A",
    ]
)


@given(ANY_TEXT | st.lists(PIECES, max_size=12).map(lambda pieces: "/v2/" + "".join(pieces)))
def test_any_path_is_a_route_or_none_or_a_named_error(path: str) -> None:
    """Whatever the path is, a route that is understood leads back to itself."""
    try:
        route = parse_route(path)
    except (InvalidReference, InvalidDigest):
        return
    assert route is None or parse_route(route.path) == route


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v2", Route(RouteKind.PING)),
        ("/v2/", Route(RouteKind.PING)),
        ("/v2/_catalog", Route(RouteKind.CATALOG)),
        ("/v2/a/tags/list", Route(RouteKind.TAGS, "a")),
        ("/v2/a/b/manifests/v1", Route(RouteKind.MANIFEST, "a/b", "v1")),
        (f"/v2/a/manifests/{SHA}", Route(RouteKind.MANIFEST, "a", SHA)),
        (f"/v2/a/blobs/{SHA}", Route(RouteKind.BLOB, "a", SHA)),
        ("/v2/a/blobs/uploads/", Route(RouteKind.UPLOADS, "a")),
        ("/v2/a/blobs/uploads/5-x_=", Route(RouteKind.UPLOAD, "a", "5-x_=")),
        (f"/v2/a/referrers/{SHA}", Route(RouteKind.REFERRERS, "a", SHA)),
        # Names of repositories may hold the words of the API; the last such word counts.
        ("/v2/a/manifests/b/manifests/c", Route(RouteKind.MANIFEST, "a/manifests/b", "c")),
        ("/v2/manifests/tags/list", Route(RouteKind.TAGS, "manifests")),
        ("/v2/a/blobs/uploads/tags/list", Route(RouteKind.TAGS, "a/blobs/uploads")),
        (f"/v2/a/blobs/uploads/blobs/{SHA}", Route(RouteKind.BLOB, "a/blobs/uploads", SHA)),
    ],
)
def test_paths_of_the_api(path: str, route: Route) -> None:
    """Each path of the specification is understood."""
    assert parse_route(path) == route


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v1/",
        "/v2/a",
        "/v2/a/tags",
        "/v2//tags/list",
        "/v2/tags/list",
        "/v2/a/manifests/",
        "/v2/_catalog/",
        "//v2/",
        "/v2/a/manifests/b/c",
        "/v2/\n/tags/list",
    ],
)
def test_paths_that_are_not_of_the_api(path: str) -> None:
    """Another path is no error, it's just none of the API's."""
    assert parse_route(path) is None


@pytest.mark.parametrize(
    "path",
    [
        "/v2/A/tags/list",
        "/v2/a/../manifests/t",
        "/v2/_catalog/tags/list",
        "/v2/a//manifests/t",
        "/v2/a/manifests/-t",
        "/v2/a/manifests/t%0a",
        "/v2/a/blobs/uploads/..",
        "/v2/é/tags/list",
        "/v2/a/blobs/uploads/%ff",
        f"/v2/{'a' * 256}/tags/list",
        "/v2/%2e%2e/tags/list",
    ],
)
def test_paths_with_a_bad_name(path: str) -> None:
    """A path of the API with a bad repository, tag or session is told from an unknown path."""
    with pytest.raises(InvalidReference):
        parse_route(path)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/a/blobs/x",
        "/v2/a/blobs/uploads",
        "/v2/a/blobs/md5:abc",
        "/v2/a/referrers/latest",
        "/v2/a/manifests/sha256:abc",
        "/v2/a/manifests/x:y",
    ],
)
def test_paths_with_a_bad_digest(path: str) -> None:
    """A path of the API that has no digest where one has to be is told from an unknown path."""
    with pytest.raises(InvalidDigest):
        parse_route(path)


@pytest.mark.parametrize(
    ("kind", "repository", "item"),
    [
        (RouteKind.MANIFEST, "a/../b", "t"),
        (RouteKind.MANIFEST, "a", "../t"),
        (RouteKind.MANIFEST, "a", ""),
        (RouteKind.TAGS, "", ""),
        (RouteKind.BLOB, "a", "t"),
        (RouteKind.UPLOAD, "a", "x/y"),
        (RouteKind.UPLOAD, "a", ""),
    ],
)
def test_a_client_cannot_write_another_path(kind: RouteKind, repository: str, item: str) -> None:
    """A route with a bad name can't be made, so no request leaves the API."""
    with pytest.raises((InvalidReference, InvalidDigest)):
        Route(kind, repository, item)


def test_the_digest_of_a_route() -> None:
    """An item is a digest or isn't."""
    assert Route(RouteKind.MANIFEST, "a", SHA).digest == Digest("sha256", "a" * 64)
    assert Route(RouteKind.MANIFEST, "a", "t").digest is None
    assert Route(RouteKind.PING).digest is None


def test_every_kind_has_methods() -> None:
    """The tables know the same kinds."""
    assert set(METHODS) == set(RouteKind)
