"""Repeat contact (D7): both tickets are marked and tied as soon as the second one is there; QA names the root cause.

A reader of the journal finds them, seconds behind: opening a ticket costs nobody anything for this. What is merged or
cancelled is no contact of its own. An imported history is left alone: nobody could still ask.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db.models import Q, QuerySet
from django.utils import timezone

from jiying.alerts.services import raising
from jiying.base import journal, settings_store, tails
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, Invalid, NotFound
from jiying.base.models import JournalEntry, Person
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.core import lifecycle
from jiying.core.repeats import Contact, Repeat, Rule, found
from jiying.desk.models import RepeatContact, Ticket, TicketLink
from jiying.desk.services import links
from jiying.desk.services.holding import KIND, fact, lock_many

RIGHT = "desk.judge_repeats"
ALERT = "ticket.repeat"
HOURS, LIKENESS = "desk.repeat_hours", "desk.repeat_likeness"
CAUSES = (
    *("unclear_script", "missed_step", "not_solved", "wrong_answer", "promise_broken"),
    *("no_news", "product", "customer", "other"),
)
MAX_NOTE = 2_000
_TELLING = frozenset({"ticket.opened", "ticket.reclassified", "ticket.customer_changed"})
_NO_CONTACT = (lifecycle.MERGED, lifecycle.CANCELLED)
Link = TicketLink.Kind.REPEAT
State = RepeatContact.State


# --- found by the journal --------------------------------------------------------------------------------------------


def read(entries: Sequence[JournalEntry]) -> Callable[[], object]:
    """What these facts make a repeat contact: looked for here, outside of any transaction."""
    ids = {e.subject_id for e in entries if e.subject_kind == KIND and e.kind in _TELLING and not _is_history(e)}
    return partial(_mark, look(ids), timezone.now())


def _is_history(entry: JournalEntry) -> bool:
    return bool(entry.data.get("by") == "import")


READER = tails.Reader("repeats", read)


@short
def find(*, ids: Collection[int], now: datetime) -> None:
    """The same for tickets that are there already."""
    _mark(look(ids), now)


def rule() -> Rule:
    """As the settings have it."""
    return Rule(timedelta(hours=settings_store.get(HOURS)), settings_store.get(LIKENESS) / 100)


def look(ids: Collection[int]) -> list[Repeat]:
    """Repeats that these tickets are part of, in two queries."""
    known = _contacts().filter(pk__in=ids, customer__isnull=False)
    told = list(known.values_list("pk", "customer_id", "received_at"))
    if not told:
        return []
    asked, by_customer = rule(), defaultdict(list)
    near = Q(pk__in=[])
    for _pk, customer, at in told:
        near |= Q(customer_id=customer, received_at__range=(at - asked.window, at + asked.window))
    for ticket in _contacts().filter(near):
        by_customer[ticket.customer_id].append(_contact(ticket))
    mine = {pk for pk, _customer, _at in told}
    repeats = [one for contacts in by_customer.values() for one in found(contacts, asked)]
    return [one for one in repeats if one.later in mine or one.earlier in mine]


def _contacts() -> QuerySet[Ticket]:
    """Tickets by which a customer came: not what was opened ahead of them, nor what is none of its own."""
    return Ticket.objects.exclude(status__in=_NO_CONTACT).exclude(source__startswith=Ticket.AHEAD)


def _contact(ticket: Ticket) -> Contact:
    return Contact(ticket.pk, ticket.received_at, ticket.category, f"{ticket.subject}\n{ticket.description}")


def _mark(repeats: Iterable[Repeat], now: datetime) -> None:
    """In the caller's transaction: what is known already, or was judged to be none, is left as it is."""
    wanted = {(one.later, one.earlier): one for one in repeats}
    rows = TicketLink.objects.filter(kind=Link, ticket_id__in=[later for later, _earlier in wanted])
    for pair in rows.values_list("ticket_id", "other_id"):
        wanted.pop(pair, None)
    if not wanted:
        return
    held = lock_many({pk for pair in wanted for pk in pair}, False)
    for (later, earlier), one in wanted.items():
        if later in held and earlier in held:
            _tie(held[later], held[earlier], one, now)


def _tie(later: Ticket, earlier: Ticket, one: Repeat, now: datetime) -> None:
    link = TicketLink.objects.create(ticket=later, other=earlier, kind=Link, made_at=now)
    RepeatContact.objects.create(link=link, by=one.by, likeness=one.likeness, gap_s=one.gap_s, found_at=now)
    Ticket.objects.filter(pk__in=(later.pk, earlier.pk), is_repeat=False).update(is_repeat=True)
    about = {"by": one.by, "likeness": one.likeness}
    leaders = _tell_leaders(later, earlier, now)
    facts = [
        fact(later, "repeats", now, {"number": earlier.number, **about}, tell=leaders),
        fact(earlier, "repeated", now, {"number": later.number, **about}),
    ]
    journal.record(SYSTEM, facts, now=now)


def _tell_leaders(later: Ticket, earlier: Ticket, now: datetime) -> list[int]:
    """A pop-up for those who lead the team and may judge it; what lies further back than the window is no news."""
    if later.team_id is None or now - later.received_at > rule().window:
        return []
    people = Person.objects.filter(is_active=True, team_id=later.team_id).prefetch_related("roles").order_by("pk")
    leaders = [one.pk for one in people if any(RIGHT in role.rights for role in one.roles.all())]
    notices = [
        raising.Notice(
            key=f"{ALERT}:{later.pk}:{earlier.pk}:{person}",
            person_id=person,
            capacity="supervisor",
            kind=ALERT,
            severity="notice",
            subject_kind=KIND,
            subject_id=later.pk,
            at=now,
            data={"number": earlier.number},
        )
        for person in leaders
    ]
    raising.raise_alerts(notices, now=now)
    return leaders


# --- judged by people ------------------------------------------------------------------------------------------------


@short
def name_cause(*, actor: Actor, link_id: int, cause: str, note: str = "", now: datetime) -> RepeatContact:
    """Say why the customer had to come again; can be corrected later."""
    repeat, later, earlier = _held(actor, link_id)
    if cause not in CAUSES:
        raise Invalid.one("cause", "unknown_value", value=cause[:40], known=", ".join(CAUSES))
    _judge(repeat, State.NAMED, cause, _note(note), actor, now)
    _tell(actor, later, earlier, {"cause": cause, "note": repeat.note}, now)
    return repeat


@short
def dismiss(*, actor: Actor, link_id: int, note: str, now: datetime) -> RepeatContact:
    """Not the same problem after all: the tie and the marks go, and it is not found again."""
    repeat, later, earlier = _held(actor, link_id)
    if not note.strip():
        raise Invalid.one("note", "required", field="note")
    _judge(repeat, State.DISMISSED, "", _note(note), actor, now)
    links.end(repeat.link, actor, now)
    for ticket in (later, earlier):
        ties = TicketLink.objects.filter(Q(ticket=ticket) | Q(other=ticket), kind=Link, ended_at__isnull=True)
        Ticket.objects.filter(pk=ticket.pk).update(is_repeat=ties.exists())
    _tell(actor, later, earlier, {"dismissed": True, "note": repeat.note}, now)
    return repeat


def _held(actor: Actor, link_id: int) -> tuple[RepeatContact, Ticket, Ticket]:
    """A repeat contact that the actor may judge, with both tickets locked; one that was dismissed is over."""
    require(actor, RIGHT)
    known = links.seen(actor, link_id)
    later, earlier = links.lock_both((known.ticket_id, known.other_id))
    repeat = RepeatContact.objects.select_related("link").filter(pk=link_id).first()
    if repeat is None:
        raise NotFound("link", link_id)
    if repeat.state == State.DISMISSED:
        raise Conflict.one("repeat_dismissed")
    return repeat, later, earlier


def _note(text: str) -> str:
    text = text.strip()
    if len(text) > MAX_NOTE:
        raise Invalid.one("note", "too_long", limit=MAX_NOTE, length=len(text))
    if "\x00" in text:
        raise Invalid.one("note", "control_character")
    return text


def _judge(repeat: RepeatContact, state: str, cause: str, note: str, actor: Actor, now: datetime) -> None:
    repeat.state, repeat.cause, repeat.note = state, cause, note
    repeat.judged_by, repeat.judged_at = actor.person, now
    repeat.save(update_fields=["state", "cause", "note", "judged_by", "judged_at"])


def _tell(actor: Actor, later: Ticket, earlier: Ticket, data: dict[str, object], now: datetime) -> None:
    pairs = ((later, earlier), (earlier, later))
    facts = [fact(one, "repeat_judged", now, {"number": other.number, **data}) for one, other in pairs]
    journal.record(actor, facts, now=now)
