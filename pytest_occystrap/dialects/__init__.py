"""How registries differ: for each a table of what it does otherwise than the specification.

    handler = speak(DIALECTS["quay"], Registry(), clock=time.time)

Rule: a dialect is data. `form.py` has the knobs, a module for each registry turns some of them, and
the handlers read them; docs/dialects.md shows them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pytest_occystrap.dialects.acr import ACR
from pytest_occystrap.dialects.answers import FixedAnswer
from pytest_occystrap.dialects.artifact_registry import ARTIFACT_REGISTRY
from pytest_occystrap.dialects.distribution2 import DISTRIBUTION2
from pytest_occystrap.dialects.distribution3 import DISTRIBUTION3
from pytest_occystrap.dialects.docker_hub import DOCKER_HUB
from pytest_occystrap.dialects.ecr import ECR
from pytest_occystrap.dialects.ecr_public import ECR_PUBLIC
from pytest_occystrap.dialects.form import Dialect
from pytest_occystrap.dialects.ghcr import GHCR
from pytest_occystrap.dialects.gitlab import GITLAB
from pytest_occystrap.dialects.harbor import HARBOR
from pytest_occystrap.dialects.mcr import MCR
from pytest_occystrap.dialects.quay import QUAY
from pytest_occystrap.dialects.speaking import Speaking, new_cdn, speak
from pytest_occystrap.dialects.zot import ZOT

__all__ = ["DIALECTS", "Dialect", "FixedAnswer", "Speaking", "new_cdn", "speak"]

#: name -> the dialect.
DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        dialect.name: dialect
        for dialect in (
            DISTRIBUTION2,
            DISTRIBUTION3,
            DOCKER_HUB,
            QUAY,
            GHCR,
            ECR,
            ECR_PUBLIC,
            ACR,
            ARTIFACT_REGISTRY,
            GITLAB,
            HARBOR,
            MCR,
            ZOT,
        )
    }
)
