"""Keeps what search looks into: by the journal, seconds behind, or all of it anew (`jiying reindex`).

Recording a fact costs nobody anything for this: the worker reads the facts, and writes only what has changed.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from jiying.base import journal, tails
from jiying.base.models import JournalEntry
from jiying.desk.models import Customer, SearchName, SearchText, Ticket
from jiying.desk.queries import search_text
from jiying.desk.services.holding import KIND

BATCH = 200  # rows a transaction: on SQLite everybody else waits for it


def read(entries: Sequence[JournalEntry]) -> Callable[[], object]:
    """What these facts change in the index: prepared here, outside of any transaction."""
    tickets = {e.subject_id for e in entries if e.subject_kind == KIND and e.kind not in _SILENT}
    customers = {e.subject_id for e in entries if e.subject_kind == "customer" and e.kind != "customer.revealed"}
    opened = {e.subject_id for e in entries if e.kind in _OPENED}
    known = Ticket.objects.filter(pk__in=opened, customer__isnull=False).values_list("customer_id", flat=True)
    customers |= {pk for pk in known if pk is not None}
    return partial(_write, _news(tickets), *_new_names(customers))


READER = tails.Reader("search", read)
# Facts after which a ticket's words and marks are what they were.
_SILENT = frozenset({"ticket.accepted", "ticket.held", "ticket.resumed", "ticket.redated", "ticket.solved"})
_OPENED = frozenset({"ticket.opened", "ticket.imported", "ticket.customer_changed"})


def _news(ids: Collection[int]) -> list[SearchText]:
    """The tickets whose text or marks differ from what is stored."""
    fresh = search_text.texts(ids)
    stored = SearchText.objects.filter(pk__in=ids).values_list("pk", "text", "words")
    known = {pk: (text, words) for pk, text, words in stored}
    return [row for row in fresh if known.get(row.pk) != (row.text, row.words)]


def _new_names(ids: Collection[int]) -> tuple[list[SearchName], list[int]]:
    """Names that are to be written, and the customers whose old ones go."""
    fresh: dict[int, list[SearchName]] = {pk: [] for pk in ids}
    for row in search_text.names(ids):
        fresh[row.customer_id].append(row)
    known: dict[int, set[tuple[str, bool]]] = {pk: set() for pk in ids}
    stored = SearchName.objects.filter(customer_id__in=ids).values_list("customer_id", "piece", "is_whole")
    for pk, piece, whole in stored:
        known[pk].add((piece, whole))
    changed = [pk for pk in ids if {(r.piece, r.is_whole) for r in fresh[pk]} != known[pk]]
    return [row for pk in changed for row in fresh[pk]], changed


def _write(rows: Sequence[SearchText], names: Sequence[SearchName], changed: Collection[int]) -> None:
    """In the caller's transaction."""
    SearchText.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["ticket"], update_fields=["tail", "text", "words"]
    )
    SearchName.objects.filter(customer_id__in=changed).delete()
    SearchName.objects.bulk_create(names, ignore_conflicts=True)


def index(*, tickets: Collection[int] = (), customers: Collection[int] = ()) -> None:
    """Bring these up to date at once, in the caller's transaction: what was erased must not be found a moment later."""
    _write(_news(tickets), *_new_names(customers))


def rebuild(progress: Callable[[int, int], None]) -> int:
    """Make the whole index anew while the house is running; returns the number of tickets. May be broken off."""
    begun = journal.last_position()
    total = Ticket.objects.count()
    n_done = 0
    for ids in _batches(Ticket.objects.order_by("pk").values_list("pk", flat=True)):
        _store(tickets=ids)
        n_done += len(ids)
        progress(n_done, total)
    for ids in _batches(Customer.objects.order_by("pk").values_list("pk", flat=True)):
        _store(customers=ids)
    tails.put(READER, begun)  # what came meanwhile is read again from there: no older state stays that we wrote over it
    return n_done


def _store(*, tickets: Collection[int] = (), customers: Collection[int] = ()) -> None:
    """Prepared first, so that the write lock is held for the writing only."""
    rows, (names, changed) = _news(tickets), _new_names(customers)
    if rows or changed:
        with transaction.atomic():
            _write(rows, names, changed)


def _batches(ids: "QuerySet[Any, int]") -> Iterator[list[int]]:
    """All ids in order, by key: nothing is held open while it is worked on."""
    last = 0
    while found := list(ids.filter(pk__gt=last)[:BATCH]):
        yield found
        last = found[-1]
