"""Automations at work (D25): a reader of the journal notes which rule a fact sets off; each then acts by itself.

It acts through the ordinary services, one transaction a run, as an actor of its own: so its facts are told apart, and
what they set off in turn is known, and cut where it would go round.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from jiying.base import documents, due, journal, tails
from jiying.base.actor import Actor
from jiying.base.models import JournalEntry, VersionedDocument
from jiying.clocks import queries as clocks
from jiying.core import automations as core
from jiying.desk.models import AutomationRun, Message, Ticket
from jiying.desk.services import automation_acts as acts
from jiying.desk.services import automation_setup as setup
from jiying.desk.services.holding import KIND, STEPS, fact, lock, lock_many

State = AutomationRun.State
OLD = timedelta(days=1)  # what was true so long before it was recorded is history, and sets nothing off
DAY = timedelta(hours=24)
KEPT = timedelta(days=180)
_OPEN_HOURS = "work"  # the calendar that says whether the desk is open


def actor_of(run: AutomationRun) -> Actor:
    return Actor("automation", run=run.pk)


# --- reading the journal ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Held:
    """A rule that was in force when a fact was recorded."""

    key: str
    number: int
    rule: core.Rule
    title: str


def read(entries: Sequence[JournalEntry]) -> Callable[[], object]:
    """Which rules these facts set off: those of tickets, with the versions that held when they were recorded."""
    told = [(entry, core.event_of(entry.kind, entry.data)) for entry in entries if _is_news(entry)]
    told = [(entry, events) for entry, events in told if events]
    versions = _versions() if told else {}
    found = [
        (entry, event, one)
        for entry, events in told
        for one in _in_force(versions, entry.recorded_at)
        for event in events
        if one.rule.on and one.rule.event == event
    ]
    if not found:
        return lambda: None
    runs = _runs(found)
    return lambda: _write(runs)


def _is_news(entry: JournalEntry) -> bool:
    fresh = entry.recorded_at - entry.at < OLD
    return entry.subject_kind == KIND and entry.kind in core.KINDS and fresh and entry.actor_kind != "import"


def _versions() -> Mapping[str, list[tuple[datetime, int]]]:
    """{key: its versions, the newest first}; a few short rows."""
    rows = VersionedDocument.objects.filter(kind=setup.KIND, state="approved")
    found: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for key, number, since in rows.order_by("key", "-number").values_list("key", "number", "effective_from"):
        if since is not None:
            found[key].append((since, number))
    return found


def _in_force(versions: Mapping[str, list[tuple[datetime, int]]], at: datetime) -> Iterable[_Held]:
    for key, rows in versions.items():
        number = next((number for since, number in rows if since < at), None)
        if number is not None:
            yield _Held(key, number, *setup.kept(key, number))


def _runs(found: Sequence[tuple[JournalEntry, str, _Held]]) -> list[AutomationRun]:
    """A run for each fact and rule; at once only where the conditions hold, later they are asked when it is time."""
    chains = _chains({entry.actor_id for entry, _e, _h in found if entry.actor_kind == "automation"})
    tickets = Ticket.objects.select_related("team").in_bulk({entry.subject_id for entry, _e, _h in found})
    runs = []
    for entry, event, held in found:
        chain = chains.get(entry.actor_id or 0, []) if entry.actor_kind == "automation" else []
        ticket = tickets.get(entry.subject_id)
        about = {name: entry.data[name] for name in ("metric",) if name in entry.data}
        if ticket is None or (chain and chain[-1] == held.key):  # its own doing never sets a rule off
            continue
        if not held.rule.wait_s and not core.fits(
            core.check(held.rule, seen(held.rule, ticket, about, entry.recorded_at))
        ):
            continue
        runs.append(
            AutomationRun(
                rule=held.key,
                version=held.number,
                title=held.title,
                ticket_id=ticket.pk,
                cause_id=entry.pk,
                event=event,
                about=about,
                chain=chain,
                is_delayed=bool(held.rule.wait_s),
                created_at=entry.recorded_at,
                wake_at=entry.at + timedelta(seconds=held.rule.wait_s),
            )
        )
    return runs


def _chains(run_ids: Collection[int | None]) -> Mapping[int, list[str]]:
    rows = AutomationRun.objects.filter(pk__in=[pk for pk in run_ids if pk]).values_list("pk", "chain", "rule")
    return {pk: [*chain, rule] for pk, chain, rule in rows}


def _write(runs: Sequence[AutomationRun]) -> None:
    """What waits for a time begins to wait anew with each fact: the last message counts, not the first."""
    delayed = {(run.ticket_id, run.rule) for run in runs if run.is_delayed}
    if delayed:
        same = Q(*(Q(ticket_id=ticket, rule=rule) for ticket, rule in delayed), _connector=Q.OR)
        AutomationRun.objects.filter(same, state=State.WAITING, is_delayed=True).delete()
    latest = {(run.ticket_id, run.rule): run for run in runs if run.is_delayed}
    AutomationRun.objects.bulk_create(
        [run for run in runs if not run.is_delayed or latest[run.ticket_id, run.rule] is run], ignore_conflicts=True
    )


READER = tails.Reader("automations", read)


# --- acting ----------------------------------------------------------------------------------------------------------


def serve(ids: Sequence[int], now: datetime) -> int:
    """Let due runs act, in the caller's transaction: the tickets first, then the runs."""
    wanted = dict(AutomationRun.objects.filter(pk__in=ids, wake_at__lte=now).values_list("pk", "ticket_id"))
    held = lock_many(set(wanted.values()), True)
    claimed = due.claim(AutomationRun, [pk for pk, ticket in wanted.items() if ticket in held], now)
    for run in AutomationRun.objects.filter(pk__in=claimed).order_by("pk"):
        _serve(run, now)
    return len(claimed)


def _serve(run: AutomationRun, now: datetime) -> None:
    """One run; gone without a trace where its conditions hold no longer."""
    rule = _rule_of(run, now)
    checked = core.check(rule, seen(rule, lock(run.ticket_id), run.about, now)) if rule else ()
    if rule is None or not core.fits(checked):
        run.delete()
        return
    run.why = [one.as_data() for one in checked]
    if cut := core.cut(run.rule, run.chain, n_lately(run.rule, run.ticket_id, now)):
        run.state, run.outcome = State.CUT, [{"cut": cut}]
    else:
        run.outcome = act(run, rule, now)
        run.state = state_of(run.outcome)
    run.done_at = now
    run.save()


def _rule_of(run: AutomationRun, now: datetime) -> core.Rule | None:
    """The rule as it held when the fact came; what has waited takes the newest version, if that still waits for it."""
    if not run.is_delayed:
        return setup.kept(run.rule, run.version)[0]
    number = documents.in_force(setup.KIND, now).get(run.rule)
    if number is None:
        return None
    rule, run.title = setup.kept(run.rule, number)
    run.version = number
    return rule if rule.on and rule.event == run.event else None


def n_lately(rule: str, ticket_id: int, now: datetime) -> int:
    acted = (State.DONE, State.PARTLY, State.REFUSED)
    return AutomationRun.objects.filter(rule=rule, ticket_id=ticket_id, state__in=acted, done_at__gte=now - DAY).count()


def act(run: AutomationRun, rule: core.Rule, now: datetime) -> list[dict[str, Any]]:
    """Do all that the rule says, and tell the ticket which rule it was, and why; what is refused stops nothing else."""
    actor, ticket = actor_of(run), lock(run.ticket_id)
    data = {
        "rule": run.rule,
        "title": run.title,
        "version": run.version,
        "event": run.event,
        "why": {"held": run.why},
        "do": [one.do for one in rule.actions],
    }
    journal.record(actor, [fact(ticket, "automated", now, data)], now=now)
    return [acts.perform(actor, ticket.number, one, run, now) for one in rule.actions]


def state_of(outcome: Sequence[Mapping[str, Any]]) -> State:
    n_refused = sum("fault" in one for one in outcome)
    if not n_refused:
        return State.DONE
    return State.REFUSED if n_refused == len(outcome) else State.PARTLY


def seen(rule: core.Rule, ticket: Ticket, about: Mapping[str, Any], at: datetime) -> core.Seen:
    """What the rule's conditions ask of a ticket."""
    asked = {condition.field for condition in rule.conditions}
    return core.Seen(
        {name: _VALUES[name](ticket, about, at) for name in asked if name in _VALUES},
        f"{ticket.subject}\n{ticket.description}",
    )


def _state_for(ticket: Ticket, about: Mapping[str, Any], at: datetime) -> Collection[str]:
    """`since` where somebody has looked for many tickets at once."""
    since = about.get("since") or journal.last_at(KIND, ticket.pk, STEPS) or ticket.received_at
    return core.lengths((at - since).total_seconds())


def _last_from(ticket: Ticket) -> str:
    said = Message.objects.filter(ticket=ticket, kind__in=("reply", "customer", "call")).order_by("-at", "-pk").first()
    return "desk" if said is not None and said.kind != "customer" else "customer"


_VALUES: Mapping[str, Callable[[Ticket, Mapping[str, Any], datetime], Collection[str]]] = {
    "channel": lambda ticket, about, at: (ticket.channel,),
    "type": lambda ticket, about, at: (ticket.type,),
    "category": lambda ticket, about, at: (ticket.category,) if ticket.category else (),
    "priority": lambda ticket, about, at: (ticket.priority,),
    "tier": lambda ticket, about, at: (ticket.tier,),
    "status": lambda ticket, about, at: (ticket.status,),
    "waiting_for": lambda ticket, about, at: (ticket.waiting_for,),
    "state_for": _state_for,
    "team": lambda ticket, about, at: (ticket.team.code,) if ticket.team else (),
    "agent": lambda ticket, about, at: ("yes" if ticket.assignee_id else "no",),
    "late": lambda ticket, about, at: ("yes" if ticket.is_late else "no",),
    "incomplete": lambda ticket, about, at: ("yes" if ticket.is_incomplete else "no",),
    "escalation": lambda ticket, about, at: (str(ticket.escalation),),
    "line": lambda ticket, about, at: (str(ticket.line),),
    "metric": lambda ticket, about, at: (str(about.get("metric", "")),),
    "hours": lambda ticket, about, at: (hours(at),),
    "last_from": lambda ticket, about, at: (_last_from(ticket),),
    "tags": lambda ticket, about, at: ticket.tags,
}


def hours(at: datetime) -> str:
    """Whether the working calendar is open; without one it is always."""
    number = documents.in_force("calendar", at).get(_OPEN_HOURS)
    if number is None:
        return "open"
    return "open" if clocks.calendar(_OPEN_HOURS, number).is_open(clocks.second_of(at)) else "closed"


def drop_old(at: datetime) -> None:
    AutomationRun.objects.filter(done_at__lt=at - KEPT).delete()
