"""Credentials that a real program has stored."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx

from occystrap.client.credentials import Credential, DockerConfig
from tests.support.debian_registry import StartDebianRegistry


def test_what_skopeo_login_writes_opens_a_registry(
    tmp_path: Path, start_debian_registry: StartDebianRegistry, skopeo: str
) -> None:
    """The credential found in the file that it wrote is let in."""
    registry = start_debian_registry(htpasswd=True)
    assert registry.credentials is not None
    username, password = registry.credentials
    host = registry.url.partition("://")[2]
    authfile = tmp_path / "auth.json"
    command = [skopeo, "login", "--tls-verify=false", "--authfile", str(authfile)]
    subprocess.run(
        [*command, "--username", username, "--password-stdin", host],
        input=password.encode(),
        check=True,
        capture_output=True,
    )
    credential = DockerConfig(authfile).find(host, "any/image")
    assert credential is not None
    assert credential == Credential(username, password)
    headers = {"Authorization": credential.basic_header}
    assert httpx.get(f"{registry.url}/v2/", headers=headers).status_code == httpx.codes.OK
