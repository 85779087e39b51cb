"""Test code that talks to container registries.

The package is where the pytest plugin lives: a fake registry, faults and cassettes on top of
`occystrap.server`. None of them is here yet, and no pytest entry point is registered; what works
today is `occystrap.server`, which tests can use directly.
"""
