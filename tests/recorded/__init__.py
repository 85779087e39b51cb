"""Recorded reality: what real registries have said, played to their clients and to the fake."""
