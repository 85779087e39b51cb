"""Bad days: each strikes where it says, and occystrap comes through."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from occystrap.errors import InvalidOption
from pytest_occystrap.command import Result, RunOccystrap
from pytest_occystrap.faults.presets import PRESETS, find_preset
from pytest_occystrap.plugin import MakeRegistry

PAGE = Path(__file__).resolve().parents[3] / "docs/faults.md"
REGISTRY = "registry://quay.io/org/app"

#: preset -> options of a registry that it can strike, and whether something is pushed there.
DAYS: dict[str, tuple[dict[str, Any], bool]] = {
    "docker_hub_rate_limit": ({}, False),
    "flaky_cdn": ({"redirects": True}, False),
    "s3_slow_down": ({"redirects": True}, False),
    "token_expires_mid_push": ({"auth": "bearer"}, True),
    "signed_urls_expire": ({"redirects": True}, False),
    "brown_out": ({}, False),
    "storage_hiccup": ({}, True),
    "lost_answers": ({}, True),
    "eventual_consistency": ({}, True),
    "mirror_without_ranges": ({}, False),
}


#: What a preset holds for other clients: occystrap sends small blobs whole, without a PATCH.
FOR_OTHERS = {"storage_hiccup": ["status 500 code=UNKNOWN"]}
#: occystrap looks for less than two seconds for what it has pushed, unless it's told to be patient.
PATIENCE = ("--retries", "8")


def login(registry: Any) -> tuple[list[str], str]:
    """Say who pushes, where somebody asks."""
    ((name, password),) = registry.accounts.items()
    return ["--username", name, "--password-stdin"], password


def run(registry: Any, tmp_path: Path, *, push: bool) -> Result:
    """Pull an image, or push one that was pulled before."""
    occystrap, archive = RunOccystrap(registry.client, registry.clock), f"tar://{tmp_path}/app.tar"
    options, password = login(registry)
    options += PATIENCE
    if push:
        return occystrap(*options, "process", archive, f"{REGISTRY}:2", stdin=password)
    return occystrap(*options, "process", f"{REGISTRY}:1", archive, stdin=password)


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "maintenance"])
def test_occystrap_survives(make: MakeRegistry, tmp_path: Path, name: str) -> None:
    """Each part strikes, the image arrives whole, and nobody waits for real."""
    options, push = DAYS[name]
    registry = make(**options)
    registry.add_random_image("org/app:1", layers=3, size=3000)
    if push:
        assert run(registry, tmp_path, push=False).ok
    faults = registry.bad_day(name)
    result = run(registry, tmp_path, push=push)
    assert result.ok, f"{result.stderr}\n{registry.traffic}"
    idle = [str(fault) for fault in faults if not fault.struck]
    assert idle == FOR_OTHERS.get(name, []), registry.traffic
    if push:
        registry.assert_pushed("org/app:2")
    registry.assert_no_credentials_leaked()


def test_maintenance(make: MakeRegistry, tmp_path: Path) -> None:
    """What is there can be pulled; who pushes is told why not, at once."""
    registry = make()
    registry.add_random_image("org/app:1", size=3000)
    (fault,) = registry.bad_day("maintenance")
    assert run(registry, tmp_path, push=False).ok
    assert fault.struck == 0
    refused = run(registry, tmp_path, push=True)
    assert refused.exit_code == 1
    assert "read-only mode" in refused.stderr
    assert registry.tags("org/app") == ["1"]


def test_none_of_this_name(make: MakeRegistry) -> None:
    """Near misses get a hint, others the list; dashes do as well."""
    with pytest.raises(InvalidOption, match="no preset 'flaky_cdm'; did you mean 'flaky_cdn'"):
        make().bad_day("flaky_cdm")
    with pytest.raises(InvalidOption, match="no preset 'xyz'; there are docker_hub_rate_limit, "):
        find_preset("xyz")
    assert find_preset("flaky-cdn") == find_preset("flaky_cdn")


def test_the_table_of_the_page() -> None:
    """Each preset is there with what it is and what it does, and no other."""
    section = PAGE.read_text().split("## Bad days\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", section, re.MULTILINE)
    shown = {name: (text, tuple(re.findall(r"`(.*?)`", faults))) for name, text, faults in rows}
    assert shown == dict(PRESETS)
