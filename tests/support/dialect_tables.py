"""The tables of dialects as text: which knobs are turned, and the documentation made of them."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from occystrap.server.signatures import AZURE, CLOUDFRONT, S3
from pytest_occystrap.dialects import DIALECTS, Dialect, FixedAnswer
from pytest_occystrap.dialects.form import Absent, Detail, HeaderRule, Rewording

__all__ = ["documentation", "proven_knobs", "turned_knobs"]

_NO_KNOBS = {"name", "title", "hosts", "sources", "unchecked"}
_STYLES = ((S3, "S3"), (AZURE, "Azure"), (CLOUDFRONT, "CloudFront"))
_HEAD = """\
# Dialects

How registries differ from the [specification](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md)
and from each other, as `pytest_occystrap` speaks them:

```python
def test_pulls_from_quay(make_registry):
    registry = make_registry(dialect="quay", images=["acme/app:1.0"])
    answer = registry.client.get("https://quay.io/api/v1/repository?namespace=acme&public=true")
    assert answer.json()["repositories"][0]["name"] == "app"
```

For clients that aren't tests of Python there is the same on a port, with every option of
[`registry serve`](command-line.md#with-the-ways-of-another-registry):

```console
$ occystrap registry serve --dialect quay --user alice:secret --image acme/app:1.0=app.tar &
```

What a table doesn't name is as the specification has it. Each row has a source. What is told of a
registry without one stands below the table: the fakes leave that as the specification has it.

`distribution2` is held against the real thing, too: a machine asks it and Debian's docker-registry
the same at random, and compares. Where they are known to differ, with the reason, is in
`SIDE_BY_SIDE` of `tests/contract/differences.py`; `python -m tests.contract.search` looks for more.
It and `quay` are held against [recordings](cassettes.md#the-fake-held-against-recordings) as well.

This page is made of the tables in `pytest_occystrap/dialects`, by
`python -m tests.support.dialect_tables`.
"""


def turned_knobs(dialect: Dialect) -> dict[str, object]:
    """List the knobs that aren't as the specification has them: `uploads.began` -> its value."""
    return dict(_turned(dialect, Dialect("", ""), ""))


def _turned(value: object, usual: object, path: str) -> Iterator[tuple[str, object]]:
    assert is_dataclass(value)
    for knob in fields(value):
        if not path and knob.name in _NO_KNOBS:
            continue
        here, there = getattr(value, knob.name), getattr(usual, knob.name)
        name = f"{path}{knob.name}"
        if type(here).__name__.endswith("Form") and not path:
            yield from _turned(here, there, f"{name}.")
        elif here != there:
            yield name, here


def proven_knobs(folder: Path) -> set[tuple[str, str]]:
    """Read from the source of tests which knobs of which dialects they say to prove."""
    return {
        (str(first.value), str(each.value))
        for path in sorted(folder.glob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "proves"
        for first, *rest in [[arg for arg in node.args if isinstance(arg, ast.Constant)]]
        for each in rest
    }


def documentation(dialects: Mapping[str, Dialect] = DIALECTS) -> str:
    """Write the page."""
    return "\n".join([_HEAD, *map(_chapter, dialects.values())])


def _chapter(dialect: Dialect) -> str:
    lines = [f"## {dialect.title} (`{dialect.name}`)", ""]
    if dialect.hosts:
        lines += [f"Its own names: {', '.join(f'`{host}`' for host in dialect.hosts)}.", ""]
    lines += ["| What | How | Source |", "|---|---|---|"]
    for knob, value in turned_knobs(dialect).items():
        shown = "<br>".join(_cell(line) for line in _shown(value))
        lines.append(f"| `{knob}` | {shown} | {_cell(dialect.sources.get(knob, ''))} |")
    if dialect.unchecked:
        lines += ["", "Not checked, and where it shows, as the specification has it:", ""]
        lines += [f"- {note}" for note in dialect.unchecked]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _shown(value: object) -> list[str]:
    """Write a value in lines."""
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        return [line for each in value for line in _shown(each)]
    return [_line(value)]


def _line(value: object) -> str:
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value)
    known = [name for style, name in _STYLES if value is style]
    return known[0] if known else _record(value)


def _answer(answer: FixedAnswer) -> str:
    headers = "".join(f", `{name}: {value}`" for name, value in answer.headers)
    said = " ".join(answer.body.decode().split())
    return f"{answer.status}{headers}, `{said}`" if said else f"{answer.status}{headers}"


def _record(value: object) -> str:
    if isinstance(value, Absent):
        missing = " ".join(["/".join(value.methods), value.kind.value]).strip()
        return f"no {missing}: {_answer(value.answer)}"
    if isinstance(value, HeaderRule):
        where = [kind.value for kind in value.kinds] + list(value.methods)
        where += [str(status) for status in value.statuses]
        where += [f"instead of `{value.instead_of}`"] if value.instead_of else []
        what = f"no `{value.name}`" if value.value is None else f"`{value.name}: {value.value}`"
        return f"{what} ({', '.join(where)})" if where else what
    if isinstance(value, Rewording):
        return _rewording(value)
    assert is_dataclass(value)
    shown = [
        f"{knob.name}: {_line(getattr(value, knob.name))}"
        for knob in fields(value)
        if getattr(value, knob.name) != knob.default
    ]
    return ", ".join(shown) or "as usual"


def _rewording(wording: Rewording) -> str:
    named = [*(kind.value for kind in wording.kinds), *wording.methods]
    if wording.by_digest is not None:
        named.append("by digest" if wording.by_digest else "by tag")
    where = ", ".join(named)
    said = [str(wording.status)] if wording.status else []
    said += [wording.to] if wording.to else []
    said += [f'"{wording.message}"'] if wording.message else []
    said += ["without a body"] if wording.bare else []
    said += ["with a reason in the detail"] if wording.explained else []
    if isinstance(wording.detail, Detail):
        said += ["without a detail"] if wording.detail is Detail.LEFT_OUT else []
    else:
        said += [f"with the detail `{json.dumps(wording.detail)}`"]
    said += [f"for each of the {wording.each}"] if wording.each else []
    return f"{wording.code}{f' ({where})' if where else ''}: {' '.join(said)}"


_WRITERS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (bool, lambda value: "yes" if value else "no"),
    (int, lambda value: f"`{value}`"),
    (str, lambda value: f"`{value}`"),
    (Enum, lambda value: str(value.value)),
    (bytes, lambda value: f"`{value.decode()}`"),
    (tuple, lambda value: ", ".join(f"`{each}`" for each in value)),
    (FixedAnswer, _answer),
)


if __name__ == "__main__":
    page = Path(__file__).resolve().parents[2] / "docs" / "dialects.md"
    page.write_text(documentation(), encoding="utf-8")
