"""The clients, tried on what a registry has said once; .ci/downstream records it and replays it."""

from __future__ import annotations

import hashlib
import random

import httpx
import pytest
from little_clients import pull, push, tags, upload
from vcr.errors import CannotOverwriteExistingCassetteException

from pytest_occystrap import RegistryHosts

LAYERS = [random.Random(number).randbytes(200_000) for number in range(2)]  # noqa: S311 - no secret


@pytest.mark.vcr
@pytest.mark.parametrize("repository", ["org/app", "org-app"])
def test_push_and_pull(base: str, repository: str) -> None:
    """Three libraries, one cassette; two tests whose cassettes have nearly one name."""
    push(base, repository, "1", {"os": "linux", "for": repository}, LAYERS)
    assert tags(base, repository) == ["1"]
    with httpx.Client() as client:
        assert pull(client, base, repository, "1") == LAYERS


@pytest.mark.vcr
def test_other_bytes(base: str, record_mode: str) -> None:
    """What was accepted once isn't accepted for something else."""
    digest = f"sha256:{hashlib.sha256(LAYERS[0]).hexdigest()}"
    upload(base, "org/other", LAYERS[0], digest)
    if record_mode == "none":
        with pytest.raises(CannotOverwriteExistingCassetteException):
            upload(base, "org/other", LAYERS[1], digest)


@pytest.mark.vcr
def test_nothing_leaves_the_machine(base: str, registry_hosts: RegistryHosts) -> None:
    """Not even a look-up is made of a host that was recorded."""
    assert httpx.get(f"{base}/v2/").status_code == 200
    assert not registry_hosts.refused
