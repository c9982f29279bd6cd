"""The verbs of the desk. Pages, API, jobs and imports call the same functions."""
