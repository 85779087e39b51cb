"""How a difference between a fake and the recorded registry is written down.

Everything that is not in a table of them has to be the same, and what is in one has to differ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pytest_occystrap.cassettes.form import Interaction

__all__ = ["Difference", "Rule"]


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs: `status`, `body`, or headers by name; and why that is left so."""

    what: tuple[str, ...]
    because: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A difference wherever it says `METHOD /path -> STATUS`, in the recordings that are named."""

    pattern: re.Pattern[str]
    difference: Difference
    cassettes: str = ".*"

    def holds(self, cassette: str, interaction: Interaction) -> bool:
        """Tell whether it is about an exchange, which was answered."""
        asked, answered = interaction.request, interaction.response
        assert answered is not None
        exchange = f"{asked.method} {asked.path} -> {answered.status}"
        return bool(re.fullmatch(self.cassettes, cassette) and self.pattern.fullmatch(exchange))
