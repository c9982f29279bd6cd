"""The columnar copy of a test: made at once from what the cast did."""

from jiying.base import journal
from jiying.warehouse import exporting


def copied() -> None:
    while journal.sequence():
        pass
    exporting.catch_up()
