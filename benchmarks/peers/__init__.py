"""occystrap beside the Go tools that people move images with: seconds, memory, round trips.

Rule: nothing is said in seconds alone. Tools run in turn, and what counts is the ratio within a
round; a busy moment of the machine meets all of them.
"""
