"""The command line: one click command a file.

Rule: a command reads its options, calls one function of the house and prints what it returns.
"""
