"""Checks of the stored data (`jiying check`): each yields a line for each thing that is wrong, and changes nothing."""

from collections.abc import Callable, Iterable

from django.db.models import Count, Max

from jiying.base import journal
from jiying.base.models import JournalEntry, JournalPending, JournalPosition

Check = Callable[[], Iterable[str]]


def journal_chain() -> Iterable[str]:
    """Each hash follows from the one before, and no fact's data differ from what was recorded."""
    for position, what in journal.broken_links():
        yield f"journal: position {position}: the {what} does not match what was recorded"


def journal_complete() -> Iterable[str]:
    """Positions run from 1 without gaps, and every entry has one or waits for one."""
    found = JournalPosition.objects.aggregate(count=Count("position"), last=Max("position"))
    if found["count"] != (found["last"] or 0):
        yield f"journal: {(found['last'] or 0) - found['count']} positions are missing"
    waiting = JournalPending.objects.values("entry_id")
    lost = JournalEntry.objects.filter(place__isnull=True).exclude(pk__in=waiting).count()
    if lost:
        yield f"journal: {lost} entries have no position and do not wait for one"


CHECKS: list[Check] = [journal_chain, journal_complete]


def faults() -> Iterable[str]:
    for check in CHECKS:
        yield from check()
