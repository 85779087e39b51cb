"""`occystrap check`: whether an image is sound."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from occystrap.commands.group import Action
from occystrap.commands.looking import Seen, look_at
from occystrap.commands.variables import option
from occystrap.examine.check import check_metadata
from occystrap.examine.check_layers import check_layers
from occystrap.examine.info_text import printable
from occystrap.image.checks import CheckResults, Severity
from occystrap.inputs.base import ImageInput
from occystrap.pipeline import PipelineBuilder

__all__ = ["check"]

_EPILOG = """\b
Examples:
  occystrap check registry://docker.io/library/busybox:latest
  occystrap check --fast tar://busybox.tar
  occystrap check --fast 'quay://projectquay/*:latest'
  occystrap -O json check registry://localhost:5000/app:1"""

_GROUPS = {Severity.ERROR: "Errors", Severity.WARNING: "Warnings", Severity.INFO: "Info"}


@click.command(cls=Action, epilog=_EPILOG)
@click.argument("source")
@option("--fast", is_flag=True, help="Look at manifest and config only, and fetch no layer.")
@click.pass_context
def check(ctx: click.Context, source: str, *, fast: bool) -> None:
    """Check whether SOURCE is sound: manifest, config, and what its layers hash to and hold.

    The exit code is 1 if an error is found; warnings are no errors. Sources are those of
    `occystrap process`.
    """
    look_at(ctx, source, partial(_look, fast=fast))


def _look(builder: PipelineBuilder, image: ImageInput, *, fast: bool) -> Seen:
    results = check_metadata(image)
    if not fast and not results.errors:
        results.results += check_layers(
            image, max_workers=builder.options.max_workers, progress=builder.progress
        ).results
    document = {"image": image.image, "tag": image.tag, **_document(results, fast=fast)}
    text = f"Image: {image.image}:{image.tag}\n{_text(results, fast=fast)}"
    return Seen(document, text, bad=bool(results.errors))


def _document(results: CheckResults, *, fast: bool) -> dict[str, Any]:
    return {
        "mode": "fast" if fast else "full",
        "errors": len(results.errors),
        "warnings": len(results.of(Severity.WARNING)),
        "results": [result.to_document() for result in results.results],
    }


def _text(results: CheckResults, *, fast: bool) -> str:
    lines: list[str] = []
    for severity, title in _GROUPS.items():
        found = results.of(severity)
        lines += [f"{title}:"] if found else []
        lines += [f"  [{each.check}] {printable(each.message)}" for each in found]
    mode = "fast (metadata only)" if fast else "full"
    errors, warnings = len(results.errors), len(results.of(Severity.WARNING))
    return "\n".join([*lines, f"Check complete ({mode}): {errors} error(s), {warnings} warning(s)"])
