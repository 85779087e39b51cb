"""What pytest sees: options, the marker, fixtures and the report of a failed test.

Rule: names only. Nothing but pytest is imported before a test asks for a fixture, since everyone
who has the package installed pays for what is imported here.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest

from pytest_occystrap.recording import add_recording, load_recording
from pytest_occystrap.session import SWEPT, SessionSweeps, chosen_setting

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from pytest_occystrap.command import RunOccystrap
    from pytest_occystrap.fake import FakeRegistry
    from pytest_occystrap.hosts import RegistryHosts
    from pytest_occystrap.proxy import FaultProxy
    from pytest_occystrap.sweep.results import SweepReport

__all__ = [
    "MakeFaultProxy",
    "MakeRegistry",
    "fake_registry",
    "fault_proxy",
    "fault_sweep_fixture",
    "make_registry",
    "occystrap_run",
    "pytest_addoption",
    "pytest_configure",
    "pytest_load_initial_conftests",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "registry_hosts",
]

_MARKER: Final = (
    "registry(dialect=..., auth=..., images=[...], http2=..., ...): how the fake_registry of a test"
    " behaves; every option is in the docstring of pytest_occystrap.RegistryOptions"
)
_FAULT_MARKER: Final = (
    "registry_fault(effect, on='GET blob', times=1, ...): something that goes wrong at the"
    " fake_registry of a test; as a text: registry_fault('GET blob: reset after=65536')"
)
_CASSETTE_MARKER: Final = (
    "registry_cassette('quay/pull', ..., allow_unmatched=False): cassettes that answer in place of"
    " the fake_registry of a test"
)
_REGISTRIES: Final = pytest.StashKey["list[FakeRegistry]"]()
_PROXIES: Final = pytest.StashKey["list[FaultProxy]"]()
_HOSTS: Final = pytest.StashKey["RegistryHosts"]()
_SWEEPS: Final = pytest.StashKey["list[SweepReport]"]()
#: setting -> what it may be, if not anything, and what it means.
_SETTINGS: Final[dict[str, tuple[tuple[str, ...] | None, str]]] = {
    "dialect": (None, "Whose ways fake registries have, unless a test chooses others."),
    "auth": (("none", "basic", "bearer"), "What fake registries ask for."),
    "http2": (("yes", "no"), "Whether fake registries offer HTTP/2 on their TLS socket."),
    "traffic": (("failed", "all", "none"), "Which tests show the traffic of their registries."),
    "cassettes": (None, "The directory of cassettes [cassettes, or tests/cassettes]."),
    "report": (None, "Where to write the fault sweeps: a page, or JSON if it ends in .json."),
}


class MakeRegistry(Protocol):
    """Makes a fake registry that lives as long as the test."""

    def __call__(self, **options: Any) -> FakeRegistry:
        """Make one; the options are those of `pytest_occystrap.RegistryOptions`."""
        ...


class MakeFaultProxy(Protocol):
    """Makes a proxy that lives as long as the test."""

    def __call__(self, url: str, **options: Any) -> FaultProxy:
        """Stand in front of the registry at a URL; the rest is `pytest_occystrap.FaultProxy`'s."""
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--occystrap-*` and the ini options of the same names."""
    group = parser.getgroup("occystrap", "fake container registries")
    for name, (choices, text) in _SETTINGS.items():
        group.addoption(f"--occystrap-{name}", choices=choices, help=text)
        parser.addini(f"occystrap_{name}", text, default="")


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Load pytest-recording where plugins aren't found by themselves, for `@pytest.mark.vcr`."""
    result = yield  # whoever loads it under another name has done so now
    load_recording(early_config.pluginmanager)
    return result


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known, and check what the ini file says."""
    config.addinivalue_line("markers", _MARKER)
    config.addinivalue_line("markers", _FAULT_MARKER)
    config.addinivalue_line("markers", _CASSETTE_MARKER)
    for name, (choices, _) in _SETTINGS.items():
        chosen = chosen_setting(config, name)
        if choices and chosen and chosen not in choices:
            raise pytest.UsageError(
                f"occystrap_{name} is one of {', '.join(choices)}, not {chosen!r}"
            )
    add_recording(config.pluginmanager)
    if not hasattr(config, "workerinput"):  # workers of xdist hand on what they have
        config.pluginmanager.register(SessionSweeps(config), "pytest_occystrap_sweeps")


@pytest.fixture
def make_registry(request: pytest.FixtureRequest) -> Iterator[MakeRegistry]:
    """Make fake registries with options of their own: `make_registry(auth="basic")`."""
    from pytest_occystrap.fake import FakeRegistry

    defaults = _defaults(request.config)
    made = request.node.stash.setdefault(_REGISTRIES, [])
    with contextlib.ExitStack() as open_registries:

        def make(**options: Any) -> FakeRegistry:
            registry = open_registries.enter_context(FakeRegistry(**{**defaults, **options}))
            made.append(registry)
            return registry

        yield make


@pytest.fixture
def fake_registry(request: pytest.FixtureRequest, make_registry: MakeRegistry) -> FakeRegistry:
    """Give the test a container registry of its own, in this process and over sockets."""
    from occystrap.errors import CassetteError

    options: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("registry"))):
        if mark.args:
            pytest.fail(f"@pytest.mark.registry takes names, not {mark.args}", pytrace=False)
        options |= mark.kwargs
    marker = "registry"
    try:
        registry = make_registry(**options)
        marker = "registry_fault"
        for mark in reversed(list(request.node.iter_markers("registry_fault"))):
            registry.fault(*mark.args, **mark.kwargs)
        marker = "registry_cassette"
        cassettes = request.node.get_closest_marker(marker)
        if cassettes is not None:
            registry.replay(*cassettes.args, **cassettes.kwargs)
        return registry
    except (TypeError, ValueError, CassetteError) as error:
        problem = f"@pytest.mark.{marker}: {error}"
    pytest.fail(problem, pytrace=False)


@pytest.fixture
def fault_proxy(request: pytest.FixtureRequest) -> Iterator[MakeFaultProxy]:
    """Put proxies with faults in front of live registries: `fault_proxy("http://127.0.0.1:5000")`."""
    from pytest_occystrap.proxy import FaultProxy

    made = request.node.stash.setdefault(_PROXIES, [])
    with contextlib.ExitStack() as open_proxies:

        def make(url: str, **options: Any) -> FaultProxy:
            proxy = open_proxies.enter_context(FaultProxy(url, **options))
            made.append(proxy)
            return proxy

        yield make


@pytest.fixture
def registry_hosts(
    request: pytest.FixtureRequest, fake_registry: FakeRegistry
) -> Iterator[RegistryHosts]:
    """Lead httpx clients that name these hosts to the fake, and let nothing leave the machine."""
    from pytest_occystrap.hosts import guarded

    with guarded(fake_registry) as hosts:
        request.node.stash[_HOSTS] = hosts
        yield hosts


@pytest.fixture
def occystrap_run(fake_registry: FakeRegistry) -> RunOccystrap:
    """Run the command line of occystrap in this process, every registry being the fake."""
    from pytest_occystrap.command import RunOccystrap

    return RunOccystrap(fake_registry.client, fake_registry.clock)


@pytest.fixture(name="fault_sweep")
def fault_sweep_fixture(request: pytest.FixtureRequest) -> Callable[..., SweepReport]:
    """Try every fault at every exchange: `pytest_occystrap.fault_sweep`, kept for the report."""
    from pytest_occystrap.sweep import fault_sweep

    defaults = _defaults(request.config)
    made = request.node.stash.setdefault(_SWEEPS, [])

    def sweep(*args: Any, **arguments: Any) -> SweepReport:
        report = fault_sweep(*args, **{**defaults, **arguments})
        made.append(report)
        return report

    return sweep


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test that passed though it should not have.

    A client gave credentials away, a fault never struck, or nothing was recorded for a request.
    """
    __tracebackhide__ = True
    yield
    registries: list[FakeRegistry] = item.stash.get(_REGISTRIES, [])
    proxies: list[FaultProxy] = item.stash.get(_PROXIES, [])
    for registry in registries:
        if not registry.options.forgive_leaks:
            _check(registry.assert_no_credentials_leaked)
        _check(registry.assert_all_matched)
    for each in (*registries, *proxies):
        _check(each.assert_faults_struck)


def _check(assertion: Callable[[], None]) -> None:
    __tracebackhide__ = True
    try:
        assertion()
    except AssertionError as error:
        problem = str(error)
    else:
        return
    pytest.fail(problem, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what happened at the registries of a test, and hand its sweeps on."""
    report = yield
    if report.when == "teardown":  # whatever became of the test, this comes once and last
        sweeps: list[SweepReport] = item.stash.get(_SWEEPS, [])
        report.user_properties += [(SWEPT, json.dumps(one.to_document())) for one in sweeps]
    if _is_shown(report, item.config):
        report.sections.extend(_sections(item))
    return report


def _sections(item: pytest.Item) -> Iterator[tuple[str, str]]:
    registries: list[FakeRegistry] = item.stash.get(_REGISTRIES, [])
    for number, registry in enumerate(registries, 1):
        name = registry.options.name or ("" if number == 1 else str(number))
        yield f"registry traffic{f' ({name})' if name else ''}", registry.traffic
    proxies: list[FaultProxy] = item.stash.get(_PROXIES, [])
    for proxy in proxies:
        yield f"traffic of the proxy of {proxy.upstream}", proxy.traffic
    hosts = item.stash.get(_HOSTS, None)
    if hosts is not None and hosts.refused:
        yield "refused by registry_hosts", "\n".join(hosts.refused)


def _is_shown(report: pytest.TestReport, config: pytest.Config) -> bool:
    wanted = chosen_setting(config, "traffic") or "failed"
    return report.failed if wanted == "failed" else wanted == "all" and report.when == "call"


def _defaults(config: pytest.Config) -> dict[str, Any]:
    """Read what the command line and the ini file say of every fake registry."""
    options: dict[str, Any] = {
        name: chosen for name in ("dialect", "auth") if (chosen := chosen_setting(config, name))
    }
    if http2 := chosen_setting(config, "http2"):
        options["http2"] = http2 == "yes"
    options["cassettes"] = _cassettes(config)
    return options


def _cassettes(config: pytest.Config) -> Path:
    """Say where cassettes are: a flag is read from where pytest was started, as its own are."""
    from pytest_occystrap.options import usual_cassettes

    chosen = chosen_setting(config, "cassettes")
    if not chosen:
        return usual_cassettes(config.rootpath)
    is_flag = config.getoption("occystrap_cassettes") is not None
    return (config.invocation_params.dir if is_flag else config.rootpath) / chosen
