"""Looking at the documents of a directory that was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from occystrap.image.checks import CheckResults, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_documents"]


def check_documents(path: str, documents: Mapping[str, bytes], results: CheckResults) -> None:
    """Read documents back, and note those that aren't what was written."""
    for name, content in documents.items():
        place = Path(path, name)
        try:
            read = place.read_bytes()
        except OSError as error:
            message = f"can't read {place}: {error.strerror}"
            results.add(Severity.ERROR, "verify.config", message)
            continue
        if read != content:
            results.add(Severity.ERROR, "verify.config", f"{place} is not what was written")
