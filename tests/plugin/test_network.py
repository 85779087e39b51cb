"""Nothing leaves the machine: look-ups, connections, datagrams, other processes."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.hosts import RegistryHosts
from pytest_occystrap.network import NetworkRefused, stays_here

#: Documentation addresses, which lead nowhere.
ELSEWHERE, ELSEWHERE_6 = "192.0.2.1", "2001:db8::1"


@pytest.fixture
def hosts(registry_hosts: RegistryHosts) -> RegistryHosts:
    """The fixture, with Docker Hub and Quay led to the fake."""
    registry_hosts("registry-1.docker.io", "Quay.io")
    return registry_hosts


def test_other_clients_are_refused_at_the_look_up(hosts: RegistryHosts) -> None:
    """Those that can't be led are told what to do instead."""
    with pytest.raises(NetworkRefused) as refusal:
        requests.get("https://quay.io/v2/", timeout=10)
    assert str(refusal.value) == (
        "the test wanted to leave the machine: look up quay.io; registry_hosts leads quay.io to the"
        " fake for clients of httpx in this process only; give others fake_registry.url or"
        " fake_registry.https_url"
    )
    with pytest.raises(NetworkRefused, match=r"look up ghcr\.io; registry_hosts\('ghcr\.io'\)"):
        urllib.request.urlopen("http://ghcr.io/v2/")

    async def connect() -> None:
        await asyncio.open_connection("ghcr.io", 443)

    with pytest.raises(NetworkRefused, match=r"look up ghcr\.io"):
        asyncio.run(connect())


@pytest.mark.parametrize(
    "look_up",
    [
        lambda: socket.getaddrinfo("ghcr.io", 443),
        lambda: socket.getaddrinfo(b"ghcr.io", 443),
        lambda: socket.gethostbyname("ghcr.io"),
        lambda: socket.gethostbyname_ex("ghcr.io"),
        lambda: socket.gethostbyaddr("ghcr.io"),
        lambda: socket.create_connection(("ghcr.io", 443)),
    ],
)
def test_every_look_up_is_refused(hosts: RegistryHosts, look_up: Callable[[], Any]) -> None:
    """DNS is a way out, too."""
    with pytest.raises(NetworkRefused, match=r"look up ghcr\.io"):
        look_up()
    assert hosts.refused == ["look up ghcr.io"]


def test_look_ups_of_this_machine(hosts: RegistryHosts) -> None:
    """They need nobody else; an address is none."""
    for host in ("localhost", "127.0.0.1", "::1", None, ELSEWHERE):
        assert socket.getaddrinfo(host, 80)


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    """A socket for datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        yield connection


def test_connections_to_addresses_are_refused(hosts: RegistryHosts) -> None:
    """An address needs no look-up."""
    with socket.socket() as connection:
        with pytest.raises(NetworkRefused, match=f"connect to {ELSEWHERE} port 443;"):
            connection.connect((ELSEWHERE, 443))
        with pytest.raises(NetworkRefused, match=f"connect to {ELSEWHERE} port 80;"):
            connection.connect_ex((ELSEWHERE, 80))
    with (
        socket.socket(socket.AF_INET6) as connection,
        pytest.raises(NetworkRefused, match=f"connect to {ELSEWHERE_6} port 443;"),
    ):
        connection.connect((ELSEWHERE_6, 443, 0, 0))


def test_datagrams_are_refused(hosts: RegistryHosts, udp: socket.socket) -> None:
    """A library may speak DNS by itself."""
    with pytest.raises(NetworkRefused, match=f"send to {ELSEWHERE} port 53;"):
        udp.sendto(b"?", (ELSEWHERE, 53))
    with pytest.raises(NetworkRefused, match=f"send to {ELSEWHERE} port 53;"):
        udp.sendto(b"?", 0, (ELSEWHERE, 53))
    with pytest.raises(NetworkRefused, match=f"send to {ELSEWHERE} port 53;"):
        udp.sendmsg([b"?"], [], 0, (ELSEWHERE, 53))


def test_datagrams_on_this_machine(hosts: RegistryHosts, udp: socket.socket) -> None:
    """They arrive."""
    udp.bind(("127.0.0.1", 0))
    udp.settimeout(10)
    udp.sendto(b"x", udp.getsockname())
    assert udp.recv(1) == b"x"


FETCH = """
import sys, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1]).read().decode())
except urllib.error.HTTPError as error:
    sys.exit(f"{error.code} {error.read().decode()}")
except OSError as error:
    sys.exit(str(error))
"""


def fetch(url: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Get a URL in a process of its own."""
    command = [sys.executable, "-c", FETCH, url]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_other_processes_find_a_proxy_that_refuses(hosts: RegistryHosts) -> None:
    """What they tried is written down and told."""
    plain = fetch("http://ghcr.io/v2/?token=s3cret")
    assert plain.returncode == 1
    assert plain.stderr.startswith(
        "403 the test wanted to leave the machine: GET http://ghcr.io/v2/ by another process;"
        " registry_hosts('ghcr.io') would lead it to the fake"
    )
    secure = fetch("https://quay.io/v2/")
    assert "403 Forbidden" in secure.stderr
    assert hosts.refused == [
        "GET http://ghcr.io/v2/ by another process",
        "CONNECT quay.io:443 by another process",
    ]


def test_other_processes_on_this_machine(fake_registry: FakeRegistry, hosts: RegistryHosts) -> None:
    """They need no proxy there, and plain HTTP to a host that is led to the fake gets there."""
    assert fetch(f"{fake_registry.url}/v2/").stdout == "{}\n"
    assert fetch("http://quay.io/v2/").stdout == "{}\n"
    assert [exchange.host for exchange in fake_registry.requests] == [fake_registry.host, "quay.io"]


def test_the_environment_of_other_processes(
    hosts: RegistryHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is otherwise what the code under test says, and this process keeps its own."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    given = {"PATH": os.environ["PATH"], "OF_MY_OWN": "1"}
    shown = subprocess.run(["env"], env=given, capture_output=True, text=True, check=True)  # noqa: S607 - every machine has it
    variables = dict(line.split("=", 1) for line in shown.stdout.splitlines())
    assert variables["OF_MY_OWN"] == "1"
    assert variables["https_proxy"] == variables["HTTP_PROXY"] == variables["HTTPS_PROXY"]
    assert variables["HTTPS_PROXY"].startswith("http://127.0.0.1:")
    assert "127.0.0.1" in variables["no_proxy"]
    assert os.environ["HTTPS_PROXY"] == "http://proxy.example:3128"

    async def run() -> bytes:
        process = await asyncio.create_subprocess_exec("env", stdout=subprocess.PIPE)
        output, _ = await process.communicate()
        return output

    assert variables["HTTPS_PROXY"].encode() in asyncio.run(run())


def test_all_is_as_it_was_afterwards(pytester: pytest.Pytester) -> None:
    """The next test may do what it likes."""
    pytester.makepyfile(
        """
        import socket
        import subprocess
        import httpcore

        def state():
            return [
                socket.getaddrinfo,
                socket.socket.connect,
                socket.socket.sendto,
                subprocess.Popen.__init__,
                httpcore.ConnectionPool.handle_request,
            ]

        before = state()

        def test_one(registry_hosts):
            assert not [old for old, new in zip(before, state()) if old is new]

        def test_two():
            assert state() == before
        """
    )
    pytester.runpytest_inprocess("-p", "pytest_occystrap").assert_outcomes(passed=2)


def test_a_refusal_is_in_the_report(pytester: pytest.Pytester) -> None:
    """Also one that the code under test has swallowed."""
    pytester.makepyfile(
        """
        import contextlib
        import httpx

        def test_it(registry_hosts):
            with contextlib.suppress(BaseException):
                httpx.get("https://ghcr.io/v2/")
            assert 0
        """
    )
    result = pytester.runpytest_inprocess("-p", "pytest_occystrap")
    result.stdout.fnmatch_lines(
        ["-* refused by registry_hosts -*", "GET https://ghcr.io/v2/"], consecutive=True
    )


@pytest.mark.parametrize(
    ("host", "stays"),
    [
        ("localhost", True),
        ("registry.localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", True),  # noqa: S104 - nothing is bound
        ("::", True),
        ("fe80::1%lo", False),
        ("10.0.0.1", False),
        (ELSEWHERE, False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
    ],
)
def test_what_this_machine_is(host: str, stays: bool) -> None:
    """By name and by address."""
    assert stays_here(host) is stays
    assert stays_here(socket.gethostname())
