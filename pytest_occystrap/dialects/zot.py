"""zot, which keeps close to the specification: Location is relative, referrers are there."""

from __future__ import annotations

from typing import Final

from pytest_occystrap.dialects.answers import error
from pytest_occystrap.dialects.form import BlobForm, Dialect

__all__ = ["ZOT"]

ZOT: Final = Dialect(
    "zot",
    "zot",
    blobs=BlobForm(several_ranges=error(416, "UNSUPPORTED", "several ranges are not supported")),
    sources={"blobs.several_ranges": "project-zot/zot#724"},
    unchecked=("415 for Docker manifests, which ended with 2.1.2 (project-zot/zot#2714)",),
)
