"""The pages of the insight floor."""
