"""A Quay that speaks its API as a real one was heard to; and a few of its genuine answers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

__all__ = ["ORIGIN", "OWNER_TOKEN", "Quay", "recorded"]

ORIGIN = "https://quay.example"
OWNER_TOKEN = "token-of-an-owner"
_RECORDED = Path(__file__).parent.parent / "data" / "quay_api.jsonl"


def recorded(request: httpx.Request) -> httpx.Response:
    """Answer as a Quay of 2026-08 did, with what was recorded for this path and query."""
    for line in _RECORDED.read_text().splitlines():
        exchange: dict[str, Any] = json.loads(line)
        if httpx.URL(ORIGIN + exchange["target"]).params == request.url.params and (
            exchange["target"].partition("?")[0] == request.url.path
        ):
            headers = [(name, value) for name, value in exchange["headers"]]
            return httpx.Response(exchange["status"], headers=headers, text=exchange["body"])
    raise AssertionError(f"nothing was recorded for {request.url}")


@dataclass
class Quay:
    """The repositories of one namespace: name -> {tag: when it was pushed}, in Unix seconds.

    Private ones are seen by OWNER_TOKEN alone. Cursors of lists that are no longer good, and any
    junk, give page 1 again, as on a real one, with a fresh cursor.
    """

    repositories: dict[str, dict[str, int]]
    namespace: str = "acme"
    private: frozenset[str] = frozenset()
    page_size: int = 100
    forgets_cursors: bool = False
    asked: list[httpx.Request] = field(default_factory=list[httpx.Request])
    cursors: dict[str, int] = field(default_factory=dict[str, int])
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request to the API."""
        self.asked.append(request)
        path = request.url.path.removeprefix("/api/v1/repository")
        if path == request.url.path:
            return _error(404, "not_found", "Not Found")
        return self._tag(request, path) if path else self._list(request)

    def _owner(self, request: httpx.Request) -> bool:
        return bool(request.headers.get("Authorization") == f"Bearer {OWNER_TOKEN}")

    def _list(self, request: httpx.Request) -> httpx.Response:
        query = request.url.params
        if not query.keys() & {"namespace", "public", "starred"}:
            return _error(400, "invalid_request", "namespace, starred, or public is required")
        owner = self._owner(request)
        names = [n for n in self.repositories if owner or n not in self.private]
        if query.get("namespace") != self.namespace or not (owner or query.get("public") == "true"):
            names = []
        start = self.cursors.get(query.get("next_page", ""), 0)
        page = names[start : start + self.page_size]
        last_modified = query.get("last_modified") == "true"
        document: dict[str, Any] = {
            "repositories": [self._entry(name, last_modified=last_modified) for name in page]
        }
        if start + self.page_size < len(names):
            cursor = f"gAAAAA{next(self.numbers)}=="
            document["next_page"] = cursor
            if not self.forgets_cursors:
                self.cursors[cursor] = start + self.page_size
        return httpx.Response(200, json=document)

    def _entry(self, name: str, *, last_modified: bool) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "namespace": self.namespace,
            "name": name,
            "description": "",
            "is_public": name not in self.private,
            "kind": "image",
            "state": "NORMAL",
        }
        if last_modified:
            entry["last_modified"] = max(self.repositories[name].values(), default=None)
        return entry

    def _tag(self, request: httpx.Request, path: str) -> httpx.Response:
        if not path.endswith("/tag/"):
            query = request.url.query.decode()
            return httpx.Response(308, headers={"Location": f"{request.url.path}/?{query}"})
        namespace, _, name = path.removesuffix("/tag/").strip("/").partition("/")
        token = request.headers.get("Authorization")
        known = namespace == self.namespace and name in self.repositories
        if self._owner(request) and not known:
            return _error(404, "not_found", "Not Found")
        if not known or (name in self.private and not self._owner(request)):
            if token is None or "unrelated" not in token:
                return _error(401, "invalid_token", "Requires authentication")
            return _error(403, "insufficient_scope", "Unauthorized")
        wanted = request.url.params.get("specificTag")
        newest_first = sorted(self.repositories[name].items(), key=lambda pair: -pair[1])
        tags = [
            {"name": tag, "reversion": False, "start_ts": pushed}
            for tag, pushed in newest_first
            if wanted in (None, tag)
        ]
        return httpx.Response(200, json={"tags": tags, "page": 1, "has_additional": False})


def _error(status: int, kind: str, text: str) -> httpx.Response:
    document = {
        "detail": text,
        "error_message": text,
        "error_type": kind,
        "title": kind,
        "type": f"{ORIGIN}/api/v1/error/{kind}",
        "status": status,
    }
    return httpx.Response(status, json=document)
