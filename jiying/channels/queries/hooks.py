"""Inbound calls as administrators see them: when, by which connection, what came of them, and why not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from jiying.base import cursors, sealing
from jiying.base.actor import Actor
from jiying.base.connections import KINDS, RIGHT
from jiying.base.errors import Fault, NotFound
from jiying.base.policies import require
from jiying.base.texts import term
from jiying.channels.models import HookCall
from jiying.core import hook_shown as core
from jiying.desk.queries.rows import masked_name

PAGE = 50
STATES = (*HookCall.State.values, "parked")


@dataclass(frozen=True, slots=True)
class HookCallRow:
    """One verified call; never its text. `why` says why nothing came of it."""

    id: int
    connection: str | None
    name: str
    kind: str
    label: str
    state: str
    why: str
    customer: str
    ticket: str | None
    received_at: datetime
    handled_at: datetime | None
    attempts: int
    may_retry: bool


@dataclass(frozen=True, slots=True)
class HookCalls:
    items: list[HookCallRow]
    next: str | None


def calls(actor: Actor, *, state: str = "", cursor: str = "") -> HookCalls:
    """The latest first."""
    require(actor, RIGHT)
    rows = HookCall.objects.select_related("connection", "customer", "ticket")
    if state == "parked":
        rows = rows.filter(parked_at__isnull=False)
    elif state:
        rows = rows.filter(state=state, parked_at=None)
    if cursor:
        micros, pk = cursors.decode("hook_call", cursor, 2)
        at = cursors.instant(micros or 0)
        rows = rows.filter(Q(received_at__lt=at) | Q(received_at=at, pk__lt=pk or 0))
    found = list(rows.order_by("-received_at", "-pk")[: PAGE + 1])
    last = found[PAGE - 1] if len(found) > PAGE else None
    after = cursors.encode("hook_call", cursors.micros(last.received_at), last.pk) if last else None
    return HookCalls([_row(one) for one in found[:PAGE]], after)


def one(actor: Actor, pk: int) -> HookCallRow:
    return _row(_loaded(actor, pk))


@dataclass(frozen=True, slots=True)
class HookCallShown:
    """A call with its form. `body` is masked: no secret, no text, no whole name or number; empty once it is gone."""

    call: HookCallRow
    body: str
    n_bytes: int


def opened(actor: Actor, pk: int) -> HookCallShown:
    """What came, as far as anybody may read it here."""
    found = _loaded(actor, pk)
    plain = (sealing.unseal(found.body) or "") if found.body else ""
    return HookCallShown(_row(found), core.shown(plain) if plain else "", len(plain.encode()))


def _loaded(actor: Actor, pk: int) -> HookCall:
    require(actor, RIGHT)
    found = HookCall.objects.select_related("connection", "customer", "ticket").filter(pk=pk).first()
    if found is None:
        raise NotFound("hook_call", pk)
    return found


def _row(call: HookCall) -> HookCallRow:
    kind = KINDS.get(call.kind)
    return HookCallRow(
        id=call.pk,
        connection=call.connection.code if call.connection else None,
        name=call.connection.name if call.connection else "",
        kind=call.kind,
        label=str(kind.label) if kind else call.kind,
        state="parked" if call.parked_at else call.state,
        why=_why(call),
        customer=masked_name(call.customer) if call.customer else "",
        ticket=call.ticket.number if call.ticket else None,
        received_at=call.received_at,
        handled_at=call.handled_at,
        attempts=call.attempts,
        may_retry=bool(call.body) and (call.state == HookCall.State.REFUSED or call.parked_at is not None),
    )


def _why(call: HookCall) -> str:
    told: Mapping[str, Any] = call.fault
    if "reason" in told:
        return term("hook_reason", told["reason"])
    if "code" in told:
        return Fault("", told["code"], told.get("params", {})).text
    return call.last_error
