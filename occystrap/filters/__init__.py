"""What may happen to an image on its way: a filter is an output that wraps an output.

Rule: a filter knows neither where an image comes from nor where it goes. What it doesn't change
stays the bytes that it was, and what it changes becomes the same bytes on every machine.
"""
