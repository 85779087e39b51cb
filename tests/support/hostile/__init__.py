"""Tars of layers that want out, or want what no image may have; each with its sentence.

Rule: nothing here is a tar that a well-meaning tool writes. What is REFUSED ends the run with one
error; what is HARMLESS is extracted, with all of it inside.
"""

from __future__ import annotations

from typing import Final

from tests.support.hostile.building import HARMLESS, OUTSIDE, REFUSED, Hostile
from tests.support.hostile.damage import DAMAGE
from tests.support.hostile.escapes import ESCAPES
from tests.support.hostile.marks import MARKS

__all__ = ["HARMLESS", "HOSTILE", "OUTSIDE", "REFUSED", "Hostile"]

HOSTILE: Final = ESCAPES | MARKS | DAMAGE
