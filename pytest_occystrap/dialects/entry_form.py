"""The knobs of how a registry lets people in.

Spec: https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from occystrap.server.tokens import TokenForm
from pytest_occystrap.dialects.answers import FixedAnswer

__all__ = ["EntryForm", "Scheme"]


class Scheme(Enum):
    """How clients show who they are."""

    NONE = "none"
    BASIC = "basic"
    BEARER = "bearer"


@dataclass(frozen=True, slots=True)
class EntryForm:
    """Passwords, tokens and refusals.

    `endpoint_host` is where tokens are given out when the registry is asked under its own name;
    under any other name it is that one, so that no test leads to the real place. `{host}` in
    `service` is the name that was asked. `seconds` is how long a token lives, told or not. A fixed
    `scope` stands for all there is. `hides_unknown` treats repositories that there aren't like
    private ones. The answer `bad_credentials` has the challenge only if it is a 401;
    `unknown_repository` is what the token endpoint says to who wants to pull what they can't see.
    `ping` is the body of `/v2/`, which then shows the challenge to everyone.
    """

    scheme: Scheme = Scheme.BASIC
    token: TokenForm = field(default_factory=TokenForm)
    endpoint_host: str = ""
    service: str = "{host}"
    seconds: int = 300
    scope: str = ""
    grants: tuple[str, ...] = ("password", "refresh_token")
    exchange: str = ""
    actions: tuple[str, ...] = ()
    bad_action: FixedAnswer | None = None
    deleting_is_pushing: bool = False
    open_pulls: bool = False
    hides_unknown: bool = False
    says_why: bool = True
    challenges_on_ping_only: bool = False
    refusal: FixedAnswer | None = None
    bad_credentials: FixedAnswer | None = None
    wrong_password: FixedAnswer | None = None
    unknown_repository: FixedAnswer | None = None
    ping: FixedAnswer | None = None
