"""Getting the right to ask: Basic, and Bearer tokens.

Rule: user names and passwords go to the registry that they are for, or to the token endpoint that
it names over a connection at least as safe; tokens go to the registry alone. One token is asked for
at a time, however many threads want it.
Spec: https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, final

from occystrap.client.ask import Ask
from occystrap.client.urls import host_of, origin_of
from occystrap.errors import ExchangeError, InvalidChallenge, InvalidToken
from occystrap.oci.challenge import Challenge, TokenRequest, parse_challenges, parse_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from occystrap.client.ask import Answer
    from occystrap.client.credentials import Credential, Credentials
    from occystrap.client.session import Session
    from occystrap.oci.challenge import Scope, Token

__all__ = ["Authorizer", "ScopedGrant", "token_ask"]

_UNAUTHORIZED: Final = 401
_CLIENT_ID: Final = "occystrap"
#: A token is replaced this long before it expires, in seconds, or a tenth of its life if less.
_AHEAD: Final = 30.0
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


def token_ask(request: TokenRequest, credential: Credential | None) -> Ask:
    """Write what to ask a token endpoint."""
    if credential is not None and credential.identity_token:
        form = request.form(credential.identity_token, _CLIENT_ID)
        return Ask("POST", request.realm, _FORM, form, for_token=True)
    basic = None if credential is None else (credential.username, credential.password)
    return Ask("GET", request.url, basic=basic, for_token=True)


@dataclass(slots=True)
class _Held:
    """The token for some scopes, and the lock of whoever asks for a new one."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    value: str = field(default="", repr=False)
    good_until: float = 0.0
    handed_out: int = 0


@final
class Authorizer:
    """What one registry wants before it answers, and the tokens that it has been satisfied with.

    `origin` is its URL, `registry` the name that credentials are kept under.
    """

    def __init__(
        self, origin: str, registry: str, session: Session, credentials: Credentials
    ) -> None:
        self.origin = origin_of(origin)
        self._url = origin
        self._registry = registry
        self._session = session
        self._credentials = credentials
        self._challenge: Challenge | None = None
        self._held: dict[tuple[str, ...], _Held] = {}
        self._lock = threading.Lock()

    def grant(self, *scopes: Scope) -> ScopedGrant:
        """Make the grant for requests that need these scopes."""
        return ScopedGrant(self, scopes)

    def header(self, scopes: Sequence[Scope]) -> str | None:
        """Return the Authorization for requests to the registry; None before it asked for one."""
        challenge = self._challenge
        if challenge is None:
            return None
        if challenge.scheme == "basic":
            credential = self._credential(scopes)
            return None if credential is None else credential.basic_header
        held = self._hold(scopes)
        with held.lock:
            if not held.value or self._session.traffic.clock() >= held.good_until:
                self._replace(held, challenge, scopes)
            held.handed_out += 1
            return f"Bearer {held.value}"

    def refused(self, answer: Answer, used: str | None, scopes: Sequence[Scope]) -> bool:
        """Learn from a refusal; True when there is now something better to ask with.

        A token that was denied, not asked for, is replaced only if it isn't a new one.

        Raises:
            ExchangeError: the token endpoint refused, or can't be reached.
            InvalidToken: it answered without a token.
        """
        challenge = self._choose(answer, scopes) or self._ping(scopes)
        if challenge is None:
            return False
        self._challenge = _without_scope(challenge)
        if challenge.scheme == "basic":
            return self.header(scopes) not in (None, used)
        held = self._hold(scopes)
        with held.lock:
            if held.value and used != f"Bearer {held.value}":
                return True  # another thread has replaced it since
            if held.handed_out == 1 and not _has_ended(answer, challenge):
                return False
            self._replace(held, challenge, scopes)
        return True

    def _choose(self, answer: Answer, scopes: Sequence[Scope]) -> Challenge | None:
        """Pick Bearer before Basic; Basic is of use only with a password."""
        try:
            offered = parse_challenges(answer.headers.get_list("WWW-Authenticate"))
        except InvalidChallenge:
            return None
        known = {challenge.scheme: challenge for challenge in reversed(offered)}
        if "bearer" in known:
            return known["bearer"]
        return known.get("basic") if self._credential(scopes) is not None else None

    def _ping(self, scopes: Sequence[Scope]) -> Challenge | None:
        """Ask for the challenge that a bare 401 came without; if in vain, the 401 stands."""
        if self._challenge is not None:
            return self._challenge
        ask = Ask("GET", f"{self._url}/v2/", accepted=frozenset({401}))
        try:
            return self._choose(self._session.request(ask), scopes)
        except ExchangeError:
            return None

    def _hold(self, scopes: Sequence[Scope]) -> _Held:
        with self._lock:
            return self._held.setdefault(tuple(sorted(_texts(scopes))), _Held())

    def _replace(self, held: _Held, challenge: Challenge, scopes: Sequence[Scope]) -> None:
        held.value = ""
        request = TokenRequest.answering(challenge, _texts(scopes))
        credential = self._credential_for(request.realm, scopes)
        asked_at = self._session.traffic.clock()
        token = self._ask_for_token(token_ask(request, credential))
        held.value, held.handed_out = token.value, 0
        held.good_until = asked_at + token.expires_in - min(_AHEAD, token.expires_in / 10)

    def _ask_for_token(self, ask: Ask) -> Token:
        """Ask, and once more if the answer is none: a page of a proxy, say."""
        attempts = self._session.traffic.attempts(host_of(ask.url))
        try:
            return parse_token(self._session.request(ask).read())
        except InvalidToken:
            if attempts.again() is not None:
                raise
        return parse_token(self._session.request(ask).read())

    def _credential(self, scopes: Sequence[Scope]) -> Credential | None:
        repository = scopes[0].name if scopes else ""
        return self._credentials.find(self._registry, repository)

    def _credential_for(self, realm: str, scopes: Sequence[Scope]) -> Credential | None:
        """Return the credential, if the realm is a place it may be sent to.

        Raises:
            InvalidChallenge: a registry on TLS sends its clients to plain HTTP.
        """
        credential = self._credential(scopes)
        scheme, host, _ = origin_of(realm)
        if scheme == "https" or credential is None:
            return credential
        if self.origin[0] == "https" or self.origin[1] != host:
            raise InvalidChallenge(
                f"{self._registry} asks for its password at {scheme}://{host}, which is not safe"
            )
        return credential


def _has_ended(answer: Answer, challenge: Challenge) -> bool:
    """Whether a token that is new was refused for its age, and not for what it is good for.

    Spec: RFC 6750 section 3.1
    """
    return answer.status == _UNAUTHORIZED and challenge.get("error") == "invalid_token"


def _texts(scopes: Sequence[Scope]) -> tuple[str, ...]:
    return tuple(map(str, scopes))


def _without_scope(challenge: Challenge) -> Challenge:
    kept = tuple(pair for pair in challenge.parameters if pair[0] in ("realm", "service"))
    return Challenge(challenge.scheme, kept)


@final
@dataclass(frozen=True, slots=True)
class ScopedGrant:
    """The right to ask a registry for what some scopes cover."""

    authorizer: Authorizer
    scopes: tuple[Scope, ...]

    def header(self, url: str) -> str | None:
        """Return the Authorization for a URL of the registry, and None for any other."""
        return self.authorizer.header(self.scopes) if self._is_home(url) else None

    def refused(self, answer: Answer, used: str | None) -> bool:
        """Take note of a refusal; True when it is worth asking again.

        Only the registry itself may say where its password or token goes.
        """
        return self._is_home(answer.url) and self.authorizer.refused(answer, used, self.scopes)

    def _is_home(self, url: str) -> bool:
        return origin_of(url) == self.authorizer.origin
