"""What the insight floor reads."""
