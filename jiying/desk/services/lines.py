"""Support lines (D24a): hand a ticket up, take it in, hand it back. Its agent stays responsible all the while.

What goes up has a clock of its own (`take_in`), and each step becomes a fact of the ticket, so that the first line sees
it. By rule the same happens without a person; a rule that cannot be followed is passed over, never a failure.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from jiying.alerts.services import reading as alerts
from jiying.base import journal
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.transactions import short
from jiying.clocks.queries import promise_of, versions_in_force
from jiying.clocks.services.keeping import keep
from jiying.core.support_lines import Happened, choose
from jiying.desk.models import HandUp, Message, TeamLine, Ticket
from jiying.desk.policies import may_handle, require_handle, require_visible
from jiying.desk.services import line_setup, telling_lines
from jiying.desk.services.holding import decide, fact, lock, settle

KIND = "handup"
DEPARTMENT = "second_line"  # by this name the collaboration standard promises the taking in (C6a)
MAX_TEXT = 20_000
State = HandUp.State
OPEN = (State.ASKED, State.TAKEN)


def lock_many(ids: Collection[int], skip_locked: bool) -> Mapping[int, HandUp]:
    """Hand-ups locked in order of id; their tickets are not needed for their clocks."""
    rows = HandUp.objects.select_for_update(skip_locked=skip_locked, of=("self",)).filter(pk__in=ids)
    return {row.pk: row for row in rows.order_by("pk")}


# --- up --------------------------------------------------------------------------------------------------------------


@short
def hand_up(*, actor: Actor, number: str, team: str, reason: str, now: datetime) -> HandUp:
    """Give a ticket to a team of a higher line, which takes it in within its own time; the assignee stays the same."""
    ticket = lock(number)
    require_handle(actor, ticket)
    decide(ticket, "hand_up")
    found = TeamLine.objects.select_related("team").filter(team__code=team, line__gt=1).first()
    if found is None:
        raise Invalid.one("team", "not_higher_line", value=team[:40])
    if found.line <= ticket.line:
        raise Conflict.one("not_higher", "team", line=ticket.line)
    up, told = _up(actor, ticket, found, _text("reason", reason), "", now)
    settle(actor, ticket, [told], now=now)
    return up


def by_rule(ticket: Ticket, event: str, now: datetime) -> list[journal.Fact]:
    """Hand a locked ticket up where a rule wants it after this event; returns the facts to settle."""
    what = Happened(event, ticket.category, ticket.type, ticket.priority, ticket.escalation)
    rule = choose(line_setup.rules(now), what)
    if rule is None or ticket.is_ended or ticket.status == "resolved":
        return []
    found = TeamLine.objects.select_related("team").filter(team__code=rule.team, line__gt=ticket.line).first()
    return [_up(SYSTEM, ticket, found, "", event, now)[1]] if found else []


def _up(
    actor: Actor, ticket: Ticket, target: TeamLine, reason: str, rule: str, now: datetime
) -> tuple[HandUp, journal.Fact]:
    up = HandUp.objects.create(
        ticket=ticket,
        team=target.team,
        line=target.line,
        reason=reason,
        rule=rule,
        asked_by=actor.person,
        asked_at=now,
    )
    ticket.line = target.line
    kind = f"line{target.line}"
    about = {"metric": "take_in", "department": DEPARTMENT, "kind": kind, **versions_in_force(now)}
    about |= promise_of(DEPARTMENT, kind, now)
    told = telling_lines.tell_team(up, ticket, now)
    _record(actor, up, "asked", about, now, told)
    data = {"hand_up": up.pk, "line": up.line, "team": target.team.name, "reason": reason, "rule": rule}
    return up, fact(ticket, "handed_up", now, data, tell=told)


def _record(
    actor: Actor, up: HandUp, kind: str, data: Mapping[str, Any], now: datetime, told: Collection[int] = ()
) -> None:
    rings = [f"team:{up.team_id}", *(f"person:{p}" for p in told)]
    journal.record(actor, [journal.Fact(KIND, up.pk, f"{KIND}.{kind}", now, data, rings)], now=now)
    keep(KIND, up.pk, now)


# --- in the hands of the higher line ---------------------------------------------------------------------------------


@short
def take_in(*, actor: Actor, hand_up_id: int, now: datetime) -> HandUp:
    """Somebody of the higher line takes it in: the take-in clock stops, and they may work on the ticket."""
    up = _open(actor, hand_up_id, State.ASKED)
    if not _of_line(actor, up) or actor.person is None:
        raise Denied("desk.handle")
    ticket = up.ticket
    up.state, up.person, up.taken_at = State.TAKEN, actor.person, now
    up.save(update_fields=["state", "person", "taken_at"])
    ticket.helper = actor.person
    _record(actor, up, "answered", {"metric": "take_in"}, now)
    alerts.withdraw(KIND, [up.pk], now)
    data = {"hand_up": up.pk, "line": up.line, "by": actor.id}
    settle(actor, ticket, [fact(ticket, "taken_in", now, data, tell=[actor.id])], now=now)
    return up


@short
def hand_back(*, actor: Actor, hand_up_id: int, answer: str, now: datetime) -> HandUp:
    """The higher line answers and gives it back; the answer stands on the ticket as a note, its agent is told."""
    up = _open(actor, hand_up_id, State.TAKEN)
    if actor.id != up.person_id and "desk.assign" not in actor.rights:
        raise Denied("desk.assign")
    text = _text("answer", answer)
    ticket = up.ticket
    up.answer = text
    _end(up, State.ANSWERED, now)
    note = Message.objects.create(ticket=ticket, kind="note", body=text, author=actor.person, at=now)
    about = {"direction": "out", "public": False, "by": "person", "way": "note", "message": note.pk}
    told = telling_lines.tell_back(up, ticket, now)
    data = {"hand_up": up.pk, "line": up.line, "team": up.team.name}
    facts = [fact(ticket, "message", now, about), fact(ticket, "handed_back", now, data, tell=[*told, up.person_id])]
    _fall_back(ticket)
    settle(actor, ticket, facts, now=now)
    return up


@short
def withdraw(*, actor: Actor, hand_up_id: int, now: datetime) -> HandUp:
    """The first line takes it back: the higher line is not needed any more."""
    up = _open(actor, hand_up_id, *OPEN)
    ticket = up.ticket
    if not may_handle(actor, ticket):
        raise Denied("desk.handle")
    _take_back(actor, up, now)
    _fall_back(ticket)
    data = {"hand_up": up.pk, "line": up.line, "team": up.team.name}
    settle(actor, ticket, [fact(ticket, "line_withdrawn", now, data, tell=[up.person_id])], now=now)
    return up


def end_all(actor: Actor, ticket: Ticket, now: datetime) -> None:
    """A locked ticket is done or none any more: nobody of a higher line waits for it."""
    if ticket.line == 1:
        return
    for up in lock_many(list(ticket.hand_ups.filter(state__in=OPEN).values_list("pk", flat=True)), False).values():
        if up.state == State.TAKEN:
            _end(up, State.ANSWERED, now)
        else:
            _take_back(actor, up, now)
    ticket.line, ticket.helper = 1, None


def _take_back(actor: Actor, up: HandUp, now: datetime) -> None:
    if up.state == State.ASKED:
        _record(actor, up, "withdrawn", {"metric": "take_in"}, now)
    alerts.withdraw(KIND, [up.pk], now)
    _end(up, State.WITHDRAWN, now)


def _end(up: HandUp, state: str, now: datetime) -> None:
    up.state, up.ended_at = state, now
    up.save(update_fields=["state", "ended_at", "answer"])


def _fall_back(ticket: Ticket) -> None:
    """The ticket is again where the highest line that still has it stands."""
    left = list(ticket.hand_ups.filter(state__in=OPEN).select_related("person").order_by("-line", "-pk"))
    ticket.line = left[0].line if left else 1
    ticket.helper = next((up.person for up in left if up.person is not None), None)


def _open(actor: Actor, hand_up_id: int, *states: str) -> HandUp:
    """The hand-up with its ticket locked first; refused where it is past these states."""
    found = HandUp.objects.filter(pk=hand_up_id).select_related("ticket", "team").first()
    if found is None:
        raise NotFound("hand_up", hand_up_id)
    found.ticket = lock(found.ticket.number)
    require_visible(actor, found.ticket)
    fresh = lock_many([found.pk], False)[found.pk]
    found.state, found.person = fresh.state, fresh.person
    if found.state not in states:
        raise Conflict.one("hand_up_over")
    return found


def _of_line(actor: Actor, up: HandUp) -> bool:
    return "desk.handle" in actor.rights and actor.team_id == up.team_id


def _text(name: str, text: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid.one(name, "required", field=name)
    if len(text) > MAX_TEXT:
        raise Invalid.one(name, "too_long", limit=MAX_TEXT, length=len(text))
    if "\x00" in text:
        raise Invalid.one(name, "control_character")
    return text
