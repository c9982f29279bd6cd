"""What the process feature reads."""
