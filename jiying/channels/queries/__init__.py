"""Reads of the channels floor."""
