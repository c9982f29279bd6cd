"""Reading of history: event logs of other desks become tickets with journal events.

Readers give rows, a mapping says what they mean, build tells each case as a legal life cycle.
Nothing here knows a database, a clock or a language: problems are codes with parameters.
"""
