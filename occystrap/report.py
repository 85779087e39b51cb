"""What a run has done, for people and for scripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from occystrap.image.checks import CheckResult, CheckResults, Severity
from occystrap.util import format_size

if TYPE_CHECKING:
    from occystrap.oci.relist import LeftOut

__all__ = ["Report"]


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a run: `size` bytes of layers moved, and `skipped` layers had not to.

    `digest` is that of the manifest written, empty where the destination has none; `checks` is
    None when nobody has looked. `left_out` is what the new index doesn't hold.
    """

    source: str
    destination: str
    digest: str
    images: int
    layers: int
    skipped: int
    size: int
    seconds: float
    requests: int
    retries: int
    rate_limits: int
    checks: CheckResults | None = field(default=None)
    left_out: tuple[LeftOut, ...] = ()

    @property
    def errors(self) -> list[CheckResult]:
        """What makes the run a failure: something isn't as it was written."""
        return [] if self.checks is None else self.checks.errors

    @property
    def warnings(self) -> list[CheckResult]:
        """What nobody could look at."""
        return [] if self.checks is None else self.checks.of(Severity.WARNING)

    def summary(self) -> str:
        """Write the line that ends a run."""
        parts = [f"{self.images} images"] if self.images > 1 else []
        parts += [f"{self.layers} layers", format_size(self.size), f"{self.seconds:.1f}s"]
        counts = {"skipped": self.skipped, "retries": self.retries, "rate limits": self.rate_limits}
        counts["left out"] = len(self.left_out)
        parts += [f"{count} {name}" for name, count in counts.items() if count]
        found = {"verify errors": len(self.errors), "verify warnings": len(self.warnings)}
        remarks = [f"{count} {name}" for name, count in found.items() if count]
        if self.checks is not None:
            parts += remarks or ["verified OK"]
        return "Summary: " + ", ".join(parts)

    def to_document(self) -> dict[str, object]:
        """Write the report as JSON shows it; sizes in bytes, times in seconds."""
        checks = None if self.checks is None else [c.to_document() for c in self.checks.results]
        return {
            "source": self.source,
            "destination": self.destination,
            "digest": self.digest or None,
            "images": self.images,
            "layers": self.layers,
            "skipped": self.skipped,
            "bytes": self.size,
            "seconds": round(self.seconds, 3),
            "requests": self.requests,
            "retries": self.retries,
            "rate_limits": self.rate_limits,
            "left_out": [each.to_document() for each in self.left_out],
            "verify": checks,
        }
