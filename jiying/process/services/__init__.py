"""What the process feature does."""
