"""Findings about an image: what was looked at, and how bad it is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from occystrap.errors import OccystrapError

__all__ = ["CheckResult", "CheckResults", "Severity"]


class Severity(Enum):
    """How bad a finding is; only errors make a command fail."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One finding: `check` names the rule, such as `verify.layer`."""

    severity: Severity
    check: str
    message: str

    def to_document(self) -> dict[str, str]:
        """Write the finding as a JSON object."""
        return {"severity": self.severity.value, "check": self.check, "message": self.message}


@dataclass(slots=True)
class CheckResults:
    """Findings, in the order in which they were made."""

    results: list[CheckResult] = field(default_factory=list[CheckResult])

    def add(self, severity: Severity, check: str, message: str) -> None:
        """Note one more finding."""
        self.results.append(CheckResult(severity, check, message))

    @contextlib.contextmanager
    def noting(self, check: str) -> Iterator[None]:
        """Note an error that is met inside."""
        try:
            yield
        except OccystrapError as error:
            self.add(Severity.ERROR, check, str(error))

    def of(self, severity: Severity) -> list[CheckResult]:
        """Return the findings that are this bad."""
        return [result for result in self.results if result.severity is severity]

    @property
    def errors(self) -> list[CheckResult]:
        """The findings that make a command fail."""
        return self.of(Severity.ERROR)
