"""Cassettes: traffic of real registries, recorded, kept as files, and played again."""
