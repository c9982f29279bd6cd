"""The tickets behind a figure of a map, as the reader may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jiying.desk.models import Ticket
from jiying.desk.policies import Scope


@dataclass(frozen=True, slots=True)
class CaseRow:
    id: int
    number: str
    subject: str
    status: str
    assignee: str
    received_at: datetime
    ended_at: datetime | None


def cases(scope: Scope, ids: Sequence[int]) -> list[CaseRow]:
    """In the given order; in one query."""
    found = {
        row[0]: CaseRow(row[0], row[1], row[2], row[3], row[4] or "", row[5], row[6])
        for row in Ticket.objects.filter(scope.tickets, pk__in=ids).values_list(
            "pk", "number", "subject", "status", "assignee__name", "received_at", "ended_at"
        )
    }
    return [found[pk] for pk in ids if pk in found]
