"""What can be found out about an image without moving it: what it is, and whether it is sound."""
