"""Jiying: a service desk whose promises are kept by the clock."""
