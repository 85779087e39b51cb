"""What may happen to an image on its way: a filter is an output that wraps an output."""
