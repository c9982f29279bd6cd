"""Reads of the quality floor."""
