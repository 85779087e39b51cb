"""`occystrap cassette check`: the gate, for CI and pre-commit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from occystrap.options import Options
from pytest_occystrap.cassettes.inventory import Inventory, Problem, cassettes_below

__all__ = ["check"]

_USUAL: Final = (Path("cassettes"), Path("tests/cassettes"))
_EPILOG: Final = """\b
Examples:
  occystrap cassette check
  occystrap -O json cassette check tests/cassettes"""


@click.command(epilog=_EPILOG)
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.pass_context
def check(ctx: click.Context, paths: tuple[Path, ...]) -> None:
    """Check cassettes: files, or all that are below directories.

    That they can be read, hold nothing that looks like a secret, and have their bodies, whole.
    Without PATHS, those in cassettes/ and tests/cassettes/. The exit code is 0 if all is well, 1 if
    something was found, and 2 for a command line that can't be understood. What was found is named
    by place and rule, never by value.
    """
    looked_at = paths or tuple(path for path in _USUAL if path.is_dir())
    inventory = Inventory()
    for path in cassettes_below(looked_at):
        cassette = inventory.read(path)
        if cassette is not None:
            inventory.check(path, cassette)
    inventory.find_orphans(path for path in looked_at if path.is_dir())
    _show(inventory, as_json=Options.from_context(ctx).output_format == "json")
    if any(not each.is_warning for each in inventory.problems):
        ctx.exit(1)


def _show(inventory: Inventory, *, as_json: bool) -> None:
    findings = [each for each in inventory.problems if not each.is_warning]
    warnings = [each for each in inventory.problems if each.is_warning]
    if as_json:
        document = {
            "cassettes": inventory.cassettes,
            "interactions": inventory.interactions,
            "findings": [_as_document(each) for each in findings],
            "warnings": [_as_document(each) for each in warnings],
        }
        click.echo(json.dumps(document, indent=2))
    else:
        for each in findings:
            click.echo(str(each))
        for each in warnings:
            click.echo(f"{each} (a warning)")
    click.echo(
        f"Summary: {inventory.cassettes} cassettes, {inventory.interactions} interactions, "
        f"{len(findings)} findings, {len(warnings)} warnings",
        err=True,
    )


def _as_document(problem: Problem) -> dict[str, str]:
    return {"path": str(problem.path), "place": problem.place, "rule": problem.rule}
