"""Running the command line in the process of a test."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from pathlib import Path

import pytest

from pytest_occystrap.command import RunOccystrap
from pytest_occystrap.fake import FakeRegistry


def test_pull_and_push(
    fake_registry: FakeRegistry, occystrap_run: RunOccystrap, tmp_path: Path
) -> None:
    """Every registry that the command names is the fake."""
    image = fake_registry.add_image("library/busybox:latest", layers=[{"bin/sh": b"#!"}])
    archive = f"tar://{tmp_path}/busybox.tar"
    result = occystrap_run("process", "registry://docker.io/library/busybox:latest", archive)
    assert (result.exit_code, result.ok, result.exception) == (0, True, None)
    fake_registry.assert_pulled("library/busybox:latest")
    assert occystrap_run("process", archive, "registry://quay.io/me/busybox:2").ok
    fake_registry.assert_pushed("me/busybox:2")
    assert fake_registry.image("me/busybox:2").layers[0].diff_id == image.layers[0].diff_id
    hosts = {exchange.host for exchange in fake_registry.requests}
    assert hosts == {"registry-1.docker.io", "quay.io"}


@pytest.mark.registry(auth="bearer", private=True, redirects=True, images=["org/app:1"])
def test_a_login_and_redirects(
    fake_registry: FakeRegistry, occystrap_run: RunOccystrap, tmp_path: Path
) -> None:
    """The whole way through token endpoint and storage, and nothing leaks."""
    source, destination = "registry://quay.io/org/app:1", f"tar://{tmp_path}/app.tar"
    refused = occystrap_run("process", source, destination)
    assert refused.exit_code == 1
    assert "401" in refused.stderr
    ((username, password),) = fake_registry.accounts.items()
    login = ("--username", username, "--password-stdin")
    result = occystrap_run(*login, "process", source, destination, stdin=password)
    assert result.ok, result.stderr
    fake_registry.assert_pulled("org/app:1")
    fake_registry.assert_no_credentials_leaked()


@pytest.mark.registry(auth="basic", images=["org/app:1"])
def test_settings_come_from_the_environment_that_is_given(
    fake_registry: FakeRegistry,
    occystrap_run: RunOccystrap,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What developers have set for themselves doesn't reach a test."""
    ((username, password),) = fake_registry.accounts.items()
    environ = {"OCCYSTRAP_USERNAME": username, "OCCYSTRAP_PASSWORD": password}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    arguments = ("process", "registry://quay.io/org/app:1", f"tar://{tmp_path}/app.tar")
    assert not occystrap_run(*arguments).ok
    assert occystrap_run(*arguments, environ=environ).ok
    assert os.environ["OCCYSTRAP_USERNAME"] == username


def test_results_as_json(
    fake_registry: FakeRegistry, occystrap_run: RunOccystrap, tmp_path: Path
) -> None:
    """What was printed can be read."""
    fake_registry.add_image("app:1")
    arguments = ("process", "registry://quay.io/app:1", f"tar://{tmp_path}/app.tar")
    result = occystrap_run("--output-format", "json", *arguments)
    assert result.json == json.loads(result.stdout)
    with pytest.raises(ValueError, match="Expecting value"):
        _ = occystrap_run("--version").json


def test_a_wrong_command_line(occystrap_run: RunOccystrap) -> None:
    """It ends with the code of a process, and says why on standard error."""
    result = occystrap_run("process", "registry://quay.io/app:1")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Missing argument" in result.stderr
    assert result.args == ("process", "registry://quay.io/app:1")


def test_arguments_may_be_paths(occystrap_run: RunOccystrap, tmp_path: Path) -> None:
    """Whatever has a text is an argument."""
    assert occystrap_run("--temp-dir", tmp_path, "--version").ok


def test_nothing_of_the_process_is_changed(
    occystrap_run: RunOccystrap,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Streams, log handlers and log levels are as they were before."""
    root = logging.getLogger()
    before = (sys.stdin, sys.stdout, sys.stderr, list(root.handlers), root.level)
    levels = {name: logging.getLogger(name).level for name in ("occystrap", "httpx")}
    assert not occystrap_run("--debug", "process", "registry://quay.io/no:1", "tar://x.tar").ok
    assert before == (sys.stdin, sys.stdout, sys.stderr, list(root.handlers), root.level)
    assert {name: logging.getLogger(name).level for name in levels} == levels
    assert capsys.readouterr() == ("", "")
    logging.getLogger("test").warning("still captured")
    assert caplog.messages[-1] == "still captured"


def test_binary_output_is_no_problem(occystrap_run: RunOccystrap) -> None:
    """The streams have a buffer, as those of a process have."""
    assert isinstance(sys.stdout, io.TextIOBase)
    assert occystrap_run("--help").stdout.startswith("Usage: occystrap")


def test_more_than_one_registry(
    fake_registry: FakeRegistry, occystrap_run: RunOccystrap, tmp_path: Path
) -> None:
    """An image goes from one repository of the fake to another as it would between two hosts."""
    image = fake_registry.add_random_image("org/app:1", size=300_000, layers=3)
    result = occystrap_run("process", "registry://quay.io/org/app:1", "registry://ghcr.io/me/app:1")
    assert result.ok, result.stderr
    assert fake_registry.image("me/app:1").digest == image.digest
