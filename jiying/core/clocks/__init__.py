"""Clocks (C8, C11-C14): what was promised, by when, and what became of it, as a pure function of a subject's events.

`fold` answers for a whole history; `Subject` takes events one by one, in their order. The rules are written out in
docs/algorithms/clocks.md. May not import Django or read the present time: `now` is an argument.
"""

from jiying.core.clocks.subject import Subject, fold
from jiying.core.clocks.types import Book, Clock, DictBook, Event, Point

__all__ = ["Book", "Clock", "DictBook", "Event", "Point", "Subject", "fold"]
