"""Harbor."""

from __future__ import annotations

from typing import Final

from occystrap.server.tokens import TokenForm
from pytest_occystrap.dialects.entry_form import EntryForm, Scheme
from pytest_occystrap.dialects.form import Dialect, UploadForm

__all__ = ["HARBOR"]

HARBOR: Final = Dialect(
    "harbor",
    "Harbor",
    entry=EntryForm(
        scheme=Scheme.BEARER,
        token=TokenForm(path="/service/token"),
        service="harbor-registry",
        seconds=1800,
    ),
    uploads=UploadForm(mount_from_nowhere="project {project} not found"),
    sources={
        "entry.scheme": "its challenge is quoted in many reports",
        "entry.token": "its challenge is quoted in many reports",
        "entry.service": "its challenge is quoted in many reports",
        "entry.seconds": "goharbor/harbor#18860",
        "uploads.mount_from_nowhere": "goharbor/harbor#17097",
    },
    unchecked=("the fields of its token answers", "the redirect to storage"),
)
