"""Microsoft Artifact Registry, which everyone may read without a word."""

from __future__ import annotations

from typing import Final

from pytest_occystrap.dialects.entry_form import EntryForm, Scheme
from pytest_occystrap.dialects.form import Dialect

__all__ = ["MCR"]

MCR: Final = Dialect(
    "mcr",
    "Microsoft Artifact Registry",
    hosts=("mcr.microsoft.com",),
    entry=EntryForm(scheme=Scheme.NONE),
    sources={"entry.scheme": "microsoft/containerregistry#168, #57"},
    unchecked=("the redirect to *.data.mcr.microsoft.com", "what it says to those who push"),
)
