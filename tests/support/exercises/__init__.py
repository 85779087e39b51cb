"""What clients ask of a registry while it is recorded, each by its name.

Rule: an exercise asks, and checks only that what it builds on went well; what is answered is for
the recording to show.
"""
