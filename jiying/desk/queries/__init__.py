"""Reads of the desk, one module for each reader: finished rows, so that neither templates nor the API cause queries."""
