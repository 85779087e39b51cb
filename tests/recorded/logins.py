"""What a client brings to the fake whose token isn't in the recording."""

from __future__ import annotations

import re
from typing import Final

from pytest_occystrap import FakeRegistry
from pytest_occystrap.cassettes.form import Interaction, RecordedResponse
from pytest_occystrap.cassettes.index import question_of
from tests.recorded.holding import json_of

__all__ = ["as_it_was", "token_of_quay"]

#: Notes of exchanges whose token of the API isn't its owner's.
_STRANGER: Final = re.compile("invalid|expired|short|too narrow|unrelated")


def as_it_was(_registry: FakeRegistry, interaction: Interaction, _said: RecordedResponse) -> str:
    """Bring the same, which is no token for either of them."""
    return interaction.request.headers.get("Authorization") or ""


def token_of_quay(
    registry: FakeRegistry, interaction: Interaction, recorded: RecordedResponse
) -> str:
    """Bring a token of the fake Quay that is as good as the one that was recorded."""
    ((name, password),) = registry.accounts.items()
    if interaction.request.path.startswith("/api/"):
        return "Bearer bad" if _STRANGER.search(interaction.note) else f"Bearer {password}"
    refused = recorded.status == 401
    if refused and "errors" not in json_of(recorded.body.read()):
        return as_it_was(registry, interaction, recorded)
    route = question_of(interaction).route
    repository = "acme/elsewhere" if route is None or refused else route.repository
    answer = registry.client.get(
        "/v2/auth",
        params={"scope": f"repository:{repository}:pull,push"},
        auth=(name, password),
    )
    return f"Bearer {answer.json()['token']}"
