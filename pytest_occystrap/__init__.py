"""A pytest plugin to test code that talks to container registries.

    def test_pull(fake_registry):
        image = fake_registry.add_image("library/busybox:latest", layers=[{"bin/sh": b"..."}])
        my_code.pull(f"{fake_registry.url}/library/busybox:latest")
        fake_registry.assert_pulled("library/busybox:latest")

It is found by its entry point, or with `-p pytest_occystrap`. docs/plugin.md is the guide.

Rule: this module is what pytest loads, so it imports no more than plugin.py; every other name is
imported when somebody asks for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from pytest_occystrap.plugin import (
    MakeFaultProxy,
    MakeRegistry,
    fake_registry,
    fault_proxy,
    fault_sweep_fixture,
    make_registry,
    occystrap_run,
    pytest_addoption,
    pytest_configure,
    pytest_load_initial_conftests,
    pytest_runtest_call,
    pytest_runtest_makereport,
    registry_hosts,
)

if TYPE_CHECKING:
    from pytest_occystrap.building import build_artifact, build_image, build_index
    from pytest_occystrap.cassettes.files import load_cassette
    from pytest_occystrap.cassettes.form import Cassette
    from pytest_occystrap.cassettes.replay import Replay, UnmatchedRequest
    from pytest_occystrap.cassettes.vcrpy import occystrap_vcr
    from pytest_occystrap.clock import FakeClock
    from pytest_occystrap.command import Result, RunOccystrap
    from pytest_occystrap.entries import (
        Device,
        Directory,
        Entry,
        Fifo,
        File,
        Hardlink,
        Symlink,
        Whiteout,
    )
    from pytest_occystrap.exchange import Exchange, Outcome
    from pytest_occystrap.fake import FakeRegistry
    from pytest_occystrap.faults import ALWAYS, Fault, Where
    from pytest_occystrap.hosts import RegistryHosts
    from pytest_occystrap.images import Document, FakeImage, FakeLayer
    from pytest_occystrap.network import NetworkRefused
    from pytest_occystrap.options import RegistryOptions
    from pytest_occystrap.proxy import FaultProxy
    from pytest_occystrap.sweep import SweepReport, Verdict, World, fault_sweep
    from pytest_occystrap.sweep.shards import sweep_shards

__all__ = [
    "ALWAYS",
    "Cassette",
    "Device",
    "Directory",
    "Document",
    "Entry",
    "Exchange",
    "FakeClock",
    "FakeImage",
    "FakeLayer",
    "FakeRegistry",
    "Fault",
    "FaultProxy",
    "Fifo",
    "File",
    "Hardlink",
    "MakeFaultProxy",
    "MakeRegistry",
    "NetworkRefused",
    "Outcome",
    "RegistryHosts",
    "RegistryOptions",
    "Replay",
    "Result",
    "RunOccystrap",
    "SweepReport",
    "Symlink",
    "UnmatchedRequest",
    "Verdict",
    "Where",
    "Whiteout",
    "World",
    "build_artifact",
    "build_image",
    "build_index",
    "fake_registry",
    "fault_proxy",
    "fault_sweep",
    "fault_sweep_fixture",
    "load_cassette",
    "make_registry",
    "occystrap_run",
    "occystrap_vcr",
    "pytest_addoption",
    "pytest_configure",
    "pytest_load_initial_conftests",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "registry_hosts",
    "sweep_shards",
]

#: module -> the names that are found in it.
_LATER: Final = {
    "building": ("build_artifact", "build_image", "build_index"),
    "cassettes.files": ("load_cassette",),
    "cassettes.form": ("Cassette",),
    "cassettes.replay": ("Replay", "UnmatchedRequest"),
    "cassettes.vcrpy": ("occystrap_vcr",),
    "clock": ("FakeClock",),
    "command": ("Result", "RunOccystrap"),
    "entries": (
        "Device",
        "Directory",
        "Entry",
        "Fifo",
        "File",
        "Hardlink",
        "Symlink",
        "Whiteout",
    ),
    "exchange": ("Exchange", "Outcome"),
    "fake": ("FakeRegistry",),
    "proxy": ("FaultProxy",),
    "faults": ("ALWAYS", "Fault", "Where"),
    "hosts": ("RegistryHosts",),
    "images": ("Document", "FakeImage", "FakeLayer"),
    "network": ("NetworkRefused",),
    "options": ("RegistryOptions",),
    "sweep": ("SweepReport", "Verdict", "World", "fault_sweep"),
    "sweep.shards": ("sweep_shards",),
}
_HOMES: Final = {name: module for module, names in _LATER.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
