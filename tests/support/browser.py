"""A headless Chromium that tests drive by plain WebDriver (https://www.w3.org/TR/webdriver2/).

It is a handful of calls of JSON over HTTP: httpx does, and no package for it is needed.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from tests.support.components import real_component

__all__ = ["KEYS", "Browser", "open_browser"]

#: Names of the specification's key codes.
KEYS: Final[Mapping[str, str]] = {
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "End": "\ue010",
    "Home": "\ue011",
    "Left": "\ue012",
    "Up": "\ue013",
    "Right": "\ue014",
    "Down": "\ue015",
}
_FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
_PORT: Final = re.compile(rb"started successfully on port (\d+)")
_ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"
_PATIENCE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Browser:
    """A session: pages are opened, looked at and worked on."""

    client: httpx.Client
    session: str

    def open(self, url: str) -> None:
        """Load a page."""
        self._post("url", url=url)

    def resize(self, width: int, height: int) -> None:
        """Give the page so many CSS pixels, which a window's own size would not."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._post("goog/cdp/execute", cmd="Emulation.setDeviceMetricsOverride", params=metrics)

    def prefer(self, scheme: str) -> None:
        """Choose `light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        params = {"features": features}
        self._post("goog/cdp/execute", cmd="Emulation.setEmulatedMedia", params=params)

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a function body of JavaScript returns."""
        return self._post("execute/sync", script=script, args=list(arguments))

    def click(self, selector: str) -> None:
        """Click on the first element of a CSS selector, as a mouse does."""
        found = self._post("element", using="css selector", value=selector)[_ELEMENT]
        self._post(f"element/{found}/click")

    def type(self, *keys: str) -> None:
        """Press keys, each a character or one of KEYS, wherever the focus is."""
        codes = [KEYS.get(key, key) for key in keys]
        actions = [{"type": kind, "value": code} for code in codes for kind in ("keyDown", "keyUp")]
        self._post("actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def complaints(self) -> list[str]:
        """Return what the console has been told since it was asked last."""
        return [entry["message"] for entry in self._post("se/log", type="browser")]

    def screenshot(self, path: Path) -> None:
        """Keep what is to be seen as a PNG."""
        answer = self.client.get(f"/session/{self.session}/screenshot")
        path.write_bytes(base64.b64decode(answer.json()["value"]))

    def _post(self, command: str, **arguments: Any) -> Any:
        answer = self.client.post(f"/session/{self.session}/{command}", json=arguments)
        value = answer.json()["value"]
        assert answer.is_success, f"{command}: {value['message']}"
        return value


@contextlib.contextmanager
def open_browser(directory: Path) -> Iterator[Browser]:
    """Start a driver and a browser with a profile of its own, and end both."""
    chromium = real_component("chromium")
    with _driver(directory) as base, httpx.Client(base_url=base, timeout=_PATIENCE) as client:
        options = {"binary": chromium, "args": [*_FLAGS, f"--user-data-dir={directory / 'user'}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        answer = client.post("/session", json={"capabilities": {"alwaysMatch": wanted}})
        value = answer.json()["value"]
        assert answer.is_success, value["message"]
        browser = Browser(client, value["sessionId"])
        try:
            yield browser
        finally:
            client.delete(f"/session/{browser.session}")


@contextlib.contextmanager
def _driver(directory: Path) -> Iterator[str]:
    """Run chromedriver on a port of its own choice; its log is a file."""
    program = real_component("chromedriver")
    log = directory / "driver.log"
    command = [program, "--port=0"]
    # The browser keeps caches and settings at home, which is that of every test of a worker.
    environ = {**os.environ, "HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environ) as process,
    ):
        try:
            assert process.stdout is not None
            said = b""
            while (port := _PORT.search(said)) is None:
                line = process.stdout.readline()
                assert line, f"chromedriver ended: {said.decode()}{log.read_text()}"
                said += line
            yield f"http://127.0.0.1:{port[1].decode()}"
        finally:
            process.terminate()
