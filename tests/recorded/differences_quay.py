"""Where the fake Quay answers otherwise than the recorded one, each with the reason."""

from __future__ import annotations

import re
from typing import Final

from tests.recorded.differences import Difference, Rule

__all__ = ["EVERYWHERE", "SINGLE"]


_OF_ANSWERS: Final = ("strict-transport-security", "x-frame-options")
_CHALLENGE: Final = ("docker-distribution-api-version", "www-authenticate")
_CORS: Final = tuple(
    f"access-control-{name}"
    for name in ("allow-headers", "allow-methods", "allow-origin", "max-age")
)

EVERYWHERE: Final = (
    Rule(
        re.compile(r"GET /v2/auth -> 200"),
        Difference(("cache-control",), "`no-store` says to clients what the longer form says"),
    ),
    Rule(
        re.compile(r"HEAD /v2/\S+/blobs/sha256:\S+ -> 200"),
        Difference(("accept-ranges",), "quay.io has blobs in cloud storage, where it says so"),
        cassettes=r"quay/(?!redirect).*",
    ),
    Rule(
        re.compile(r"GET /v2/\S+/blobs/sha256:\S+ -> 302"),
        Difference(("body",), "a page for people; its URL is in the Location"),
    ),
)

_WORDS: Final = Difference(
    ("body",), "other words, or one more of them; code and status are the same"
)
_SCHEMA_1: Final = Difference(
    ("docker-content-digest",),
    "a manifest of schema 1 is made up and signed anew, each time with other bytes",
)
_LIMITED: Final = "how many requests are too many depends on how nginx is set up"
_NO_OTHERS: Final = Difference(
    ("status", "body"), "the fake has one kind of account, and nobody who may less"
)
_CLOUD: Final = Difference(
    ("location",), "the fake signs as S3 does; quay.io may do so or by CloudFront"
)

#: Recording and number of the exchange -> what differs there alone.
SINGLE: Final = {
    ("quay/auth", 3): Difference(
        ("status", "location", "body", "x-sparse-manifest-support", *_CHALLENGE, *_OF_ANSWERS),
        "no client asks for /v2 without the slash",
    ),
    ("quay/auth", 8): Difference(
        ("status", "body", "cache-control", *_CHALLENGE, *_OF_ANSWERS),
        "a token for nothing is given to strangers: no client asks for one",
    ),
    ("quay/auth", 18): Difference(
        ("status", "body", *_CHALLENGE), "whoever has an account of the fake may do everything"
    ),
    ("quay/auth", 19): _WORDS,
    ("quay/auth", 23): _WORDS,
    ("quay/auth", 24): _WORDS,
    ("quay/auth", 25): Difference(
        ("body",), "what is no scope is told in the fake's own words; no client asks for it"
    ),
    ("quay/auth", 26): Difference(
        ("status", "body", "cache-control", *_OF_ANSWERS),
        "a token for a repository that can't be is good for nothing",
    ),
    ("quay/auth", 28): Difference(
        ("allow", "content-type", "body"), "a page for people; the status is the same"
    ),
    ("quay/auth", 30): Difference(("body",), "the fake doesn't sign tokens, so none is half good"),
    ("quay/list-repositories", 11): Difference(
        ("status", "body", "allow", "vary", *_CORS, *_OF_ANSWERS), "that is for browsers"
    ),
    **dict.fromkeys([("quay/pull", number) for number in range(19, 24)], _SCHEMA_1),
    ("quay/pull", 35): Difference(
        ("status", "body", "accept-ranges", "content-range"),
        "local storage takes no notice of ranges; quay.io redirects to storage that does",
    ),
    **dict.fromkeys([("quay/push", number) for number in (36, 37, 38, 40)], _WORDS),
    ("quay/push", 23): Difference(
        ("docker-upload-uuid",), "the registry beneath says which upload it was, as others do"
    ),
    ("quay/ratelimit", 2): Difference(
        ("status", "body", "content-type", "vary", *_CORS, *_OF_ANSWERS), _LIMITED
    ),
    ("quay/ratelimit", 3): Difference(
        ("status", "body", "link", *_CHALLENGE, *_OF_ANSWERS),
        "the catalog was public there, which is no default",
    ),
    ("quay/ratelimit", 4): Difference(
        ("status", "body", "content-type", *_CHALLENGE), f"{_LIMITED}; the catalog was public"
    ),
    ("quay/ratelimit", 6): Difference(("status", "body", "content-type", *_OF_ANSWERS), _LIMITED),
    ("quay/ratelimit", 7): _SCHEMA_1,
    ("quay/ratelimit", 9): Difference(
        ("status", "body", "content-type", "vary", *_CORS, *_OF_ANSWERS), _LIMITED
    ),
    **dict.fromkeys(
        [("quay/redirect", number) for number in (*range(12, 15), *range(16, 21), 22, 23)], _CLOUD
    ),
    ("quay/skopeo-refused", 2): _WORDS,
    ("quay/skopeo-refused", 7): Difference(
        (
            *("status", "body", "content-type", "docker-content-digest", "location"),
            *(*_CHALLENGE, *_OF_ANSWERS),
        ),
        "whoever has an account of the fake may write",
    ),
    ("quay/tags", 20): _NO_OTHERS,
    ("quay/tags", 23): _NO_OTHERS,
    ("quay/tags", 24): _NO_OTHERS,
}
