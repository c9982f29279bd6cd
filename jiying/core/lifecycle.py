"""The life cycle of a ticket (D3): which verb is allowed in which status, and where it leads. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

NEW, ASSIGNED, ACCEPTED, IN_PROGRESS = "new", "assigned", "accepted", "in_progress"
WAITING, RESOLVED, CLOSED, CANCELLED, MERGED = "waiting", "resolved", "closed", "cancelled", "merged"

ACTIVE = frozenset({NEW, ASSIGNED, ACCEPTED, IN_PROGRESS, WAITING})
HANDLED = frozenset({ACCEPTED, IN_PROGRESS, WAITING})
LIVE = ACTIVE | {RESOLVED}

# verb: (statuses in which it is allowed, status after it; None = unchanged)
VERBS: Mapping[str, tuple[frozenset[str], str | None]] = {
    "assign": (ACTIVE, ASSIGNED),
    "unassign": (ACTIVE, NEW),
    "accept": (frozenset({NEW, ASSIGNED}), ACCEPTED),
    "reply": (HANDLED | {RESOLVED}, None),  # the first public one moves accepted to in_progress
    "note": (LIVE | {CLOSED, CANCELLED, MERGED}, None),
    "customer_message": (LIVE | {CLOSED}, None),  # wakes a waiting ticket, reopens a resolved or closed one
    "hold": (frozenset({ACCEPTED, IN_PROGRESS}), WAITING),
    "resume": (frozenset({WAITING}), IN_PROGRESS),
    "resolve": (HANDLED, RESOLVED),
    "confirm": (frozenset({RESOLVED}), CLOSED),
    "reject": (frozenset({RESOLVED}), IN_PROGRESS),
    "close": (frozenset({RESOLVED}), CLOSED),
    "reopen": (frozenset({RESOLVED, CLOSED}), IN_PROGRESS),
    "cancel": (LIVE, CANCELLED),
    "merge": (LIVE, MERGED),
    "priority": (LIVE, None),
    "reclassify": (LIVE, None),
    "collaborate": (HANDLED, None),
    "escalate": (ACTIVE, None),
    "hand_up": (ACTIVE, None),
    "flow": (ACTIVE, None),
    "offer": (HANDLED | {RESOLVED}, None),
    "split": (LIVE, None),
    "link": (LIVE | {CLOSED, CANCELLED, MERGED}, None),
}


class NotAllowed(Exception):
    """The state does not allow this verb; nothing changes."""

    def __init__(self, verb: str, status: str) -> None:
        super().__init__(f"{verb} in {status}")
        self.verb, self.status = verb, status


@dataclass(frozen=True, slots=True)
class Step:
    """A permitted change of status."""

    verb: str
    before: str
    after: str


def step(verb: str, status: str) -> Step:
    """The change that a verb makes in a status; raises NotAllowed. KeyError for a verb that does not exist."""
    allowed, after = VERBS[verb]
    if status not in allowed:
        raise NotAllowed(verb, status)
    return Step(verb, status, after or status)


def verbs_in(status: str) -> frozenset[str]:
    """The verbs that a status allows (for buttons)."""
    return frozenset(verb for verb, (allowed, _after) in VERBS.items() if status in allowed)
