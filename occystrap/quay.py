"""Finding repositories on quay.io, or on a Quay of one's own.

Rule: the API is asked through `util.request_url`, one question at a time, and what it answers is
read with suspicion: a page is never asked for twice.
Source: the API of Quay, https://docs.quay.io/api/swagger/, and its behaviour on the wire.
"""

from __future__ import annotations

import fnmatch
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast, final
from urllib.parse import quote, urlencode, urlsplit

from occystrap import util
from occystrap.errors import APIException, OccystrapError, QuayAPIError, URIParseError
from occystrap.uri import parse_quay_uri, parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from occystrap.client.traffic import Traffic
    from occystrap.uri import URISpec

__all__ = ["QUAY_API_BASE", "QuayAPIError", "QuayClient", "resolve_quay_uri"]

QUAY_API_BASE: Final = "https://quay.io/api/v1"
_MOST_PAGES: Final = 10_000
_API: Final = "/api/v1"
_PAGE: Final = 100
#: What makes a tag of a URI a pattern.
_WILD: Final = re.compile(r"[*?\[]")
_NOT_FOUND: Final = 404


@final
class QuayClient:
    """The API of a Quay; anonymous without `token`, which is an OAuth token of the API.

    Requests go through `client`; without one a client is made, and closed by `close`.
    """

    def __init__(
        self,
        token: str | None = None,
        client: httpx.Client | None = None,
        rate_limiter: util.RateLimiter | None = None,
        *,
        retries: int = util.MAX_RETRIES,
        base: str = QUAY_API_BASE,
        traffic: Traffic | None = None,
    ) -> None:
        self._token = token
        self._base = base.rstrip("/")
        self._rate_limiter = rate_limiter
        self._retries = retries
        self._traffic = traffic
        self._own_client = util.create_client() if client is None else None
        self._client = self._own_client or client

    def close(self) -> None:
        """Close the client, if it was made here."""
        if self._own_client is not None:
            self._own_client.close()

    def list_repositories(self, namespace: str, since: datetime | None = None) -> list[str]:
        """List the public repositories of a namespace, and the private ones the token may see.

        With `since`, those without a push at or after it are left out.

        Raises:
            QuayAPIError: the API wants a token, answers nonsense, or leads in circles.
            ExchangeError: it can't be reached, or refuses otherwise.
        """
        query = {"namespace": namespace, "public": "true"}
        if since is not None:
            query["last_modified"] = "true"
        found: dict[str, dict[str, Any]] = {}
        for _ in range(_MOST_PAGES):
            document = self._request("/repository", query)
            page = {str(e["name"]): e for e in _entries(document, "repositories") if "name" in e}
            # A cursor that has expired begins the list anew, each time with a new cursor.
            if page and page.keys() <= found.keys():
                break
            found |= page
            cursor: object = document.get("next_page")
            if not cursor:
                return [n for n, e in found.items() if _is_recent(e, "last_modified", since)]
            query["next_page"] = str(cursor)
        raise QuayAPIError(f"the list of {namespace} leads in circles: it repeats a page")

    def has_tag(self, namespace: str, repository: str, tag: str) -> dict[str, Any] | None:
        """Return what the API says of a tag, or None when the repository hasn't it.

        Raises:
            QuayAPIError: the API wants a token, or answers nonsense.
            ExchangeError: it can't be reached, or refuses otherwise.
        """
        path = f"/repository/{quote(namespace)}/{quote(repository)}/tag/"
        query = {"specificTag": tag, "onlyActiveTags": "true", "limit": "1"}
        try:
            document = self._request(path, query)
        except APIException as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return next(iter(_entries(document, "tags")), None)

    def list_tags(self, namespace: str, repository: str) -> list[dict[str, Any]]:
        """Return what the API says of each tag that the repository has now, newest first.

        Raises what `has_tag` does.
        """
        path = f"/repository/{quote(namespace)}/{quote(repository)}/tag/"
        found: dict[str, dict[str, Any]] = {}
        for page in range(1, _MOST_PAGES):
            query = {"onlyActiveTags": "true", "limit": str(_PAGE), "page": str(page)}
            document = self._request(path, query)
            tags = {str(e["name"]): e for e in _entries(document, "tags") if "name" in e}
            new = tags.keys() - found.keys()
            found |= tags
            if not new or document.get("has_additional") is not True:
                break
        return list(found.values())

    def _request(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        headers = {"Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        url = f"{self._base}{path}?{urlencode(query)}"
        chosen: dict[str, Any] = {"client": self._client, "retries": self._retries}
        if self._rate_limiter is not None:
            chosen["rate_limiter"] = self._rate_limiter
        if self._traffic is not None:
            chosen["traffic"] = self._traffic
        try:
            answer: object = util.request_url("GET", url, headers=headers, **chosen).json()
        except util.UnauthorizedException as error:
            raise QuayAPIError(
                "Authentication failed for quay.io API. Provide a valid quay.io API token for"
                " accessing private organizations."
            ) from error
        except ValueError as error:
            raise QuayAPIError(f"the quay.io API answered no JSON to GET {path}") from error
        if not isinstance(answer, dict):
            raise QuayAPIError(f"the quay.io API answered no JSON object to GET {path}")
        return cast("dict[str, Any]", answer)


def _entries(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    values: object = document.get(name, [])
    if not isinstance(values, list):
        raise QuayAPIError(f"the quay.io API answered no list of {name}")
    return [cast("dict[str, Any]", v) for v in cast("list[object]", values) if isinstance(v, dict)]


def resolve_quay_uri(
    uri: str | URISpec,
    token: str | None = None,
    *,
    max_workers: int = 1,
    client: httpx.Client | None = None,
    rate_limiter: util.RateLimiter | None = None,
    retries: int | None = None,
    traffic: Traffic | None = None,
    on_failure: Callable[[str, OccystrapError], None] | None = None,
) -> list[tuple[str, str, str]]:
    """Find the images that a `quay://NAMESPACE[/GLOB][:TAG]` URI names, sorted by name.

    Returns (host, repository, tag) for each repository that matches the glob and has the tag, or
    for each of its tags that match, if TAG is a glob; with `since` only for tags pushed at or after
    that day (UTC). `base` in the URI is the URL of another Quay. A repository whose tags can't be
    looked up is told to `on_failure`, by one of `max_workers` threads, and left out; without it, it
    ends the search.

    Raises:
        URIParseError: the URI can't be parsed.
        QuayAPIError: the API wants a token, or answers nonsense.
        ExchangeError: it can't be reached, or refuses otherwise.
    """
    spec = parse_uri(uri) if isinstance(uri, str) else uri
    namespace, glob, tag, options = parse_quay_uri(spec)
    since = _since(options.get("since"))
    own_token = options.get("token")
    base = _base(options.get("base"))
    given: dict[str, Any] = {
        "client": client,
        "rate_limiter": rate_limiter,
        "retries": retries,
        "traffic": traffic,
        "base": None if base == QUAY_API_BASE else base,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    quay = QuayClient(token=token if own_token is None else str(own_token), **chosen)
    host = urlsplit(base).netloc

    def look_up(name: str) -> list[tuple[str, str, str]]:
        try:
            tags = _tags_of(quay, namespace, name, tag, since)
        except OccystrapError as error:
            if on_failure is None:
                raise
            on_failure(f"{namespace}/{name}", error)
            return []
        return [(host, f"{namespace}/{name}", found) for found in tags]

    try:
        names = sorted(fnmatch.filter(quay.list_repositories(namespace, since), glob))
        with ThreadPoolExecutor(max_workers) as pool:
            return [image for images in pool.map(look_up, names) for image in images]
    finally:
        quay.close()


def _tags_of(
    quay: QuayClient, namespace: str, name: str, tag: str, since: datetime | None
) -> list[str]:
    if not _WILD.search(tag):
        found = quay.has_tag(namespace, name, tag)
        return [tag] if found is not None and _is_recent(found, "start_ts", since) else []
    recent = (e for e in quay.list_tags(namespace, name) if _is_recent(e, "start_ts", since))
    return sorted(fnmatch.filter((str(entry["name"]) for entry in recent), tag))


def _base(value: object) -> str:
    """Complete the URL of a Quay, which may be given with or without the path of its API."""
    if value is None:
        return QUAY_API_BASE
    parts = urlsplit(str(value))
    path = parts.path.rstrip("/")
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or "@" in parts.netloc
    ):
        raise URIParseError("base is the URL of a Quay: https://quay.example")
    if path not in ("", _API):
        raise URIParseError(f"base is the URL of a Quay, with {_API} behind its host or nothing")
    return f"{parts.scheme}://{parts.netloc}{_API}"


def _is_recent(entry: dict[str, Any], field: str, since: datetime | None) -> bool:
    """Whether a time (Unix, in seconds) that the API gave is at or after `since`."""
    if since is None:
        return True
    moment: object = entry.get(field)
    return isinstance(moment, int) and moment >= since.timestamp()


def _since(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime.strptime(str(value), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise URIParseError(f"Invalid since date '{value}', expected YYYY-MM-DD format") from error
