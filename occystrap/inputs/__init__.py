"""Where images are read from: one file a source.

Rule: an input yields recipes, not bytes; whoever needs the bytes opens them.
"""
