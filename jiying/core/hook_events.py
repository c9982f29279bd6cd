"""Events for outside subscribers (D20): which facts of tickets they are, and what of a fact may leave the house. Pure.

A payload holds codes and figures only; what people wrote never, who they are only where a subscription is allowed to.
"""

from collections.abc import Mapping
from typing import Any

# {event: (kinds of facts, what their data must say)}: a fact is one event at most.
EVENTS: Mapping[str, tuple[frozenset[str], Mapping[str, Any]]] = {
    "ticket.opened": (frozenset({"ticket.opened"}), {}),
    "ticket.queued": (frozenset({"ticket.queued", "ticket.unassigned"}), {}),
    "ticket.assigned": (frozenset({"ticket.assigned"}), {}),
    "ticket.accepted": (frozenset({"ticket.accepted"}), {}),
    "ticket.customer_message": (frozenset({"ticket.message"}), {"direction": "in"}),
    "ticket.reply": (frozenset({"ticket.message"}), {"direction": "out", "public": True}),
    "ticket.held": (frozenset({"ticket.held"}), {}),
    "ticket.resumed": (frozenset({"ticket.resumed"}), {}),
    "ticket.reclassified": (frozenset({"ticket.reclassified"}), {}),
    "ticket.escalated": (frozenset({"ticket.escalated"}), {}),
    "ticket.solved": (frozenset({"ticket.solved"}), {}),
    "ticket.reopened": (frozenset({"ticket.reopened", "ticket.rejected"}), {}),
    "ticket.closed": (frozenset({"ticket.closed", "ticket.confirmed"}), {}),
    "ticket.cancelled": (frozenset({"ticket.cancelled"}), {}),
    "ticket.merged": (frozenset({"ticket.merged"}), {}),
    "clock.warned": (frozenset({"clock.warned"}), {}),
    "clock.breached": (frozenset({"clock.breached"}), {}),
}
KINDS = frozenset(kind for kinds, _data in EVENTS.values() for kind in kinds)
PING = "ping"
# What leaves of a fact's data: codes and figures, by name. Reasons are codes in the last two only, prose elsewhere.
CODES = frozenset(
    {"channel", "type", "category", "priority", "tier", "metric", "point", "seq", "cause", "solution", "step", "level",
     "into", "after_silence", "way"}
)  # fmt: skip
REASONS = frozenset({"ticket.held", "ticket.reopened"})
MAX_CODE = 80


def event_of(kind: str, data: Mapping[str, Any]) -> str | None:
    """The event that a fact is; None for most."""
    for event, (kinds, wanted) in EVENTS.items():
        if kind in kinds and all(data.get(name) == value for name, value in wanted.items()):
            return event
    return None


def data_of(kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """What of a fact's data may leave the house."""
    names = CODES | {"reason"} if kind in REASONS else CODES
    found = {name: value for name, value in data.items() if name in names and _is_code(value)}
    before = data.get("before")
    if isinstance(before, Mapping):
        found["before"] = {name: value for name, value in before.items() if name in CODES and _is_code(value)}
    return dict(sorted(found.items()))


def _is_code(value: Any) -> bool:
    return value is None or isinstance(value, bool | int) or (isinstance(value, str) and len(value) <= MAX_CODE)
