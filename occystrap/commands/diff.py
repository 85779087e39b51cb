"""`occystrap diff`: what two images show differently."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import click

from occystrap.commands.group import Action
from occystrap.commands.sources import show
from occystrap.commands.variables import option
from occystrap.examine.diff import Change, Differences, compare
from occystrap.examine.file_tree import FileState
from occystrap.examine.info_text import printable
from occystrap.image.layer import Layer
from occystrap.image.progress import progress_for, tracked_tar
from occystrap.inputs.base import ImageInput
from occystrap.pipeline import PipelineBuilder

__all__ = ["diff"]

_EPILOG = """\b
Examples:
  occystrap diff registry://docker.io/library/busybox:1.36 registry://docker.io/library/busybox:1.37
  occystrap diff --exit-code tar://built.tar registry://registry.example/app:1"""


@click.command(cls=Action, epilog=_EPILOG)
@click.argument("source")
@click.argument("other")
@option("--times", is_flag=True, help="Compare also when files were modified.")
@option("--exit-code", is_flag=True, help="End with exit code 1 if there is a difference.")
@click.pass_context
def diff(ctx: click.Context, source: str, other: str, *, times: bool, exit_code: bool) -> None:
    """Show what OTHER has otherwise than SOURCE: files added (A), removed (D) or changed (C).

    Files are compared as a container sees them, with the layer that each comes from, counted
    from 0. Content counts, kind, mode, owner, and where links lead. What the configuration says
    differently is listed behind them.
    """
    with (
        contextlib.ExitStack() as images,
        progress_for(sys.stderr) as progress,
        PipelineBuilder(ctx, progress=progress) as builder,
    ):

        def read(image: ImageInput, number: int, layer: Layer) -> Iterator[bytes]:
            return tracked_tar(layer, progress, f"{image.image}:{image.tag} layer {number}")

        def opened(uri: str) -> ImageInput:
            image = builder.build_input(uri)
            images.callback(image.close)
            return image

        found = compare(opened(source), opened(other), read=read, times=times)
        show(builder, _document(found), "\n".join(map(printable, _lines(found))))
    if exit_code and found:
        ctx.exit(1)


def _lines(found: Differences) -> Iterator[str]:
    yield f"Layers at the bottom that both have: {found.shared}"
    for change in found.changes:
        yield _line(change)
    for name, (before, after) in found.settings.items():
        yield f"config {name}: {json.dumps(before)} -> {json.dumps(after)}"
    if not found:
        yield "No differences."


def _line(change: Change) -> str:
    before, after = change.before, change.after
    if before is None or after is None:
        state = before or after
        assert state is not None  # noqa: S101 - narrows the type
        letter = "A" if before is None else "D"
        return f"{letter} {change.path} ({state.kind}, layer {state.layer})"
    told = ", ".join(_told(name, before, after) for name in change.what)
    return f"C {change.path} ({told}; layers {before.layer} -> {after.layer})"


def _told(name: str, before: FileState, after: FileState) -> str:
    if name == "content":
        return "content"
    form = "{:o}" if name == "mode" else "{}"
    values = (form.format(getattr(state, name)) for state in (before, after))
    return f"{name} {' -> '.join(values)}"


def _document(found: Differences) -> dict[str, Any]:
    return {
        "shared_layers": found.shared,
        "added": [_state(c.path, c.after) for c in found.changes if c.before is None],
        "removed": [_state(c.path, c.before) for c in found.changes if c.after is None],
        "changed": [
            {
                "path": c.path,
                "what": list(c.what),
                "before": _state(c.path, c.before),
                "after": _state(c.path, c.after),
            }
            for c in found.changes
            if c.what
        ],
        "config": {name: {"before": b, "after": a} for name, (b, a) in found.settings.items()},
    }


def _state(path: str, state: FileState | None) -> dict[str, Any]:
    assert state is not None  # noqa: S101 - narrows the type
    return {
        "path": path,
        "kind": state.kind,
        "mode": f"{state.mode:o}",
        "uid": state.uid,
        "gid": state.gid,
        "size": state.size,
        "target": state.target or None,
        "layer": state.layer,
    }
