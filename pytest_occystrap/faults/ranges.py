"""Effects on ranges: those of a download that is resumed, and those that an upload is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal

from occystrap.oci.diagnostics import Diagnostic, render_diagnostics
from occystrap.server.answers import content
from occystrap.server.message import Request, Response
from pytest_occystrap.faults.effect import Missed, Scene, Trait

__all__ = ["BadRange", "UploadRange"]

_PARTIAL: Final = 206
_REFUSALS: Final = {"416": (416, "RANGE_INVALID"), "400": (400, "UNSUPPORTED")}


@dataclass(frozen=True, slots=True)
class BadRange:
    """Answer a Range badly.

    `ignored` sends it all with 200; `shifted` sends other bytes than were asked for and says so;
    `lying` sends other bytes and says that they are the right ones; `unnamed` is a 206 without
    Content-Range; `416` and `400` refuse.
    """

    answer: Literal["ignored", "shifted", "lying", "unnamed", "416", "400"] = "ignored"
    needs: ClassVar = frozenset({Trait.RANGE})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer otherwise."""
        if self.answer in _REFUSALS:
            status, code = _REFUSALS[self.answer]
            text = render_diagnostics([Diagnostic(code, "injected: no ranges here")])
            return content(status, text, "application/json")
        if self.answer == "ignored":
            headers = request.headers.remove("Range", "If-Range")
            return scene.inner.handle(replace(request, headers=headers))
        if self.answer == "unnamed":
            response = scene.inner.handle(request)
            if response.status != _PARTIAL:
                return Missed(response)
            return replace(response, headers=response.headers.remove("Content-Range"))
        return self._shifted(request, scene)

    def _shifted(self, request: Request, scene: Scene) -> Response | Missed:
        """Ask for what begins one byte later, and perhaps say that it doesn't."""
        asked = request.headers.get("Range") or ""
        first, _, last = asked.removeprefix("bytes=").partition("-")
        if not first.isdecimal():
            return Missed(scene.inner.handle(request))
        moved = f"bytes={int(first) + 1}-{int(last) + 1 if last.isdecimal() else ''}"
        response = scene.inner.handle(
            replace(request, headers=request.headers.replace("Range", moved))
        )
        told = response.headers.get("Content-Range")
        if response.status != _PARTIAL or told is None or self.answer == "shifted":
            return response
        honest = told.replace(f"{int(first) + 1}-", f"{first}-", 1)
        return replace(response, headers=response.headers.replace("Content-Range", honest))


@dataclass(frozen=True, slots=True)
class UploadRange:
    """Tell an upload a Range that isn't true, or none at all.

    It is `stale`, `off_by_one`, `prefixed` (as others are), `empty` (`0--1`), or `missing`.
    """

    form: Literal["stale", "off_by_one", "prefixed", "empty", "missing"] = "stale"
    needs: ClassVar = frozenset({Trait.SESSION})

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer with another Range."""
        response = scene.inner.handle(request)
        told = response.headers.get("Range")
        if told is None:
            return Missed(response)
        if self.form == "missing":
            return replace(response, headers=response.headers.remove("Range"))
        last = int(told.rpartition("-")[2])
        written = {
            "stale": "0-0",
            "off_by_one": f"0-{last + 1}",
            "prefixed": f"bytes={told}",
            "empty": "0--1",
        }
        headers = response.headers.replace("Range", written[self.form])
        return replace(response, headers=headers)
