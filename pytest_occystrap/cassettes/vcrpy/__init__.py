"""Cassettes through vcrpy: what it records and replays is kept as all cassettes are.

Rule: vcrpy is imported here and nowhere else, and only what it lets others replace is replaced:
persisters, matchers, patches, and public methods of its classes.
"""

from __future__ import annotations

from pytest_occystrap.cassettes.vcrpy.machine import adopt, occystrap_vcr

__all__ = ["adopt", "occystrap_vcr"]
