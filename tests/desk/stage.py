"""A stage for tests of the desk: a ticket in any status, every verb under one name, and what the database holds."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import connection

from jiying.base import documents, due
from jiying.base.actor import SYSTEM, Actor
from jiying.base.models import JournalEntry
from jiying.core import lifecycle
from jiying.desk.models import Collaboration, TeamLine, Ticket
from jiying.desk.services import (
    collaboration,
    flow_setup,
    flows,
    handling,
    lines,
    links,
    offers,
    routing,
    splitting,
    talking,
)
from tests.cast import Cast

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
STATUSES = ("new", "assigned", "accepted", "in_progress", "waiting", "resolved", "closed", "cancelled", "merged")
_LABELS = ("base", "clocks", "alerts", "desk")
# Counters and positions are no part of a ticket's story.
_LEFT_OUT = {"base.Counter", "base.JournalPosition", "base.CacheRow"}

Verb = Callable[[Actor, str, datetime], Any]


def verbs(cast: Cast) -> dict[str, Verb]:
    """Every verb of the life cycle that is a service, called as the pages and the API call it."""
    other, higher, flow = cast.ticket(subject="另一张工单"), up_team(cast), a_flow(cast)
    return {
        "accept": lambda a, n, t: handling.accept(actor=a, number=n, now=t),
        "reply": lambda a, n, t: talking.reply(actor=a, number=n, body="您好", now=t),
        "note": lambda a, n, t: talking.note(actor=a, number=n, body="内部", now=t),
        "customer_message": lambda a, n, t: talking.customer_message(actor=a, number=n, body="在吗", now=t),
        "hold": lambda a, n, t: handling.hold(actor=a, number=n, reason="customer", now=t),
        "resume": lambda a, n, t: handling.resume(actor=a, number=n, now=t),
        "resolve": lambda a, n, t: handling.resolve(actor=a, number=n, note="已处理", now=t),
        "confirm": lambda a, n, t: handling.confirm(actor=a, number=n, now=t),
        "reject": lambda a, n, t: handling.reject(actor=a, number=n, now=t),
        "close": lambda a, n, t: handling.close(actor=a, number=n, now=t),
        "reopen": lambda a, n, t: handling.reopen(actor=a, number=n, reason="又坏了", now=t),
        "cancel": lambda a, n, t: handling.cancel(actor=a, number=n, reason="测试", now=t),
        "merge": lambda a, n, t: handling.merge(actor=a, number=n, into=other.number, now=t),
        "priority": lambda a, n, t: handling.set_priority(actor=a, number=n, priority="P1", reason="升级", now=t),
        "reclassify": lambda a, n, t: handling.reclassify(actor=a, number=n, channel="email", now=t),
        "collaborate": lambda a, n, t: collaboration.ask(
            actor=a, number=n, department="logistics", question="在哪", now=t
        ),
        "split": lambda a, n, t: splitting.split(actor=a, number=n, part=splitting.Part(subject="另一件事"), now=t),
        "link": lambda a, n, t: links.link(actor=a, number=n, other=other.number, now=t),
        "escalate": lambda a, n, t: handling.escalate(actor=a, number=n, level=1, reason="投诉", now=t),
        "flow": lambda a, n, t: flows.start(actor=a, number=n, flow=flow, now=t),
        "offer": lambda a, n, t: offers.make(actor=a, number=n, new=offers.NewOffer("voucher"), now=t),
        "hand_up": lambda a, n, t: lines.hand_up(actor=a, number=n, team=higher, reason="二线处理", now=t),
        "assign": lambda a, n, t: routing.transfer(actor=a, number=n, to_person=cast.wang.pk, reason="换人", now=t),
        "unassign": lambda a, n, t: routing.transfer(actor=a, number=n, to_team=cast.team1.pk, reason="退回", now=t),
    }


def a_flow(cast: Cast, *steps: dict[str, Any], key: str = "visit") -> str:
    """A flow of these steps, or of one that may be left out."""
    body = {"steps": list(steps) or [{"key": "call", "title": "回访", "mandatory": False}]}
    flow_setup.save(actor=SYSTEM, key=key, title="回访流程", body=body, now=cast.now)
    documents.forget()
    return key


def up_team(cast: Cast) -> str:
    """Team 2 stands on the second line."""
    TeamLine.objects.update_or_create(team=cast.team2, defaults={"line": 2})
    return cast.team2.code


def ticket_in(cast: Cast, status: str, **fields: Any) -> Ticket:
    """Lin's ticket (nobody's, while new) in this status, brought there by the verbs."""
    lin = cast.actor(cast.lin)
    ticket = cast.ticket(**fields)
    number = ticket.number
    if status == "new":
        routing.transfer(actor=SYSTEM, number=number, to_team=cast.team1.pk, now=cast.now)
    elif ticket.assignee_id != cast.lin.pk:
        routing.transfer(actor=SYSTEM, number=number, to_person=cast.lin.pk, now=cast.now)
    if status not in ("new", "assigned"):
        handling.accept(actor=lin, number=number, now=cast.now)
    if status == "in_progress":
        talking.reply(actor=lin, number=number, body="您好", now=cast.now)
    elif status == "waiting":
        handling.hold(actor=lin, number=number, reason="customer", now=cast.now)
    elif status in ("resolved", "closed"):
        handling.resolve(actor=lin, number=number, now=cast.now)
    if status == "closed":
        handling.close(actor=lin, number=number, now=cast.now)
    elif status == "cancelled":
        handling.cancel(actor=lin, number=number, reason="测试", now=cast.now)
    elif status == "merged":
        handling.merge(actor=SYSTEM, number=number, into=cast.ticket(subject="原件").number, now=cast.now)
    ticket.refresh_from_db()
    assert ticket.status == status
    return ticket


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all our tables."""
    found = {}
    for label in _LABELS:
        for model in apps.get_app_config(label).get_models():
            if model._meta.label not in _LEFT_OUT:
                rows = model._default_manager.order_by("pk").values_list()
                found[model._meta.label] = [tuple(map(repr, row)) for row in rows]
    return found


def facts_of(ticket: Ticket | int, after: int = 0) -> list[str]:
    """Kinds of a ticket's own facts in the order in which they were written, without those of clocks and alerts."""
    pk = ticket if isinstance(ticket, int) else ticket.pk
    rows = JournalEntry.objects.filter(subject_kind="ticket", subject_id=pk, kind__startswith="ticket.", pk__gt=after)
    return [kind.partition(".")[2] for kind in rows.order_by("pk").values_list("kind", flat=True)]


def last_fact() -> int:
    return JournalEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def sweep(now: datetime, *names: str) -> int:
    """Serve what is due at `now`, as the worker would, until nothing is left."""
    n_done = 0
    for name in names or ("clocks", "tickets", "routing"):
        while done := due.run(due.SWEEPS[name], now):
            n_done += done
    return n_done


def ask(cast: Cast, ticket: Ticket, **fields: Any) -> Collaboration:
    values = {"department": "logistics", "question": "包裹在哪里", "now": cast.now, **fields}
    return collaboration.ask(actor=cast.actor(cast.lin), number=ticket.number, **values)


def at_once(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run all of these in threads that start together; returns results or exceptions."""
    gate, results = threading.Barrier(len(works)), [None] * len(works)

    def run(i: int) -> None:
        gate.wait()
        try:
            results[i] = works[i]()
        except Exception as error:  # the test looks at it
            results[i] = error  # type: ignore[call-overload]
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "still waiting: a deadlock"
    return results


def after_of(verb: str, status: str) -> str:
    """Where a verb leads by the table of the life cycle."""
    return lifecycle.step(verb, status).after
