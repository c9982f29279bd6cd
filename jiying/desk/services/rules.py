"""Priority rules as versioned documents (D21): how they are checked when saved, and tried on past tickets."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jiying.base import documents
from jiying.base.actor import Actor
from jiying.base.errors import Fault
from jiying.base.policies import require
from jiying.core import priority as core
from jiying.desk.models import Ticket


def _faults(body: Any) -> list[Fault]:
    try:
        core.parse(body)
    except core.PriorityError as error:
        return [Fault(p.path, f"priority_{p.code}", _listed(p.params)) for p in error.problems]
    return []


def _listed(params: Mapping[str, Any]) -> dict[str, Any]:
    """Choices in a row, as a sentence takes them."""
    return {name: ", ".join(map(str, x)) if isinstance(x, list | tuple) else x for name, x in params.items()}


PRIORITY = documents.DocumentKind("priority", "desk.edit_rules", _faults)


def try_rules(*, actor: Actor, body: Any, since: datetime, limit: int = 5000) -> core.Trial:
    """What other rules would have made of past tickets, before anybody switches them on."""
    require(actor, "desk.edit_rules")
    rules = core.parse(body)
    rows = Ticket.objects.filter(received_at__gte=since).order_by("-received_at")[:limit]
    return core.try_on(rules, (core.Past(t.number, request_of(t), t.priority) for t in rows))


def request_of(ticket: Ticket) -> core.Request:
    """A stored ticket as the rules see it."""
    return core.Request(
        channel=ticket.channel,
        subject=ticket.subject,
        description=ticket.description,
        type=ticket.type,
        category=ticket.category or None,
        tier=ticket.tier,
        tags=frozenset(ticket.tags),
    )
