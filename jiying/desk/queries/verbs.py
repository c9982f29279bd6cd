"""Which verbs a person may use on a ticket now, and the one that comes next: for buttons. Services decide for good."""

from jiying.base.actor import Actor
from jiying.core import lifecycle
from jiying.desk.models import Ticket
from jiying.desk.policies import may_handle

_HANDLING = frozenset(
    {
        "reply",
        "hold",
        "resume",
        "resolve",
        "confirm",
        "reject",
        "close",
        "reopen",
        "reclassify",
        "collaborate",
        "escalate",
        "hand_up",
        "flow",
        "link",
        "offer",
    }
)
_NOTING = frozenset({"desk.handle", "desk.assign", "desk.answer", "desk.view_all"})
_NEXT = {
    "new": ("accept", "assign"),
    "assigned": ("accept", "assign"),
    "accepted": ("reply", "assign"),
    "in_progress": ("resolve",),
    "waiting": ("resume",),
    "resolved": ("confirm",),
    "closed": ("reopen",),
}


def allowed(actor: Actor, ticket: Ticket) -> frozenset[str]:
    """The verbs that state and rights both allow."""
    able = lifecycle.verbs_in(ticket.status)
    owner = "desk.handle" in actor.rights and ticket.assignee_id == actor.id and actor.id is not None
    found: set[str] = set()
    if may_handle(actor, ticket):
        found |= _HANDLING
        found |= {"split"} if "desk.create" in actor.rights else set()
    if "desk.handle" in actor.rights and ticket.assignee_id in (None, actor.id):
        found.add("accept")
    if owner and ticket.status == lifecycle.ASSIGNED:
        able |= {"reply"}  # who answers has accepted
    if actor.rights & _NOTING:
        found.add("note")
    if "desk.priority" in actor.rights:
        found.add("priority")
    if owner or "desk.cancel" in actor.rights:
        found |= {"cancel", "merge"}
    if owner or "desk.assign" in actor.rights:
        found |= {"assign", "unassign"}
    return frozenset(found & able)


def next_verb(actor: Actor, ticket: Ticket, verbs: frozenset[str]) -> str:
    """The one next action: the page's primary button. An agent's first answer comes before solving."""
    if ticket.assignee_id not in (None, actor.id) and "assign" in verbs and ticket.status in ("assigned", "accepted"):
        return "assign"
    return next((verb for verb in _NEXT.get(ticket.status, ()) if verb in verbs), "")
