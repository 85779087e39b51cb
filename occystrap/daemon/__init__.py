"""Container daemons: Docker's, and Podman's service, which speaks as Docker does.

Rule: whoever uses an image of a daemon asks `Daemon`; nobody else knows its API.
"""

from __future__ import annotations

from occystrap.daemon.engine import Daemon, DaemonImage

__all__ = ["Daemon", "DaemonImage"]
