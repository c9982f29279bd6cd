"""A made-up service centre to try Jiying out with: people, customers, months of history, and a gentle live feed.

Nothing here is about anybody real. The same seed and instant give the same centre.
"""
