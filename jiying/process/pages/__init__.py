"""The pages of the process feature."""
