"""Bad days: faults that come together, under one name.

Rule: a preset is what people have met, so it says where; only its numbers are made up. Whether each
part strikes depends on the client, so none has to.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from occystrap.errors import InvalidOption
from pytest_occystrap.faults.grammar import Laid, parse_fault

__all__ = ["PRESETS", "find_preset"]

#: name -> what it is about, and its faults.
PRESETS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "docker_hub_rate_limit": (
            "Docker Hub has had enough of an address: manifests are 429 for a while",
            ("manifest: status 429 retry_after=3 code=TOOMANYREQUESTS times=3",),
        ),
        "flaky_cdn": (
            "the storage behind a registry cuts and resets every third body",
            (
                "GET cdn: reset after=100 every=3 times=0",
                "GET cdn: close after=1000 every=4 times=0",
            ),
        ),
        "s3_slow_down": (
            "S3 asks to reduce the rate of requests",
            ("GET cdn: status 503 body=xml times=3",),
        ),
        "token_expires_mid_push": (
            "a token ends between two requests of a push",
            ("PUT upload: expire_token", "PUT manifest: expire_token"),
        ),
        "signed_urls_expire": (
            "a signed URL is too old by the time a download is resumed",
            ("GET cdn: reset after=100 times=2", "GET cdn: expired_signature nth=2"),
        ),
        "brown_out": (
            "a load balancer answers for a registry that is overloaded",
            ("registry: status 503 body=html every=3 times=0",),
        ),
        "storage_hiccup": (
            "the storage of a registry fails in the middle of pushes",
            (
                "PATCH upload: status 500 code=UNKNOWN",
                "PUT upload: status 500 code=UNKNOWN",
                "PUT manifest: status 500 code=UNKNOWN done=yes",
            ),
        ),
        "lost_answers": (
            "connections break when a registry has just done what it was asked for",
            ("PUT upload: commit_then_drop_answer", "PUT manifest: commit_then_drop_answer"),
        ),
        "eventual_consistency": (
            "what has been pushed is seen seconds later",
            ("PUT upload: hide_after_push seconds=2 times=0",),
        ),
        "mirror_without_ranges": (
            "a cache cuts downloads, and knows no ranges to resume them",
            ("GET blob: close after=100 times=2", "GET blob: bad_range answer=ignored times=0"),
        ),
        "maintenance": (
            "a registry can be read only",
            ("registry: read_only times=0",),
        ),
    }
)


def find_preset(name: str) -> tuple[Laid, ...]:
    """Return the faults of a bad day.

    Raises:
        InvalidOption: there is none of this name; the message lists those that there are.
    """
    found = PRESETS.get(name.replace("-", "_"))
    if found is None:
        near = difflib.get_close_matches(name, PRESETS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(PRESETS)}"
        raise InvalidOption(f"there is no preset {name!r}; {hint}")
    return tuple(parse_fault(text) for text in found[1])
