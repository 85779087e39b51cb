"""When to try again, and how long to wait before: a pure policy.

Rule: no clock, no sleep and no dice in here; they are handed in. The delays are "full jitter"
(https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from occystrap.errors import InvalidOption

__all__ = ["MAX_RETRIES", "RETRIED_STATUSES", "RetryPolicy", "Stop", "Wait", "parse_retry_after"]

MAX_RETRIES: Final = 3
#: Statuses that say "not now" rather than "no". 499 and 52x are those of nginx and Cloudflare.
RETRIED_STATUSES: Final = frozenset(
    {408, 425, 429, 499, 500, 502, 503, 504, 520, 521, 522, 523, 524}
)
_SPREAD: Final = 0.1


@dataclass(frozen=True, slots=True)
class Wait:
    """Try again after so many seconds; `told` when the server named them."""

    seconds: float
    told: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Don't try again; `reason` is fit for a message, and empty when there is nothing to add."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Up to `retries` more attempts after the first; seconds everywhere.

    The n-th delay is drawn from 0 to `base * 2**(n-1)`, at most `cap`. A server that says how long
    to wait is obeyed up to `longest_pause`; beyond, giving up at once tells the user more than
    sleeping does. All delays of one operation together stay within `patience`.
    """

    retries: int = MAX_RETRIES
    base: float = 0.25
    cap: float = 20.0
    longest_pause: float = 60.0
    patience: float = 120.0

    def __post_init__(self) -> None:
        if self.retries < 0:
            raise InvalidOption(f"the number of retries is 0 or more, not {self.retries}")

    def decide(
        self, failures: int, retry_after: float | None, asleep: float, dice: float
    ) -> Wait | Stop:
        """Say what to do after a failure that may be repeated.

        `failures` counts them, this one included; `retry_after` is what the server said;
        `asleep` has been slept for this operation so far; `dice` is drawn from [0, 1).
        """
        if failures > self.retries:
            return Stop(f"gave up after {failures} attempts" if failures > 1 else "")
        if retry_after is not None and retry_after > self.longest_pause:
            return Stop(f"the server asks to come back in {math.ceil(retry_after)} s")
        if retry_after:
            wait = Wait(retry_after * (1 + _SPREAD * dice), told=True)
        else:
            wait = Wait(dice * min(self.cap, self.base * 2 ** min(failures - 1, 32)))
        if asleep + wait.seconds > self.patience:
            return Stop(f"gave up after {math.ceil(asleep)} s of waiting")
        return wait


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Read Retry-After (RFC 9110 section 10.2.3) as seconds from `now`, a Unix time.

    None for what says nothing usable: absent, junk, negative, or a date that has passed.
    """
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", text):
        return float(text)
    try:
        seconds = parsedate_to_datetime(text).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return seconds if seconds > 0 else None
