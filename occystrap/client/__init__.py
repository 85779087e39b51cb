"""Asking registries: httpx lives here, and nowhere else.

Rule: whatever speaks HTTP takes a client; `None` means "make one and close it". Authentication,
retries, pacing and redirects live in the one loop of `session.py`, so that any client gets them.
"""
