"""One action on many tickets: each by the ordinary service with the ordinary rights, in a transaction of its own.

What is refused for one ticket is kept with its reason and stops no other. A few are done at once, more as a job.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from jiying.base import jobs, transactions
from jiying.base.actor import Actor, of_person
from jiying.base.errors import Conflict, Denied, Invalid, NotFound, Refused
from jiying.base.models import Job
from jiying.core.standards import PRIORITIES
from jiying.desk.models import Ticket
from jiying.desk.queries.bulk_actions import KIND, MAX, RIGHTS, UNDO_WITHIN, UNDOABLE, job_of
from jiying.desk.services import handling, routing, talking, triage

AT_ONCE = 25
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bulk:
    """`values` by action: assign {to, reason}, priority {priority, reason}, tag {add, remove}, category {category},
    reply {body, then}, resolve and close {note}, merge {into}. `to` is `person:ID` or `team:ID`."""

    action: str
    numbers: Sequence[str]
    values: Values = field(default_factory=dict)


def start(*, actor: Actor, bulk: Bulk, now: datetime) -> Job:
    """Do it now if they are few; else a job does, whose row tells how far it is."""
    if bulk.action not in RIGHTS:
        raise Invalid.one("action", "unknown_value", value=bulk.action[:40], known=", ".join(RIGHTS))
    if actor.rights.isdisjoint(RIGHTS[bulk.action]):
        raise Denied(sorted(RIGHTS[bulk.action])[0])
    if actor.person is None:
        raise Denied("desk.handle")
    numbers = sorted(set(bulk.numbers))
    if not numbers:
        raise Invalid.one("numbers", "nothing_chosen")
    if len(numbers) > MAX:
        raise Invalid.one("numbers", "too_many", limit=MAX, length=len(numbers))
    values = _checked(bulk.action, bulk.values)
    if bulk.action == "merge" and not (numbers := [number for number in numbers if number != values["into"]]):
        raise Invalid.one("numbers", "nothing_chosen")
    return _begin(actor, bulk.action, numbers, values, now)


def _begin(actor: Actor, action: str, numbers: Sequence[str], values: Values, now: datetime) -> Job:
    params = {"action": action, "numbers": list(numbers), "values": dict(values)}
    few = len(numbers) <= AT_ONCE
    with transaction.atomic():
        job = jobs.start(kind=KIND, params=params, by=actor.person, now=now)
        job.n_total = len(numbers)
        if few:  # done here; the worker goes on with it should this process die
            job.wake_at = now + timedelta(seconds=jobs.LEASE_S)
        job.save(update_fields=["n_total", "wake_at"])
    while few and not transactions.run(partial(_kept_step, job, now)):
        pass
    return job


def _kept_step(job: Job, now: datetime) -> bool:
    """One ticket and that it is done, in one transaction."""
    is_done = step(job, now)
    if is_done:
        job.wake_at, job.finished_at = None, timezone.now()
    job.save()
    return is_done


def step(job: Job, now: datetime) -> bool:
    """The next ticket of a run; True when all are done."""
    numbers: list[str] = job.params["numbers"]
    if job.n_done >= len(numbers):
        return True
    number = numbers[job.n_done]
    actor = of_person(job.created_by) if job.created_by else None
    result = dict(job.result)
    try:
        if actor is None:
            raise Denied("desk.handle")
        before = _one(actor, job, number, now)
        if before is not None:
            result["before"] = {**result.get("before", {}), number: before}
    except Refused as refused:
        result["refused"] = [*result.get("refused", []), [number, _faults(refused)]]
    job.n_total, job.n_done, job.result = len(numbers), job.n_done + 1, result
    return job.n_done >= len(numbers)


def _faults(refused: Refused) -> list[dict[str, Any]]:
    return [
        {"field": f.field, "code": f.code, "params": {name: str(value) for name, value in f.params.items()}}
        for f in refused.faults
    ]


def _one(actor: Actor, job: Job, number: str, now: datetime) -> dict[str, Any] | None:
    """Do it to one ticket; what it was like before and its revision after, where that can be undone."""
    action, values = job.params["action"], job.params["values"]
    with transaction.atomic():
        before = _like(number) if action in UNDOABLE else None
        if action == "undo":
            _undo_one(actor, values["action"], number, values["before"][number], now)
        else:
            _ACTIONS[action](actor, number, values, now)
        if before is None:
            return None
        after = Ticket.objects.values_list("revision", flat=True).get(number=number)
        return {**before, "revision": after} if after != before["revision"] else None


def _like(number: str) -> dict[str, Any]:
    found = Ticket.objects.filter(number=number)
    row = found.values("assignee_id", "team_id", "priority", "tags", "category", "revision").first()
    if row is None:
        raise NotFound("ticket", number)
    return dict(row)


# --- what is done to one ticket --------------------------------------------------------------------------------------


def _assign(actor: Actor, number: str, values: Values, now: datetime) -> None:
    kind, _colon, pk = values["to"].partition(":")
    target = {"to_person": int(pk)} if kind == "person" else {"to_team": int(pk)}
    routing.transfer(actor=actor, number=number, **target, reason=values.get("reason", ""), now=now)


def _priority(actor: Actor, number: str, values: Values, now: datetime) -> None:
    handling.set_priority(actor=actor, number=number, priority=values["priority"], reason=values["reason"], now=now)


def _tag(actor: Actor, number: str, values: Values, now: datetime) -> None:
    tags: list[str] = _like(number)["tags"]
    kept = [tag for tag in tags if tag not in values["remove"]]
    new = [*kept, *(tag for tag in values["add"] if tag not in kept)]
    if len(new) > 20:
        raise Invalid.one("tags", "bad_tags", limit=20)
    handling.reclassify(actor=actor, number=number, tags=new, now=now)


def _category(actor: Actor, number: str, values: Values, now: datetime) -> None:
    handling.reclassify(actor=actor, number=number, category=values["category"], now=now)


def _reply(actor: Actor, number: str, values: Values, now: datetime) -> None:
    then = values.get("then", "")
    talking.reply(
        actor=actor, number=number, body=values["body"], hold_for="customer" if then == "wait" else "", now=now
    )
    if then == "resolve":
        handling.resolve(actor=actor, number=number, now=now)


_ACTIONS: dict[str, Callable[[Actor, str, Values, datetime], object]] = {
    "assign": _assign,
    "priority": _priority,
    "tag": _tag,
    "category": _category,
    "reply": _reply,
    "resolve": lambda actor, number, values, now: handling.resolve(
        actor=actor, number=number, note=values.get("note", ""), now=now
    ),
    "close": lambda actor, number, values, now: handling.close(
        actor=actor, number=number, note=values.get("note", ""), now=now
    ),
    "merge": lambda actor, number, values, now: handling.merge(
        actor=actor, number=number, into=values["into"], now=now
    ),
}


# --- what is asked for -----------------------------------------------------------------------------------------------


def _checked(action: str, values: Values) -> dict[str, Any]:
    """The values of an action, refused as a whole before the first ticket is touched."""
    checks: dict[str, Callable[[Values], dict[str, Any]]] = {
        "assign": _checked_assign,
        "priority": _checked_priority,
        "tag": _checked_tags,
        "category": _checked_category,
        "reply": _checked_reply,
        "merge": lambda values: {"into": _required(values, "into", 24).upper()},
    }
    check = checks.get(action)
    return check(values) if check else {"note": _text(values, "note")}


def _text(values: Values, name: str, limit: int = 2_000) -> str:
    text = str(values.get(name) or "").strip()
    if len(text) > limit:
        raise Invalid.one(name, "too_long", limit=limit, length=len(text))
    if "\x00" in text:
        raise Invalid.one(name, "control_character")
    return text


def _required(values: Values, name: str, limit: int = 2_000) -> str:
    if not (text := _text(values, name, limit)):
        raise Invalid.one(name, "required", field=name)
    return text


def _checked_assign(values: Values) -> dict[str, Any]:
    to = _required(values, "to", 40)
    kind, _colon, pk = to.partition(":")
    if kind not in ("person", "team") or not (pk.isascii() and pk.isdecimal() and len(pk) < 16):
        raise Invalid.one("to", "unknown_value", value=to, known="person:ID, team:ID")
    return {"to": to, "reason": _text(values, "reason")}


def _checked_priority(values: Values) -> dict[str, Any]:
    priority = _required(values, "priority", 10)
    if priority not in PRIORITIES:
        raise Invalid.one("priority", "unknown_value", value=priority, known=", ".join(PRIORITIES))
    return {"priority": priority, "reason": _required(values, "reason")}


def _checked_tags(values: Values) -> dict[str, Any]:
    found = {name: [str(tag).strip() for tag in values.get(name) or ()] for name in ("add", "remove")}
    if not any(found.values()):
        raise Invalid.one("add", "required", field="add")
    for name, tags in found.items():
        if wrong := triage.tag_faults(name, tags):
            raise Invalid(*wrong)
    return found


def _checked_category(values: Values) -> dict[str, Any]:
    category = _required(values, "category", 120)
    triage.check_category(category)
    return {"category": category}


def _checked_reply(values: Values) -> dict[str, Any]:
    then = _text(values, "then", 10)
    if then not in ("", "wait", "resolve"):
        raise Invalid.one("then", "unknown_value", value=then, known="wait, resolve")
    return {"body": _required(values, "body", talking.MAX_BODY), "then": then}


# --- undo ------------------------------------------------------------------------------------------------------------


def undo(*, actor: Actor, job_id: int, now: datetime) -> Job:
    """Take back what a run did, within a minute, for the tickets that nobody has changed since."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job_of(actor, job_id).pk)
        before = job.result.get("before")
        if job.finished_at is None or not before or job.result.get("undone"):
            raise Conflict.one("nothing_to_undo")
        if now >= job.finished_at + UNDO_WITHIN:
            raise Conflict.one("too_late_to_undo", seconds=int(UNDO_WITHIN.total_seconds()))
        job.result = {**job.result, "undone": True}
        job.save(update_fields=["result"])
    values = {"action": job.params["action"], "before": before}
    return _begin(actor, "undo", sorted(before), values, now)


def _undo_one(actor: Actor, action: str, number: str, before: Values, now: datetime) -> None:
    common: dict[str, Any] = {"actor": actor, "number": number, "revision": before["revision"], "now": now}
    if action == "priority":
        handling.set_priority(**common, priority=before["priority"], reason=_("Taken back"))
    elif action == "tag":
        handling.reclassify(**common, tags=before["tags"])
    elif action == "category":
        handling.reclassify(**common, category=before["category"])
    elif before["assignee_id"] is not None:
        routing.transfer(**common, to_person=before["assignee_id"], reason=_("Taken back"))
    else:
        routing.transfer(**common, to_team=before["team_id"], reason=_("Taken back"))


def cancel(*, actor: Actor, job_id: int, now: datetime) -> None:
    """Stop a run after the ticket that it is at; what is done stays done."""
    jobs.cancel(job_of(actor, job_id).pk, now)
