"""Effects on the headers of an answer, and on the pages of a list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

from occystrap.oci.diagnostics import Diagnostic, render_diagnostics
from occystrap.oci.digest import Digest
from occystrap.server.answers import content
from occystrap.server.message import Headers, Request, Response
from pytest_occystrap.faults.effect import NO_NEEDS, Missed, Role, Scene, Trait
from pytest_occystrap.faults.reshaping import reshaped, with_length

__all__ = [
    "Header",
    "LinkLoop",
    "Location",
    "NoDigestHeader",
    "NoHeader",
    "PageSizeRefused",
    "WrongDigestHeader",
]

_DIGEST: Final = "Docker-Content-Digest"
_NEXT_PAGE: Final = "next_page"


def _with(response: Response, headers: Headers) -> Response:
    return replace(response, headers=headers)


@dataclass(frozen=True, slots=True)
class Header:
    """Answer with a header of this value, in the place of what was there."""

    name: str
    value: str
    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer with another header."""
        response = scene.inner.handle(request)
        return _with(response, response.headers.replace(self.name, self.value))


@dataclass(frozen=True, slots=True)
class NoHeader:
    """Answer without a header."""

    name: str
    needs: ClassVar = NO_NEEDS

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Leave a header out."""
        response = scene.inner.handle(request)
        if self.name not in response.headers:
            return Missed(response)
        return _with(response, response.headers.remove(self.name))


@dataclass(frozen=True, slots=True)
class NoDigestHeader:
    """Answer without Docker-Content-Digest."""

    needs: ClassVar = frozenset({Trait.DIGEST})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Leave it out."""
        return NoHeader(_DIGEST).strike(request, scene)


@dataclass(frozen=True, slots=True)
class WrongDigestHeader:
    """Answer with the Docker-Content-Digest of something else, or one that is `malformed`."""

    malformed: bool = False
    needs: ClassVar = frozenset({Trait.DIGEST})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Name another digest."""
        response = scene.inner.handle(request)
        told = response.headers.get(_DIGEST)
        if told is None:
            return Missed(response)
        wrong = told.replace(":", "-") if self.malformed else str(Digest.of(told.encode()))
        return _with(response, response.headers.replace(_DIGEST, wrong))


@dataclass(frozen=True, slots=True)
class Location:
    """Write a Location otherwise, or leave it out.

    `absolute` and `relative` lead to the same place. `http` forgets TLS, as a registry behind a
    proxy does; `other_host` leads away.
    """

    form: Literal["absolute", "relative", "http", "other_host", "missing"]
    needs: ClassVar = frozenset({Trait.LOCATION})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer with another Location."""
        response = scene.inner.handle(request)
        told = response.headers.get("Location")
        if told is None:
            return Missed(response)
        if self.form == "missing":
            return _with(response, response.headers.remove("Location"))
        return _with(response, response.headers.replace("Location", self._written(request, told)))

    def _written(self, request: Request, told: str) -> str:
        there = urlsplit(told)
        scheme, host = there.scheme or request.scheme, there.netloc or request.host
        if self.form == "relative":
            scheme, host = "", ""
        elif self.form == "http":
            scheme = "http"
        elif self.form == "other_host":
            host = "elsewhere.invalid"
        return urlunsplit((scheme, host, there.path, there.query, ""))


@dataclass(frozen=True, slots=True)
class LinkLoop:
    """Let a page of a list name itself as the next one, or a page on another host."""

    to: Literal["itself", "other_host"] = "itself"
    needs: ClassVar = frozenset({Trait.PAGES})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer with a page that leads back."""
        response = scene.inner.handle(request)
        if scene.role is Role.API:
            return self._of_quay(response)
        query = urlencode(request.query)
        host = "https://elsewhere.invalid" if self.to == "other_host" else ""
        link = f'<{host}{request.path}{"?" if query else ""}{query}>; rel="next"'
        return _with(response, response.headers.replace("Link", link))

    def _of_quay(self, response: Response) -> Response | Missed:
        """Quay names the next page in its JSON, by a token that is its own."""
        document: dict[str, Any] = json.loads(b"".join(response.body))
        document.setdefault(_NEXT_PAGE, "gAAAAABloop")
        page = json.dumps(document).encode()
        headers = with_length(response.headers, len(page))

        def pieces(_: Iterable[bytes]) -> Iterator[bytes]:
            yield page

        return reshaped(response, pieces, headers)


@dataclass(frozen=True, slots=True)
class PageSizeRefused:
    """Refuse a list whose page size the client has chosen."""

    status: int = 405
    needs: ClassVar = frozenset({Trait.PAGES})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Refuse the page size."""
        if request.parameter("n") is None:
            return Missed(scene.inner.handle(request))
        text = render_diagnostics([Diagnostic("UNSUPPORTED", "the page size can't be chosen")])
        return content(self.status, text, "application/json")
