"""The project beside this file is one of its own: `make downstream` installs what it needs."""

from __future__ import annotations

collect_ignore = ["project"]
