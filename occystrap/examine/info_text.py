"""What an image is, for people to read.

Rule: what others wrote gets to a terminal only as characters that can be printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from occystrap.util import format_size

__all__ = ["info_text", "printable"]

_WIDEST: Final = 50
_HEADS: Final = ("#", "Digest", "DiffID", "Size", "Compression", "Created by")


def printable(text: str) -> str:
    """Escape what is no character to be seen, such as what would move the cursor."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def info_text(info: Mapping[str, Any]) -> str:
    """Write what `describe` returns, a line for each thing that is known."""
    return "\n".join(map(printable, _lines(info)))


def _lines(info: Mapping[str, Any]) -> Iterator[str]:
    parts = [info["os"] or "?", info["architecture"] or "?", info["variant"]]
    facts = {
        "Image": f"{info['image']}:{info['tag']}",
        "Digest": info.get("digest"),
        "Index": info.get("index_digest"),
        "Platforms": ", ".join(info.get("platforms", ())),
        "Media type": info.get("media_type"),
        "Schema": "v2" if "schema_version" in info else None,
        "Platform": "/".join(part for part in parts if part),
        "Created": info["created"],
        "Config digest": info.get("config_digest"),
        "Config size": format_size(info["config_size"]) if "config_size" in info else None,
        "Layers": info["layer_count"],
    }
    if "total_compressed_size" in info:
        facts["Total compressed size"] = format_size(info["total_compressed_size"])
    yield from (f"{name}: {value}" for name, value in facts.items() if value not in (None, ""))
    yield ""
    yield from _table([_HEADS, *map(_row, info["layers"])])
    yield ""
    yield f"History: {info['history_count']} entries ({info['empty_layer_count']} empty)"
    yield from _run_lines(info)


def _row(layer: Mapping[str, Any]) -> tuple[str, ...]:
    size = format_size(layer["size"]) if "size" in layer else "-"
    made = " ".join((layer["created_by"] or "-").split())
    return (
        str(layer["index"]),
        _short(layer.get("digest")),
        _short(layer["diff_id"]),
        size,
        layer.get("compression") or "-",
        made if len(made) <= _WIDEST else made[: _WIDEST - 3] + "...",
    )


def _short(digest: str | None) -> str:
    return "-" if digest is None else digest[:25] + "..."


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _run_lines(info: Mapping[str, Any]) -> Iterator[str]:
    said: dict[str, Iterable[str]] = {
        "Entrypoint": info["entrypoint"],
        "Cmd": info["cmd"],
        "WorkingDir": [info["working_dir"]] if info["working_dir"] else [],
        "User": [info["user"]] if info["user"] else [],
        "Ports": info["exposed_ports"],
        "Volumes": info["volumes"],
    }
    blocks: dict[str, Iterable[str]] = {
        "Environment": info["env"],
        "Labels": [f"{name}={value}" for name, value in info["labels"].items()],
    }
    if any([*said.values(), *blocks.values()]):
        yield "Container Config:"
    yield from (f"  {name}: {' '.join(values)}" for name, values in said.items() if values)
    for name, values in blocks.items():
        if values:
            yield f"  {name}:"
        yield from (f"    {value}" for value in values)
