"""The bytes of an image: layers as stored, as tars, on disk and on their way.

Rule: streams, not buffers. Memory doesn't grow with a layer; what has to wait, waits in an unnamed
temporary file that no ending of the process leaves behind.
"""
