"""What clients of the proxy are told when something goes wrong behind it.

Rule: what the client sent and can mend is a 4xx, what another registry did is a 502, and the reason
is in the answer. Errors of ours hold no secrets.
"""

from __future__ import annotations

from typing import Final

from occystrap.errors import (
    APIException,
    CredentialsError,
    ExchangeError,
    ImageInputError,
    InvalidInput,
    OccystrapError,
    VerificationError,
)
from occystrap.oci.diagnostics import ErrorCode
from occystrap.server.answers import Refusal

__all__ = ["PUSHED", "refusal_of", "upstream_refusal"]

#: What an image that is being pushed is read from, by name.
PUSHED: Final = "pushed.invalid"
_BAD_GATEWAY: Final = 502
_NOT_FOUND: Final = 404


def refusal_of(error: OccystrapError | OSError) -> Refusal:
    """Say what went wrong with a request, by whose fault it was."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, OSError):
        return Refusal(ErrorCode.UNKNOWN, f"the proxy failed: {error.strerror or error}")
    if isinstance(error, APIException) and PUSHED in error.url:
        return _of_source(error)
    if isinstance(error, ExchangeError | VerificationError | CredentialsError):
        return Refusal(ErrorCode.UNAVAILABLE, str(error), status=_BAD_GATEWAY)
    if isinstance(error, InvalidInput | ImageInputError):
        return Refusal(ErrorCode.MANIFEST_INVALID, str(error))
    return Refusal(ErrorCode.UNKNOWN, str(error))


def _of_source(error: APIException) -> Refusal:
    if error.status != _NOT_FOUND:
        return Refusal(ErrorCode.UNAVAILABLE, str(error), status=_BAD_GATEWAY)
    missing = error.url.rpartition("/")[2]
    return Refusal(
        ErrorCode.MANIFEST_BLOB_UNKNOWN,
        f"the manifest names what wasn't pushed: {missing}",
        detail={"digests": [missing]},
    )


def upstream_refusal(error: OccystrapError | OSError) -> Refusal:
    """Say why an image couldn't be pulled."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, OSError):
        return refusal_of(error)
    return Refusal(ErrorCode.UNAVAILABLE, f"pulling it failed: {error}", status=_BAD_GATEWAY)
