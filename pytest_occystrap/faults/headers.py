"""Effects on the headers of an answer, and on the pages of a list."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

from occystrap.oci.diagnostics import Diagnostic, render_diagnostics
from occystrap.oci.digest import Digest
from occystrap.server.answers import content
from occystrap.server.message import Headers, Request, Response
from pytest_occystrap.faults.effect import NO_NEEDS, Missed, Role, Scene, Trait
from pytest_occystrap.faults.reshaping import read_document, with_document
from pytest_occystrap.faults.values import StatusCode

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
_OK: Final = 200
_NEXT_PAGE: Final = "next_page"
_MORE_PAGES: Final = "has_additional"
_REPOSITORIES: Final = "repositories"


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


LocationForm = Literal[
    "absolute", "relative", "bare", "no_scheme", "query", "http", "other_host", "missing"
]


@dataclass(frozen=True, slots=True)
class Location:
    """Write a Location otherwise, or leave it out.

    `absolute`, `relative`, `bare` (relative, without a slash in front), `no_scheme` and `query`
    (with a parameter of its own) lead to the same place. `http` forgets TLS, as a registry behind a
    proxy does; `other_host` leads away.
    """

    form: LocationForm
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
        path, query = there.path, there.query
        match self.form:
            case "relative":
                scheme, host = "", ""
            case "bare":
                scheme, host = "", ""
                path = posixpath.relpath(path, posixpath.dirname(request.path))
            case "no_scheme":
                scheme = ""
            case "query":
                query = f"{query}&_state=injected" if query else "_state=injected"
            case "http":
                scheme = "http"
            case "other_host":
                host = "elsewhere.invalid"
            case _:
                pass
        return urlunsplit((scheme, host, path, query, ""))


@dataclass(frozen=True, slots=True)
class LinkLoop:
    """Let a page of a list name itself as the next one, or a page on another host."""

    to: Literal["itself", "other_host"] = "itself"
    needs: ClassVar = frozenset({Trait.PAGES})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer with a page that leads back."""
        response = scene.inner.handle(request)
        if response.status != _OK:
            return Missed(response)
        if scene.role is Role.API:
            return self._of_quay(request, response)
        query = urlencode(request.query)
        host = "https://elsewhere.invalid" if self.to == "other_host" else ""
        link = f'<{host}{request.path}{"?" if query else ""}{query}>; rel="next"'
        return _with(response, response.headers.replace("Link", link))

    def _of_quay(self, request: Request, response: Response) -> Response | Missed:
        """Quay's pages have numbers, or names that it makes up; either is in the JSON."""
        response, document = read_document(response)
        if document is None or self.to == "other_host":
            return Missed(response)
        if _MORE_PAGES in document:
            return with_document(response, {**document, _MORE_PAGES: True})
        if _REPOSITORIES not in document:
            return Missed(response)
        # A name that it hasn't made up is the first page's.
        this = request.parameter(_NEXT_PAGE) or "gAAAAABloop"
        return with_document(response, {**document, _NEXT_PAGE: this})


@dataclass(frozen=True, slots=True)
class PageSizeRefused:
    """Refuse a list whose page size the client has chosen."""

    status: StatusCode = 405
    needs: ClassVar = frozenset({Trait.PAGES})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Refuse the page size."""
        if request.parameter("n") is None:
            return Missed(scene.inner.handle(request))
        text = render_diagnostics([Diagnostic("UNSUPPORTED", "the page size can't be chosen")])
        return content(self.status, text, "application/json")
