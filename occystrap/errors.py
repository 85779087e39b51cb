"""The errors of occystrap, one tree; catch `OccystrapError` to catch them all.

    OccystrapError
    ├── InvalidInput (a ValueError)     text or bytes that are not in the language
    │   ├── InvalidDigest
    │   ├── InvalidReference
    │   │   └── InvalidTag
    │   ├── InvalidManifest             manifests, indexes and image configurations
    │   ├── InvalidChallenge            WWW-Authenticate
    │   ├── InvalidToken                the answer of a token endpoint
    │   ├── InvalidOption               an option of a URI, a filter or the command line
    │   └── URIParseError
    ├── PlatformNotFound                an index holds no image for the platform
    ├── VerificationError               the bytes are not what was asked for
    │   ├── DigestMismatch
    │   └── SizeMismatch
    ├── ExchangeError                   a request that came to no good end
    │   ├── TransportError              no answer, or not a whole one
    │   └── APIException                the registry answered with an error
    │       └── UnauthorizedException
    ├── CredentialsError                a credential file or helper can't be used
    ├── DaemonError                     a container daemon can't be reached, or refuses
    ├── ImageInputError                 an image can't be read
    ├── ImageOutputError                an image can't be written
    ├── PipelineError                   the parts don't fit together
    ├── QuayAPIError
    └── CassetteError                   recorded traffic can't be read, kept or played
        └── SecretFound                 it holds what looks like a secret

Rule: errors carry attributes beside their message, and neither holds a secret: whoever raises one
has redacted the URL and the headers first.
"""

from __future__ import annotations

__all__ = [
    "APIException",
    "CassetteError",
    "CredentialsError",
    "DaemonError",
    "DigestMismatch",
    "ExchangeError",
    "ImageInputError",
    "ImageOutputError",
    "InvalidChallenge",
    "InvalidDigest",
    "InvalidInput",
    "InvalidManifest",
    "InvalidOption",
    "InvalidReference",
    "InvalidTag",
    "InvalidToken",
    "OccystrapError",
    "PipelineError",
    "PlatformNotFound",
    "QuayAPIError",
    "SecretFound",
    "SizeMismatch",
    "TransportError",
    "URIParseError",
    "UnauthorizedException",
    "VerificationError",
]


class OccystrapError(Exception):
    """Anything that occystrap raises on purpose.

    try:
        pipeline.run()
    except occystrap.errors.OccystrapError as error:
        sys.exit(f"Error: {error}")
    """

    def __reduce__(self) -> tuple[object, ...]:
        # Not by calling the class again: `args` is not what most constructors here take.
        return BaseException.__new__, (type(self), *self.args), self.__dict__


class InvalidInput(OccystrapError, ValueError):
    """Text or bytes that are not in the language they should be in."""


class InvalidDigest(InvalidInput):
    """Not `algorithm:hex`, or of an algorithm that can't be verified."""


class InvalidReference(InvalidInput):
    """Not a name of an image."""


class InvalidTag(InvalidReference):
    """Not a tag."""


class InvalidManifest(InvalidInput):
    """Bytes that are no manifest, index or image configuration."""


class InvalidChallenge(InvalidInput):
    """A WWW-Authenticate header outside its grammar."""


class InvalidToken(InvalidInput):
    """An answer of a token endpoint that holds no token."""


class InvalidOption(InvalidInput):
    """An option that doesn't exist, or has a value that it can't have."""


class URIParseError(InvalidInput):
    """A source, destination or filter that can't be parsed."""


class PlatformNotFound(OccystrapError):
    """An index holds no image for the platform; `available` lists those it has, printed."""

    def __init__(self, message: str, available: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.available = available


class VerificationError(OccystrapError):
    """The bytes that came are not the bytes that were asked for.

    `passing` when they came over a wire, and others may well come the next time.
    """

    passing: bool = False


class DigestMismatch(VerificationError):
    """Bytes with another digest than they should have."""

    def __init__(self, expected: str, actual: str, what: str = "content") -> None:
        super().__init__(f"{what} is corrupt: expected {expected}, but the bytes hash to {actual}")
        self.expected = expected
        self.actual = actual


class SizeMismatch(VerificationError):
    """More or fewer bytes than there should be; `actual` counts those that were read."""

    def __init__(self, expected: int, actual: int, what: str = "content") -> None:
        more = "at least " if actual > expected else ""
        super().__init__(
            f"{what} has the wrong size: expected {expected} bytes, got {more}{actual}"
        )
        self.expected = expected
        self.actual = actual


class ExchangeError(OccystrapError):
    """A request that came to no good end; `url` is redacted."""

    method: str
    url: str


class TransportError(ExchangeError):
    """No answer, or not a whole one.

    `reason` says what happened on the wire, `attempts` how often it was tried.
    """

    def __init__(self, message: str, method: str, url: str, reason: str, attempts: int = 1) -> None:
        super().__init__(message)
        self.method = method
        self.url = url
        self.reason = reason
        self.attempts = attempts


class APIException(ExchangeError):
    """The registry answered with an error.

    `args` keeps the shape (message, method, url, status, text, headers) for those who unpack it.
    """

    def __init__(
        self,
        message: str,
        method: str = "",
        url: str = "",
        status: int = 0,
        text: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        headers = headers or {}
        super().__init__(message, method, url, status, text, headers)
        self.message = message
        self.method = method
        self.url = url
        self.status = status
        self.text = text
        self.headers = headers

    def __str__(self) -> str:
        return self.message


class UnauthorizedException(APIException):
    """The registry wants credentials, or other ones (401)."""


class CredentialsError(OccystrapError):
    """A credential file or a credential helper can't be used."""


class DaemonError(OccystrapError):
    """A container daemon can't be reached, refuses, or gives up.

    `status` is that of its answer, 0 without one; 200 if it gave up after it had begun well.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class ImageInputError(OccystrapError):
    """An image can't be read."""


class ImageOutputError(OccystrapError):
    """An image can't be written."""


class PipelineError(OccystrapError):
    """The parts of a pipeline don't fit together."""


class QuayAPIError(OccystrapError):
    """The quay.io API refused, or answered with what is no answer."""


class CassetteError(OccystrapError):
    """Recorded traffic can't be read, kept or played."""


class SecretFound(CassetteError):
    """Recorded traffic holds what looks like a secret.

    `findings` say where and by which rule, never what.
    """

    def __init__(self, message: str, findings: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings
