"""Move container images, and answer and ask registries, in Python.

Rule: this file imports nothing, so that `occystrap --version` is as fast as Python itself.
"""

__version__ = "0.1.0"
