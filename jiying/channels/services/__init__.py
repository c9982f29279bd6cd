"""Changes of state of the channels floor."""
