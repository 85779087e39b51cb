"""`occystrap cassette`: what can be done with recorded traffic on the command line."""
