"""Speeds of Jiying, each beside a peer or limit measured in the same run. `python -m bench` prints them all."""
