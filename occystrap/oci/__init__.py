"""The language that a registry and its client speak, without any I/O.

Rule: nothing here opens a file or a socket, reads a clock or starts a thread. Text and bytes are
parsed once, at the door, into frozen values; both ends of the protocol are built on those.
"""
