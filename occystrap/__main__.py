"""`python -m occystrap`."""

from __future__ import annotations

from occystrap.main import main

main()
