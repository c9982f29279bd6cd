"""The first priorities that a draft of priority rules would have given to past tickets (C10, D21), block by block.

Reads the house's database, where the texts are; keeps and writes none of it. Judged is what was known at arrival.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jiying.base.models import JournalEntry
from jiying.core import priority as core
from jiying.core.standards import PRIORITIES
from jiying.desk.models import Ticket
from jiying.desk.services import arrival
from jiying.desk.services.holding import KIND
from jiying.desk.services.rules import JUDGED_BY, request_of
from jiying.insight.queries.rejudged import GUESSED, JUDGED, KEPT, FirstPriorities

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 1000
BEAT = 50 * BATCH
_READ = ("subject", "description", "priority_reason", "amount", *arrival.KEPT)
_ERASED = "ticket.erased"


def first_priorities(rules: core.RuleSet, ids: "NDArray[np.int64]", beat: Callable[[], None]) -> FirstPriorities:
    """Of these tickets, by rising id; `beat` is called now and then, and may stop it by raising.

    A priority that somebody chose at the opening, that came with an imported history, or whose texts were erased since
    is not for the rules to say.
    """
    import numpy as np

    parts = [np.empty((0, 4), np.int64)]
    for at in range(0, len(ids), BATCH):
        if at % BEAT == 0:
            beat()
        parts.append(np.array(_judged(rules, ids[at : at + BATCH].tolist()), np.int64).reshape(-1, 4))
    columns = np.concatenate(parts).T
    return FirstPriorities(columns[0].copy(), *(column.astype(np.int8) for column in columns[1:]))


def _judged(rules: core.RuleSet, ids: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """(id, first priority, that by the rules, how)."""
    tickets = list(Ticket.objects.filter(pk__in=ids).only(*_READ).order_by("pk"))
    told = arrival.stories(ids)
    gone = JournalEntry.objects.filter(subject_kind=KIND, subject_id__in=ids, kind=_ERASED)
    erased = set(gone.values_list("subject_id", flat=True))
    found = []
    for ticket in tickets:
        story = told[ticket.pk]
        if ticket.pk in erased or not _is_by_rule(story):
            found.append((ticket.pk, 0, 0, KEPT))
            continue
        past = arrival.as_of(ticket, story, None)
        now = core.decide(rules, request_of(past.ticket)).priority
        was, how = past.ticket.priority, GUESSED if past.unknown & JUDGED_BY else JUDGED
        found.append((ticket.pk, PRIORITIES.index(was), PRIORITIES.index(now), how))
    return found


def _is_by_rule(story: arrival.Story) -> bool:
    """Whether the opening says that a rule gave the priority."""
    opened: Mapping[str, Any] = next((one.data for one in story.facts if one.kind == arrival.OPENED), {})
    return "rule" in (opened.get("priority_reason") or {})
