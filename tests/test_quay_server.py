"""Finding repositories on a Quay that answers as a real one does; some answers are genuine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import httpx
import pytest

from occystrap import errors, util
from occystrap.quay import QuayAPIError, QuayClient, resolve_quay_uri
from tests.support.clock import FakeClock
from tests.support.quay import ORIGIN, OWNER_TOKEN, Quay, recorded
from tests.support.scripted import Script

DAY = 86400
MARCH = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
UNAUTHORIZED = util.UnauthorizedException("no", "GET", "https://quay.io", 401, "", {})


def http(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    """Make a client of a function."""
    return httpx.Client(transport=httpx.MockTransport(answer))


def client_of(answer: Callable[[httpx.Request], httpx.Response], **options: Any) -> QuayClient:
    """Make a client of a Quay of one's own."""
    return QuayClient(client=http(answer), base=f"{ORIGIN}/api/v1", **options)


def test_all_pages_are_listed_in_order() -> None:
    """Public repositories, page by page."""
    server = Quay({f"app-{n}": {} for n in range(7)}, page_size=3)
    assert client_of(server).list_repositories("acme") == [f"app-{n}" for n in range(7)]
    assert len(server.asked) == 3
    assert client_of(server).list_repositories("absent") == []


def test_a_list_that_begins_anew_is_no_endless_one() -> None:
    """W-35: a cursor that isn't good any more gives page 1 again, each time with a new cursor."""
    server = Quay({f"app-{n}": {} for n in range(7)}, page_size=3, forgets_cursors=True)
    with pytest.raises(QuayAPIError, match="acme leads in circles"):
        client_of(server).list_repositories("acme")
    assert len(server.asked) == 2


def test_an_empty_page_with_a_cursor_doesn_t_go_on_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that always has one more page, with nothing on it, is left."""
    monkeypatch.setattr("occystrap.quay._MOST_PAGES", 5)
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"repositories": [], "next_page": str(len(asked))})

    with pytest.raises(QuayAPIError):
        client_of(answer).list_repositories("acme")
    assert len(asked) == 5


def test_a_repository_that_is_on_two_pages_is_listed_once() -> None:
    """While the list is read, it may change."""
    pages = [
        {"repositories": [{"name": "a"}, {"name": "b"}], "next_page": "1"},
        {"repositories": [{"name": "b"}, {"name": "c"}]},
    ]
    answer = Script(*(httpx.Response(200, json=page) for page in pages))
    assert client_of(answer).list_repositories("acme") == ["a", "b", "c"]


def test_private_repositories_need_the_token() -> None:
    """Their owner sees them; for others they aren't there, and asking for one is an error."""
    server = Quay({"app": {"1": 5}, "secret": {"1": 6}}, private=frozenset({"secret"}))
    owner, anyone = client_of(server, token=OWNER_TOKEN), client_of(server)
    assert owner.list_repositories("acme") == ["app", "secret"]
    assert anyone.list_repositories("acme") == ["app"]
    found = owner.has_tag("acme", "secret", "1")
    assert found is not None
    assert found["start_ts"] == 6
    with pytest.raises(QuayAPIError, match=r"quay\.io API token"):
        anyone.has_tag("acme", "secret", "1")
    with pytest.raises(errors.APIException, match="403 Forbidden: ") as caught:
        client_of(server, token="unrelated").has_tag("acme", "secret", "1")
    assert "Unauthorized" in str(caught.value)


def test_a_tag_that_isn_t_there_is_none() -> None:
    """200 with an empty list, or 404 for a repository that the owner knows to be gone."""
    server = Quay({"app": {"1": 5}})
    assert client_of(server).has_tag("acme", "app", "2") is None
    assert client_of(server, token=OWNER_TOKEN).has_tag("acme", "gone", "1") is None


def test_a_failing_server_is_asked_again() -> None:
    """W-3: `retries` holds for this API, too; 429 comes as HTML, without Retry-After."""
    limited = httpx.Response(429, text="<html><title>429 Too Many Requests</title></html>")
    script = Script(limited, httpx.Response(200, json={"repositories": [{"name": "a"}]}))
    assert client_of(script, retries=1).list_repositories("acme") == ["a"]
    script = Script(limited)
    with pytest.raises(errors.APIException, match="429 Too Many Requests"):
        client_of(script, retries=0).list_repositories("acme")
    assert len(script.requests) == 1


def test_the_rate_limit_holds() -> None:
    """W-2: every page and every tag takes its turn."""
    clock = FakeClock()
    limiter = util.RateLimiter(2, clock=clock, sleep=clock.sleep)
    server = Quay({"a": {"latest": 1}, "b": {"latest": 1}})
    resolve_quay_uri("quay://acme", client=http(server), rate_limiter=limiter)
    assert clock.slept == [0.5, 0.5]


def test_a_uri_finds_its_images() -> None:
    """Sorted by name, in as many threads as are allowed; `since` is a day, in UTC."""
    server = Quay(
        {
            "web": {"latest": MARCH},
            "api": {"latest": MARCH + DAY, "2": MARCH},
            "api-old": {"latest": MARCH - 1, "2": MARCH},
            "api-empty": {},
        }
    )

    def found(uri: str, **options: Any) -> list[str]:
        return [name for _, name, _ in resolve_quay_uri(uri, client=http(server), **options)]

    assert found("quay://acme") == ["acme/api", "acme/api-old", "acme/web"]
    assert found("quay://acme", max_workers=8) == ["acme/api", "acme/api-old", "acme/web"]
    assert found("quay://acme/api*") == ["acme/api", "acme/api-old"]
    assert found("quay://acme/api*:2") == ["acme/api", "acme/api-old"]
    assert found("quay://acme?since=2026-03-01") == ["acme/api", "acme/web"]
    assert found("quay://acme?since=2026-03-02") == ["acme/api"]
    assert found("quay://nobody") == []


@pytest.mark.parametrize("since", ["yesterday", "2026-02-30", "2026-03-01T00:00"])
def test_since_is_a_day(since: str) -> None:
    """Anything else is refused before anyone is asked."""
    with pytest.raises(errors.URIParseError, match="expected YYYY-MM-DD format"):
        resolve_quay_uri(f"quay://acme?since={since}", client=http(recorded))


def test_one_repository_that_fails_ends_nothing_if_someone_takes_note() -> None:
    """W-35: with `on_failure` the others are found, and the failure is told."""
    server = Quay({"app": {"latest": 1}, "other": {"latest": 1}})

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(403) if "/app/" in request.url.path else server(request)

    told: list[tuple[str, str]] = []
    found = resolve_quay_uri(
        "quay://acme",
        client=http(answer),
        on_failure=lambda name, error: told.append((name, type(error).__name__)),
    )
    assert found == [("quay.io", "acme/other", "latest")]
    assert told == [("acme/app", "APIException")]
    with pytest.raises(errors.APIException):
        resolve_quay_uri("quay://acme", client=http(answer))


def test_a_client_that_was_given_stays_open() -> None:
    """W-30: only a client of its own is closed."""
    client = http(Quay({"app": {"latest": 1}}))
    resolve_quay_uri("quay://acme", client=client)
    QuayClient(client=client).close()
    assert not client.is_closed
    own = QuayClient()
    with mock.patch.object(util, "request_url", side_effect=UNAUTHORIZED) as request_url:
        with pytest.raises(QuayAPIError):
            own.list_repositories("acme")
        own.close()
    assert request_url.call_args.kwargs["client"].is_closed


def test_the_token_stays_with_quay() -> None:
    """A redirect to another host takes no token along."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.host == "quay.example":
            return httpx.Response(302, headers={"Location": "https://evil.example/"})
        return httpx.Response(200, json={"repositories": []})

    client_of(answer, token="secret").list_repositories("acme")
    assert ["Authorization" in request.headers for request in seen] == [True, False]


def test_a_genuine_list_is_read() -> None:
    """Two pages with a cursor to be escaped; repositories without tags have a null date."""
    assert client_of(recorded).list_repositories("acme", datetime(2026, 1, 1, tzinfo=UTC)) != []
    assert client_of(recorded).list_repositories("nosuchns") == []


@pytest.mark.parametrize(
    ("repository", "tag", "found"),
    [
        ("app-001", "latest", True),
        ("app-001", "multi", True),
        ("app-001", "absent", False),
        ("app-002", "t1", False),
        ("team/nested/img", "latest", False),
    ],
)
def test_genuine_answers_about_tags_are_read(repository: str, tag: str, found: bool) -> None:
    """An image, an index, a miss, a deleted tag and a nested repository without tags."""
    answer = client_of(recorded).has_tag("acme", repository, tag)
    assert (answer is not None) is found
    assert answer is None or (answer["name"] == tag and isinstance(answer["start_ts"], int))


def test_genuine_errors_are_told_apart() -> None:
    """401 wants a token, 403 another one, 404 is nothing, 429 is too much."""
    client = client_of(recorded, retries=0)
    with pytest.raises(QuayAPIError, match="API token"):
        client.has_tag("acme", "absent", "latest")
    with pytest.raises(errors.APIException, match=r"403 Forbidden: .*Unauthorized"):
        client.has_tag("acme", "secret", "v1")
    with pytest.raises(errors.APIException, match="429 Too Many Requests"):
        client.list_repositories("emptyorg")


TAGGED = {"app": {"v1.0": MARCH, "v1.1": MARCH + 5, "v2": MARCH + 9, "old": MARCH - 9}, "web": {}}


def test_tags_by_glob() -> None:
    """Each tag that matches is an image, in the order of names; a repository may have none."""
    server = Quay(TAGGED)
    uri = f"quay://acme:v1.*?base={ORIGIN}"
    host = httpx.URL(ORIGIN).netloc.decode()
    assert resolve_quay_uri(uri, client=http(server)) == [
        (host, "acme/app", "v1.0"),
        (host, "acme/app", "v1.1"),
    ]
    assert [
        tag for _, _, tag in resolve_quay_uri(f"quay://acme:*?base={ORIGIN}", client=http(server))
    ] == [
        "old",
        "v1.0",
        "v1.1",
        "v2",
    ]
    recent = resolve_quay_uri(f"quay://acme:*?since=2026-03-01&base={ORIGIN}", client=http(server))
    assert [tag for _, _, tag in recent] == ["v1.0", "v1.1", "v2"]


def test_tags_are_read_page_by_page() -> None:
    """A repository may have more tags than the API tells at once."""
    pages: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        pages.append(request)
        first = int(request.url.params["page"]) * 2
        tags = [{"name": f"t{n}"} for n in range(first, first + 2)]
        return httpx.Response(200, json={"tags": tags, "has_additional": len(pages) < 3})

    assert [tag["name"] for tag in client_of(answer).list_tags("acme", "app")] == [
        f"t{n}" for n in range(2, 8)
    ]


def test_pages_of_tags_that_repeat_end() -> None:
    """W-35: a server that always has more, and always the same, is left."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"tags": [{"name": "a"}], "has_additional": True})

    assert [tag["name"] for tag in client_of(answer).list_tags("acme", "app")] == ["a"]


@pytest.mark.parametrize(
    "base", ["quay.example", "ftp://quay.example", "https://a:b@quay.example", "https://q.test/v2"]
)
def test_a_base_that_is_none(base: str) -> None:
    """It is the URL of a Quay."""
    with pytest.raises(errors.URIParseError, match="base is the URL of a Quay"):
        resolve_quay_uri(f"quay://acme?base={base}")


def test_a_base_with_the_path_of_its_api() -> None:
    """Either way leads to the same place."""
    server = Quay({"app": {"latest": 5}})
    for base in (ORIGIN, f"{ORIGIN}/", f"{ORIGIN}/api/v1"):
        assert len(resolve_quay_uri(f"quay://acme?base={base}", client=http(server))) == 1
