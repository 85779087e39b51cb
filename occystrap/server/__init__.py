"""Answering as a registry: handlers, and doors that put a handler on a wire.

Rule: a Handler is `handle(Request) -> Response`, bodies are iterators, and everything composes
over that.
"""
