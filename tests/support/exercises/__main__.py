"""Run an exercise: `python -m tests.support.exercises NAME URL`."""

from __future__ import annotations

import sys

import httpx

from tests.support.exercises import access, mistakes, reading, tools, writing

_OVER_HTTP = {
    "delete": writing.delete,
    "list": reading.list_all,
    "list-quay": reading.list_quay,
    "mistakes": mistakes.mistakes,
    "password": access.password,
    "pull": reading.pull,
    "push-chunked": writing.push_chunked,
    "push-monolithic": writing.push_monolithic,
    "token": access.token,
}
_BY_TOOLS = {
    "dockerd": tools.dockerd,
    "dockerd-password": tools.dockerd_with_password,
    "skopeo": tools.skopeo,
    "skopeo-password": tools.skopeo_with_password,
}


def main(name: str, url: str) -> None:
    """Do what is asked, at a registry."""
    if name in _BY_TOOLS:
        _BY_TOOLS[name](url.partition("://")[2])
        return
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        _OVER_HTTP[name](client)


if __name__ == "__main__":
    main(*sys.argv[1:])
