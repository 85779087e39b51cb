"""Where images are written to: one file a destination.

Rule: nothing appears under its final name before it is whole.
"""
