"""Finding repositories, as mocks of `util.request_url` and of `QuayClient` expect it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest

from occystrap import errors, quay, util
from occystrap.quay import QUAY_API_BASE, QuayAPIError, QuayClient, resolve_quay_uri

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
MARCH = int(SINCE.timestamp())
UNAUTHORIZED = util.UnauthorizedException("no", "GET", "https://quay.io", 401, "", {})


@mock.patch("occystrap.quay.util.request_url")
def test_the_first_page_is_asked_for(request_url: mock.Mock) -> None:
    """Method and URL by position, the token in a header; only `.json()` of the answer is needed."""
    request_url.return_value.json.return_value = {"repositories": [{"name": "a"}, {"name": "b"}]}
    assert QuayClient(token="t").list_repositories("acme") == ["a", "b"]
    method, url = request_url.call_args.args
    assert (method, url) == ("GET", f"{QUAY_API_BASE}/repository?namespace=acme&public=true")
    assert request_url.call_args.kwargs["headers"]["Authorization"] == "Bearer t"


@mock.patch("occystrap.quay.util.request_url")
def test_without_a_token_there_is_no_authorization(request_url: mock.Mock) -> None:
    """Public repositories need none."""
    request_url.return_value.json.return_value = {"repositories": []}
    QuayClient().list_repositories("acme")
    assert "Authorization" not in request_url.call_args.kwargs["headers"]


@mock.patch("occystrap.quay.util.request_url")
def test_pages_are_followed(request_url: mock.Mock) -> None:
    """The cursor of a page goes into the next question, escaped; the last page has none."""
    pages = [
        {"repositories": [{"name": "a"}], "next_page": "c=1"},
        {"repositories": [{"name": "b"}], "next_page": ""},
    ]
    request_url.side_effect = [mock.Mock(**{"json.return_value": page}) for page in pages]
    assert QuayClient().list_repositories("acme") == ["a", "b"]
    urls = [call.args[1] for call in request_url.call_args_list]
    assert [url.partition("&next_page=")[2] for url in urls] == ["", "c%3D1"]


@mock.patch("occystrap.quay.util.request_url")
def test_since_drops_what_is_older_or_unknown(request_url: mock.Mock) -> None:
    """Repositories without a push count as old."""
    request_url.return_value.json.return_value = {
        "repositories": [
            {"name": "new", "last_modified": MARCH},
            {"name": "old", "last_modified": MARCH - 1},
            {"name": "empty", "last_modified": None},
            {"name": "odd", "last_modified": "yesterday"},
            {"name": "bare"},
        ]
    }
    assert QuayClient().list_repositories("acme", SINCE) == ["new"]
    assert "last_modified=true" in request_url.call_args.args[1]


@mock.patch("occystrap.quay.util.request_url")
def test_a_tag_is_looked_up(request_url: mock.Mock) -> None:
    """What the API says of it is returned, or None."""
    request_url.return_value.json.return_value = {"tags": [{"name": "1", "start_ts": 5}]}
    assert QuayClient().has_tag("acme", "team/app", "1") == {"name": "1", "start_ts": 5}
    assert request_url.call_args.args == (
        "GET",
        f"{QUAY_API_BASE}/repository/acme/team/app/tag/?specificTag=1&onlyActiveTags=true&limit=1",
    )
    request_url.return_value.json.return_value = {"tags": []}
    assert QuayClient().has_tag("acme", "app", "1") is None


@mock.patch("occystrap.quay.util.request_url")
def test_a_401_names_the_token_that_is_wanted(request_url: mock.Mock) -> None:
    """`UnauthorizedException` becomes the error of this API."""
    request_url.side_effect = UNAUTHORIZED
    with pytest.raises(QuayAPIError, match=r"quay\.io API token") as caught:
        QuayClient().list_repositories("acme")
    assert caught.value.__cause__ is UNAUTHORIZED
    with pytest.raises(QuayAPIError, match=r"quay\.io API token"):
        QuayClient().has_tag("acme", "app", "1")


@mock.patch("occystrap.quay.util.request_url")
def test_a_404_is_no_tag_and_another_error_is_one(request_url: mock.Mock) -> None:
    """Only 404 means that there is nothing."""
    request_url.side_effect = util.APIException("no", "GET", "u", 404, "", {})
    assert QuayClient().has_tag("acme", "app", "1") is None
    request_url.side_effect = util.APIException("no", "GET", "u", 403, "", {})
    with pytest.raises(util.APIException):
        QuayClient().has_tag("acme", "app", "1")


@pytest.mark.parametrize(
    "document", [[], "text", None, {"repositories": {}}, {"repositories": "a"}]
)
@mock.patch("occystrap.quay.util.request_url")
def test_what_is_no_list_is_an_error(request_url: mock.Mock, document: Any) -> None:
    """JSON of another shape is said to be."""
    request_url.return_value.json.return_value = document
    with pytest.raises(QuayAPIError, match="answered no"):
        QuayClient().list_repositories("acme")


@mock.patch("occystrap.quay.util.request_url")
def test_what_is_no_json_is_an_error(request_url: mock.Mock) -> None:
    """A page of a proxy is said to be none."""
    request_url.return_value.json.side_effect = ValueError("<html>")
    with pytest.raises(QuayAPIError, match="no JSON to GET /repository"):
        QuayClient().list_repositories("acme")


@mock.patch("occystrap.quay.util.request_url")
def test_junk_in_a_list_is_left_out(request_url: mock.Mock) -> None:
    """What has no name can't be a repository; a cursor may be any value."""
    entries = [None, 7, {}, {"name": "a"}]
    request_url.return_value.json.side_effect = [
        {"repositories": entries, "next_page": 5},
        {"repositories": []},
    ]
    assert QuayClient().list_repositories("acme") == ["a"]


@mock.patch("occystrap.quay.util.request_url")
def test_only_what_was_chosen_is_passed_on(request_url: mock.Mock) -> None:
    """Client, retries and rate limit reach every request."""
    request_url.return_value.json.return_value = {"repositories": []}
    chosen = {"client": mock.sentinel.client, "rate_limiter": mock.sentinel.limiter}
    QuayClient(**chosen, retries=7).list_repositories("acme")
    kwargs = request_url.call_args.kwargs
    assert {name: kwargs[name] for name in chosen} == chosen
    assert kwargs["retries"] == 7


@mock.patch("occystrap.quay.QuayClient")
def test_a_uri_makes_one_client(quay_client: mock.Mock) -> None:
    """`QuayClient(token=...)` once, other keywords only when set, one look-up a repository."""
    found = quay_client.return_value
    found.list_repositories.return_value = ["b", "a", "other"]
    found.has_tag.side_effect = lambda namespace, name, tag: {"name": tag}
    assert resolve_quay_uri("quay://acme/[ab]:1", "t") == [
        ("quay.io", "acme/a", "1"),
        ("quay.io", "acme/b", "1"),
    ]
    quay_client.assert_called_once_with(token="t")
    assert found.has_tag.call_count == 2
    found.close.assert_called_once_with()
    resolve_quay_uri("quay://acme", retries=1, client=mock.sentinel.client)
    quay_client.assert_called_with(token=None, retries=1, client=mock.sentinel.client)


@mock.patch("occystrap.quay.QuayClient")
def test_a_token_in_the_uri_comes_first(quay_client: mock.Mock) -> None:
    """`?token=` beats what is passed; a token of digits stays text."""
    quay_client.return_value.list_repositories.return_value = []
    assert resolve_quay_uri("quay://acme?token=0123", "t") == []
    quay_client.assert_called_once_with(token="0123")


@mock.patch("occystrap.quay.QuayClient")
def test_the_client_is_closed_on_every_way_out(quay_client: mock.Mock) -> None:
    """W-30: also when the list can't be had, or a look-up fails."""
    found = quay_client.return_value
    found.list_repositories.side_effect = QuayAPIError("no")
    with pytest.raises(QuayAPIError):
        resolve_quay_uri("quay://acme")
    found.list_repositories.side_effect = None
    found.list_repositories.return_value = ["a"]
    found.has_tag.side_effect = QuayAPIError("no")
    with pytest.raises(QuayAPIError):
        resolve_quay_uri("quay://acme")
    assert found.close.call_count == 2


def test_the_public_names_are_there() -> None:
    """Scripts import these."""
    assert quay.QUAY_API_BASE == "https://quay.io/api/v1"
    assert quay.QuayAPIError is errors.QuayAPIError
