"""What faults have shown of occystrap itself."""

from __future__ import annotations

from pathlib import Path

from pytest_occystrap.command import RunOccystrap
from pytest_occystrap.fake import FakeRegistry


def test_an_upload_that_is_led_in_circles_is_given_up(
    fake_registry: FakeRegistry, occystrap_run: RunOccystrap, tmp_path: Path
) -> None:
    """No other session can get it out of there, so none is begun."""
    fake_registry.add_image("org/app:1")
    archive = f"tar://{tmp_path}/app.tar"
    assert occystrap_run("process", "registry://quay.io/org/app:1", archive).ok
    fake_registry.clear_requests()
    fake_registry.fault("PUT upload: redirect_loop times=0")
    result = occystrap_run("process", archive, "registry://quay.io/org/copy:1")
    assert result.exit_code == 1
    assert "redirects" in result.stderr
    sent = [exchange.path for exchange in fake_registry.requests if exchange.method == "PUT"]
    begun = [exchange for exchange in fake_registry.requests if exchange.method == "POST"]
    assert len(begun) == 1, fake_registry.traffic
    assert {sent.count(path) for path in sent} == {6}
