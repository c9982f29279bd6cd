"""What a customer sees of a ticket: state, progress, when to expect what, public messages. Never a note or a rule."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from jiying.base.models import Attachment
from jiying.base.texts import term
from jiying.clocks import queries as clocks
from jiying.clocks.models import Clock
from jiying.core import lifecycle
from jiying.desk.models import Message, Ticket, TicketTimer
from jiying.desk.queries.offers import OfferRow, shown_to_customer

STEPS = ("received", "at_work", "solved", "ended")
_STATES = {
    lifecycle.NEW: "received",
    lifecycle.ASSIGNED: "received",
    lifecycle.ACCEPTED: "at_work",
    lifecycle.IN_PROGRESS: "at_work",
    lifecycle.WAITING: "at_work",
    lifecycle.RESOLVED: "solved",
    lifecycle.CLOSED: "ended",
    lifecycle.CANCELLED: "cancelled",
    lifecycle.MERGED: "merged",
}
_ANSWERS = ("first_response", "next_response")
TALK = 200


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way: `state` done, now or ahead."""

    label: str
    state: str


@dataclass(frozen=True, slots=True)
class Said:
    kind: str  # customer | reply | call
    author: str
    body: str
    at: datetime
    files: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """What a floor above adds to the page. `build` gives what the template knows as `part`, or None: not shown.

    The template is one <section class="card">, fetched anew with the page when `str(part)` changes: links, no forms.
    """

    key: str
    template: str
    build: Callable[[Ticket, datetime], Any]


PARTS: dict[str, Part] = {}


def register(part: Part) -> None:
    PARTS[part.key] = part


@dataclass(frozen=True, slots=True)
class Shown:
    template: str
    part: Any


@dataclass(frozen=True, slots=True)
class PortalPage:
    number: str
    subject: str
    state: str
    state_label: str
    hue: str
    steps: tuple[Step, ...]
    expected: str
    expected_at: datetime | None
    received_at: datetime
    talk: tuple[Said, ...]
    offers: tuple[OfferRow, ...]
    parts: tuple[Shown, ...]
    may_say: bool
    may_judge: bool
    version: str


_HUES = {"your_turn": "amber", "solved": "green", "ended": "grey", "cancelled": "grey", "merged": "grey"}


def page(ticket: Ticket, now: datetime) -> PortalPage:
    """The whole page, in a number of queries that does not depend on how much was said."""
    state = _state(ticket)
    expected, expected_at = _expected(ticket, state, now)
    built = [(one.template, one.build(ticket, now)) for one in PARTS.values()]
    parts = tuple(Shown(template, part) for template, part in built if part is not None)
    return PortalPage(
        number=ticket.number,
        subject=ticket.subject,
        state=state,
        state_label=term("portal_state", state),
        hue=_HUES.get(state, "blue"),
        steps=_steps(state),
        expected=expected,
        expected_at=expected_at,
        received_at=ticket.received_at,
        talk=_talk(ticket),
        offers=tuple(shown_to_customer(ticket)),
        parts=parts,
        may_say=ticket.status not in (lifecycle.CANCELLED, lifecycle.MERGED),
        may_judge=ticket.status == lifecycle.RESOLVED,
        version=".".join([str(ticket.revision), str(int(ticket.is_late)), *(str(one.part) for one in parts)]),
    )


def attachment(ticket: Ticket, pk: int) -> Attachment | None:
    """A file that the customer may fetch: of the request itself, or of a public message of it."""
    found = Attachment.objects.filter(pk=pk).first()
    if found is None:
        return None
    if found.subject_kind == "ticket":
        return found if found.subject_id == ticket.pk and ticket.opened_by_id is None else None
    public = Message.objects.filter(pk=found.subject_id, ticket=ticket).exclude(kind=Message.Kind.NOTE)
    return found if found.subject_kind == "message" and public.exists() else None


def _state(ticket: Ticket) -> str:
    if ticket.status == lifecycle.WAITING and ticket.waiting_for == "customer":
        return "your_turn"
    return _STATES[ticket.status]


def _steps(state: str) -> tuple[Step, ...]:
    if state in ("cancelled", "merged"):
        return ()
    reached = STEPS.index("at_work" if state == "your_turn" else state)
    states = ["done" if n < reached or state == "ended" else "now" if n == reached else "ahead" for n in range(4)]
    return tuple(Step(term("portal_step", code), found) for code, found in zip(STEPS, states, strict=True))


# --- what to expect --------------------------------------------------------------------------------------------------


def _expected(ticket: Ticket, state: str, now: datetime) -> tuple[str, datetime | None]:
    """The promise that matters to the customer now, in words, and its instant. Told plainly when it is past."""
    if state == "your_turn":
        return _("We need your answer to go on; the time until then does not count."), None
    if state == "solved":
        timer = TicketTimer.objects.filter(ticket=ticket, kind="close", wake_at__isnull=False).first()
        return _("If we hear nothing, we take it as solved at"), timer.wake_at if timer else None
    if state not in ("received", "at_work"):
        return "", None
    return _promise(clocks.of_subject("ticket", ticket.pk), now)


def _promise(found: list[Clock], now: datetime) -> tuple[str, datetime | None]:
    open_ones = [c for c in found if c.is_open and c.due_at is not None]
    answer = next((c for c in open_ones if c.metric in _ANSWERS), None)
    clock = answer or next((c for c in open_ones if c.metric == "resolution"), None)
    if clock is None or clock.due_at is None:
        return _("We have your request and will answer here."), None
    if clock.due_at < now:
        return _("We promised this earlier and are late, for which we are sorry. It is being speeded up."), None
    if clock.state == Clock.State.PAUSED:
        return _("Another department is helping; we go on as soon as it has answered."), None
    return (_("You can expect our answer by") if answer else _("We expect to solve it by")), clock.due_at


# --- the conversation ------------------------------------------------------------------------------------------------


def _talk(ticket: Ticket) -> tuple[Said, ...]:
    """Public messages, oldest first, after the request itself."""
    rows = Message.objects.filter(ticket=ticket).exclude(kind=Message.Kind.NOTE).select_related("author")
    messages = list(rows.order_by("-at", "-pk")[:TALK])[::-1]
    files = _files(ticket, messages)
    said = [_said(message, files["message", message.pk]) for message in messages]
    own = files["ticket", ticket.pk] if ticket.opened_by_id is None else ()
    if ticket.opened_by_id is None and (ticket.description or own):
        said.insert(0, Said("customer", _("You"), ticket.description, ticket.received_at, own))
    return tuple(said)


def _said(message: Message, files: tuple[Attachment, ...]) -> Said:
    if message.kind == Message.Kind.CUSTOMER:
        return Said("customer", _("You"), message.body, message.at, files)
    author = message.author.name if message.author else _("Customer service")
    # What an agent writes down of a call is for colleagues; the customer sees that there was one.
    body = "" if message.kind == Message.Kind.CALL else message.body
    return Said(message.kind, author, body, message.at, files)


def _files(ticket: Ticket, messages: list[Message]) -> dict[tuple[str, int], tuple[Attachment, ...]]:
    found: dict[tuple[str, int], tuple[Attachment, ...]] = defaultdict(tuple)
    rows = Attachment.objects.filter(subject_kind="message", subject_id__in=[m.pk for m in messages])
    rows |= Attachment.objects.filter(subject_kind="ticket", subject_id=ticket.pk)
    for row in rows.order_by("pk"):
        found[row.subject_kind, row.subject_id] += (row,)
    return found
