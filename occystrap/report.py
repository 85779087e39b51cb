"""What a run has done, for people and for scripts."""

from __future__ import annotations

from dataclasses import dataclass, field

from occystrap.image.checks import CheckResults
from occystrap.util import format_size

__all__ = ["Report"]


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a run: `size` bytes moved, and `skipped` layers had not to.

    `digest` is that of the manifest written, empty where the destination has none.
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

    def summary(self) -> str:
        """Write the line that ends a run."""
        parts = [f"{self.images} images"] if self.images > 1 else []
        parts += [f"{self.layers} layers", format_size(self.size), f"{self.seconds:.1f}s"]
        counts = {"skipped": self.skipped, "retries": self.retries, "rate limits": self.rate_limits}
        parts += [f"{count} {name}" for name, count in counts.items() if count]
        if self.checks is not None:
            errors = len(self.checks.errors)
            parts.append(f"{errors} verify errors" if errors else "verified OK")
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
            "verify": checks,
        }
