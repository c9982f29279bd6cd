"""Changes of state of the quality floor."""
