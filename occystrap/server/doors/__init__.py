"""Doors: each puts any Handler within reach of clients, in process or on a socket.

Rule: a door adds nothing to what the handler says, and shows the same signals as every other door.
"""
