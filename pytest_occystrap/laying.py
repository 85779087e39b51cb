"""Laying faults, for whoever has a plan of them and watches what comes of it."""

from __future__ import annotations

from typing import Any

from pytest_occystrap.faults.effect import Effect
from pytest_occystrap.faults.grammar import lay
from pytest_occystrap.faults.plan import Fault, FaultPlan
from pytest_occystrap.faults.presets import find_preset
from pytest_occystrap.faults.where import Where
from pytest_occystrap.observed import Observed

__all__ = ["Laying"]


class Laying(Observed):
    """Whoever has a plan; it has to be there before a fault is laid."""

    #: The faults that are laid.
    faults: FaultPlan

    def fault(
        self,
        effect: Effect | str,
        on: str | Where = "*",
        *,
        allow_unused: bool = False,
        **more: Any,
    ) -> Fault:
        """Let something go wrong: once, unless `times` says otherwise.

        registry.fault(reset(after=65536), on="GET blob", times=2)
        registry.fault("GET blob: reset after=65536 times=2")

        `more` are fields of a Where. A test whose faults have never struck fails, unless they may.

        Raises:
            occystrap.errors.InvalidOption: there is no such place or effect.
        """
        return lay(self.faults, effect, on, allow_unused=allow_unused, **more)

    def bad_day(self, name: str) -> list[Fault]:
        """Let all that go wrong which goes wrong together, such as `docker_hub_rate_limit`.

        Raises:
            occystrap.errors.InvalidOption: there is no preset of this name.
        """
        laid = find_preset(name)
        return [self.faults.add(one.effect, one.where, allow_unused=True) for one in laid]

    def assert_faults_struck(self) -> None:
        """Check that every fault has struck but those that need not.

        Raises:
            AssertionError: one has not, so whatever it was to show hasn't been shown.
        """
        __tracebackhide__ = True
        lines = [f"{fault} (on {fault.where.text})" for fault in self.faults.unused]
        if lines:
            self._fail("faults have never struck; if they need not, say allow_unused=True", lines)
