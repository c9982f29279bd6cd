"""Speeds of Jiying, each beside a peer or a limit measured in the same run (`python -m bench`); never part of the tests."""
