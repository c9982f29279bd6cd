"""What surveys keep of a customer: handed out on demand; erased but for scores and times, which the figures need."""

from collections.abc import Sequence
from typing import Any

from jiying.clocks.services import causes
from jiying.desk.models import Customer
from jiying.desk.services.privacy import erase_facts
from jiying.quality.models import Callback, Survey
from jiying.quality.services.callbacks import KIND


def erase(ticket_ids: Sequence[int], with_texts: bool) -> None:
    """In the transaction of the erasure. Nobody who is gone is asked."""
    waiting = Survey.objects.filter(ticket__in=ticket_ids, state__in=("planned", "open"))
    waiting.update(state=Survey.State.WITHDRAWN, wake_at=None)
    if not with_texts:
        return
    Survey.objects.filter(ticket__in=ticket_ids).exclude(comment="").update(comment="")
    rows = Callback.objects.filter(survey__ticket__in=ticket_ids)
    ids = list(rows.values_list("pk", flat=True))
    rows.exclude(note="").update(note="")
    causes.blank_notes(KIND, ids)
    erase_facts(KIND, ids)


def export(customer: Customer) -> list[dict[str, Any]]:
    """What a customer answered, for the file of all that is kept of them."""
    rows = Survey.objects.filter(ticket__customer=customer, state=Survey.State.ANSWERED).select_related("ticket")
    return [
        {
            "ticket": one.ticket.number,
            "kind": one.kind,
            "score": one.score,
            "marks": one.marks,
            "comment": one.comment,
            "answered_at": one.answered_at.isoformat() if one.answered_at else None,
        }
        for one in rows.order_by("pk")
    ]
