"""What a registry has to do, whoever it is."""
