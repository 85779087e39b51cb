"""Signed URLs, as the storage services behind registries write them and refuse them.

Rule: they look like the real ones and expire like them; the signature itself is one of our own,
since only who made a URL ever checks it.
Spec: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html and
https://learn.microsoft.com/en-us/rest/api/storageservices/create-service-sas
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from occystrap.server.message import Query

__all__ = ["AZURE", "CLOUDFRONT", "S3", "Complaint", "SignatureStyle"]


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a service answers to a request that it doesn't serve: status, and code in its XML."""

    status: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SignatureStyle:
    """How one service does it.

    `describe` makes the parameters that are signed, out of the time of signing (seconds since 1970)
    and the lifetime in seconds; `expiry` reads from them when they end.
    """

    describe: Callable[[int, int], Query]
    expiry: Callable[[Mapping[str, str]], int]
    signature: str
    unsigned: Complaint
    wrong: Complaint
    expired: Complaint
    #: To a request that shows its right in the URL and in Authorization, too.
    twice: Complaint
    missing: Complaint
    range_invalid: Complaint

    def sign(self, key: bytes, path: str, now: int, lifetime: int) -> str:
        """Write a signed path and query, good for GET."""
        parameters = self.describe(now, lifetime)
        signed = (*parameters, (self.signature, _signature(key, path, parameters)))
        return f"{path}?{urlencode(signed)}"

    def objection(self, key: bytes, path: str, query: Query, now: float) -> Complaint | None:
        """Tell what is wrong with a signed path and query, if anything is."""
        given = dict(query).get(self.signature)
        if given is None:
            return self.unsigned
        parameters = tuple(pair for pair in query if pair[0] != self.signature)
        if not hmac.compare_digest(given.encode(), _signature(key, path, parameters).encode()):
            return self.wrong
        return self.expired if now > self.expiry(dict(parameters)) else None


def _signature(key: bytes, path: str, parameters: Query) -> str:
    text = f"GET\n{path}\n{urlencode(sorted(parameters))}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


_AMZ_TIME: Final = "%Y%m%dT%H%M%SZ"
_ISO_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


def _written(seconds: int, form: str) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(form)


def _read(text: str, form: str) -> int:
    return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp())


def _describe_s3(now: int, lifetime: int) -> Query:
    day = _written(now, "%Y%m%d")
    return (
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", f"AKIAFAKEFAKEFAKEFAKE/{day}/us-east-1/s3/aws4_request"),
        ("X-Amz-Date", _written(now, _AMZ_TIME)),
        ("X-Amz-Expires", str(lifetime)),
        ("X-Amz-SignedHeaders", "host"),
    )


def _s3_expiry(parameters: Mapping[str, str]) -> int:
    return _read(parameters["X-Amz-Date"], _AMZ_TIME) + int(parameters["X-Amz-Expires"])


_DENIED: Final = Complaint(403, "AccessDenied", "Access Denied")
_TWICE: Final = Complaint(
    400,
    "InvalidArgument",
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query"
    " string parameter or the Authorization header should be specified",
)
_NO_RANGE: Final = Complaint(416, "InvalidRange", "The requested range is not satisfiable")

S3: Final = SignatureStyle(
    _describe_s3,
    _s3_expiry,
    "X-Amz-Signature",
    unsigned=_DENIED,
    wrong=Complaint(
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your"
        " key and signing method.",
    ),
    expired=Complaint(403, "AccessDenied", "Request has expired"),
    twice=_TWICE,
    missing=Complaint(404, "NoSuchKey", "The specified key does not exist."),
    range_invalid=_NO_RANGE,
)


def _describe_cloudfront(now: int, lifetime: int) -> Query:
    return (("Expires", str(now + lifetime)), ("Key-Pair-Id", "KFAKEFAKEFAKE0"))


CLOUDFRONT: Final = SignatureStyle(
    _describe_cloudfront,
    lambda parameters: int(parameters["Expires"]),
    "Signature",
    unsigned=Complaint(403, "MissingKey", "Missing Key-Pair-Id query parameter or cookie value"),
    wrong=Complaint(403, "AccessDenied", "Access denied"),
    expired=Complaint(403, "AccessDenied", "Access denied"),
    twice=_TWICE,
    missing=_DENIED,
    range_invalid=_NO_RANGE,
)


def _describe_azure(now: int, lifetime: int) -> Query:
    return (
        ("se", _written(now + lifetime, _ISO_TIME)),
        ("sp", "r"),
        ("spr", "https"),
        ("sr", "b"),
        ("sv", "2018-03-28"),
    )


_NOT_AUTHENTICATED: Final = Complaint(
    403,
    "AuthenticationFailed",
    "Server failed to authenticate the request. Make sure the value of Authorization header is"
    " formed correctly including the signature.",
)

AZURE: Final = SignatureStyle(
    _describe_azure,
    lambda parameters: _read(parameters["se"], _ISO_TIME),
    "sig",
    unsigned=Complaint(404, "ResourceNotFound", "The specified resource does not exist."),
    wrong=_NOT_AUTHENTICATED,
    expired=_NOT_AUTHENTICATED,
    twice=Complaint(
        400,
        "InvalidAuthenticationInfo",
        "Authentication information is not given in the correct format. Check the value of"
        " Authorization header.",
    ),
    missing=Complaint(404, "BlobNotFound", "The specified blob does not exist."),
    range_invalid=Complaint(
        416, "InvalidRange", "The range specified is invalid for the current size of the resource."
    ),
)
