"""Whether a text looks as if dice had made it.

Rule: words look like words. Of the pairs of neighbouring letters in an English or technical word
most are common ones; of those in a random text few are.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Final

from pytest_occystrap.cassettes.tables import words_of

__all__ = ["looks_random", "mixed"]

_COMMON: Final = words_of(
    """
    th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io
    le ve co me de hi ri ro ic ne ea ra ce li ch ll be ma si om ur ca el ta la ns di fo ho
    pe ec pr no ct us ac ot il tr ly nc et ut ss so rs un lo wa ge ie wh ee wi em ad ol rt
    po we na ul ni ts mo ow pa im mi ai sh ir su id os iv ia am fi ci vi pl ig tu ev ld ry
    mp fe bl ab gh ty op wo sa ay ex ke ui tt ck go av ap ag do oc ub ue ui ud
    """
)
_RUN: Final = re.compile(r"[A-Za-z0-9]+")
_HEX: Final = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_NAMED: Final = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|sha(?:256|512)[:-][0-9a-f]{64,128}.*"
)
#: Shorter runs of letters and digits may be anything: versions, abbreviations, tags.
_LEAST: Final = 16
_LEAST_HEX: Final = 32
#: At most this share of common pairs, and at least these bits in a character.
_PAIRS: Final = 0.36
_PAIRS_BROKEN: Final = 0.3
_LEAST_BROKEN: Final = 20
_LEAST_RUN: Final = 5
_ALL_KINDS: Final = tuple(map(re.compile, ("[a-z]", "[A-Z]", "[0-9]")))
_BITS: Final = 2.9


def looks_random(text: str, *, with_hex: bool = True) -> bool:
    """Say whether a text without spaces looks random; UUIDs and digests don't count.

    `with_hex` is whether 32 hexadecimal digits and more do.
    """
    if len(text) < _LEAST or _NAMED.fullmatch(text):
        return False
    runs = _RUN.findall(text)
    run = max(runs, key=len, default="")
    if _HEX.fullmatch(run):
        return with_hex and len(run) >= _LEAST_HEX and mixed(run) and _bits(run) >= _BITS
    if len(run) >= _LEAST:
        return not run.isdigit() and _common(run) <= _PAIRS and _bits(run) >= _BITS
    # Base64 for URLs has a dash now and then, and most words have neither capitals nor digits.
    whole = "".join(runs)
    return (
        len(whole) >= _LEAST_BROKEN
        and len(whole) >= len(runs) * _LEAST_RUN
        and all(kind.search(whole) for kind in _ALL_KINDS)
        and sum(_common(each) * len(each) for each in runs) / len(whole) <= _PAIRS_BROKEN
    )


def _common(run: str) -> float:
    """Say which share of the pairs of neighbours is common in words."""
    lowered = run.lower()
    pairs = [lowered[n : n + 2] for n in range(len(run) - 1)]
    return sum(pair in _COMMON for pair in pairs) / len(pairs) if pairs else 0.0


def mixed(text: str) -> bool:
    """Say whether there are letters and digits in a text."""
    return any(each.isdigit() for each in text) and any(each.isalpha() for each in text)


def _bits(text: str) -> float:
    """Shannon's entropy, in bits for a character."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)
