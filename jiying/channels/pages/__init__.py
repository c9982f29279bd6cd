"""The pages of the channels floor."""
