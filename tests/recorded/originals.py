"""The registries that were recorded and that a fake has the ways of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.recorded import (
    differences_distribution,
    differences_quay,
    seeding_distribution,
    seeding_quay,
)
from tests.recorded.answers import shape, values
from tests.recorded.holding import Original
from tests.recorded.logins import as_it_was, token_of_quay

__all__ = ["ORIGINALS"]

#: Directory of the recordings -> whose they are.
ORIGINALS: Final[Mapping[str, Original]] = {
    "quay": Original(
        "quay.example",
        {"127.0.0.1:8443": "quay.example"},
        seeding_quay.seeded,
        token_of_quay,
        shape,  # ids, colours, and times of what was there
        differences_quay.EVERYWHERE,
        differences_quay.SINGLE,
    ),
    "distribution": Original(
        "registry.example",
        {
            "127.0.0.1:5050": "registry.example",
            # Tokens were given out elsewhere, for a service and a realm that were named for it.
            "127.0.0.1:5051": "registry.example",
            'service="debian"': 'service="registry.example"',
            'realm="debian"': 'realm="registry"',
        },
        seeding_distribution.seeded,
        as_it_was,
        values,
        differences_distribution.EVERYWHERE,
        differences_distribution.SINGLE,
    ),
}
