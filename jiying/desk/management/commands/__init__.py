"""Commands of the desk; thin shells over its services."""
