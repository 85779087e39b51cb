"""Namespaces that tests run commands in: of users, to be somebody else, and of mounts."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tests.support.components import real_component

__all__ = ["as_a_user", "with_mounts"]


def as_a_user() -> list[str]:
    """Return the words before a command that root must not run."""
    if os.geteuid() != 0:
        return []
    return [real_component("unshare"), "--user", "--map-user=1000", "--map-group=1000"]


def with_mounts(before: Sequence[str] = (), *, privileged: bool) -> list[str]:
    """Return the words before a command that mounts what nobody else sees; it is root there.

    Who isn't `privileged` outside, or is made so by the words `before`, is root of a namespace.
    """
    users = [] if privileged else ["--user", "--map-root-user"]
    return [*before, real_component("unshare"), *users, "--mount"]
