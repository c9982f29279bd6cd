"""Outside events as people read them (D25b): what came, what was done on which tickets, and why; kinds with figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from jiying.base import cursors
from jiying.base.actor import Actor
from jiying.base.errors import Denied, Fault, NotFound
from jiying.base.texts import term
from jiying.core import masking
from jiying.desk.models import OutsideEvent, OutsideKind
from jiying.desk.policies import may_retry_outside, may_see_outside
from jiying.desk.queries.categories import in_language
from jiying.desk.queries.rows import masked_name

REPORTED = timedelta(days=30)
PAGE = 50
State = OutsideEvent.State
AGAIN = frozenset({State.UNMATCHED, State.REFUSED, State.NOTHING})  # may be acted on once more
_MASKS = {"name": masking.name, "phone": masking.phone, "email": masking.email}


@dataclass(frozen=True, slots=True)
class Done:
    """One act of an event: `do` is warn, tell or open."""

    do: str
    text: str
    ticket: str


@dataclass(frozen=True, slots=True)
class OutsideEventRow:
    """An event; of the customer only masked words. `why` says in words why nothing was done, or what was refused."""

    id: int
    source: str
    event_id: str
    kind: str
    label: str
    severity: str
    reference: str
    text: str
    told: str
    customer: str
    customer_id: int | None
    state: str
    why: str
    did: list[Done]
    occurred_at: datetime
    received_at: datetime
    handled_at: datetime | None
    may_retry: bool


@dataclass(frozen=True, slots=True)
class OutsideEvents:
    items: list[OutsideEventRow]
    next: str | None


@dataclass(frozen=True, slots=True)
class OutsideKindRow:
    """A kind with its rule; the figures are of the last 30 days."""

    code: str
    label: str
    name_zh: str
    name_en: str
    active: bool
    warns: bool
    tells: bool
    message: str
    opens: str
    subject: str
    channel: str
    priority: str
    category: str
    window_h: int
    revision: int
    n_events: int
    n_done: int
    does: list[str]


@dataclass(frozen=True, slots=True)
class OutsideKinds:
    items: list[OutsideKindRow]


def events(actor: Actor, *, state: str = "", kind: str = "", cursor: str = "") -> OutsideEvents:
    """What other systems reported, the latest first; two queries for a page of any content."""
    if not may_see_outside(actor):
        raise Denied("desk.view_all")
    rows = OutsideEvent.objects.select_related("customer")
    if state == "parked":
        rows = rows.filter(parked_at__isnull=False)
    elif state:
        rows = rows.filter(state=state, parked_at__isnull=True)
    if kind:
        rows = rows.filter(kind=kind)
    if cursor:
        micros, pk = cursors.decode("outside", cursor, 2)
        at = cursors.instant(micros or 0)
        rows = rows.filter(Q(received_at__lt=at) | Q(received_at=at, pk__lt=pk or 0))
    found = list(rows.order_by("-received_at", "-pk")[: PAGE + 1])
    last = found[PAGE - 1] if len(found) > PAGE else None
    after = cursors.encode("outside", cursors.micros(last.received_at), last.pk) if last else None
    names, may_retry = labels(), may_retry_outside(actor)
    return OutsideEvents([_row(one, names, may_retry) for one in found[:PAGE]], after)


def one(actor: Actor, pk: int) -> OutsideEventRow:
    """One event, for who may see them and who reported it."""
    found = OutsideEvent.objects.select_related("customer").filter(pk=pk).first()
    if found is None:
        raise NotFound("outside_event", pk)
    return _row(found, labels(), may_retry_outside(actor))


def labels() -> dict[str, str]:
    """{code: name} of all kinds; one query."""
    return {kind.code: in_language(kind.name_zh, kind.name_en) for kind in OutsideKind.objects.all()}


def _row(event: OutsideEvent, names: Mapping[str, str], may_retry: bool) -> OutsideEventRow:
    state = "parked" if event.parked_at else event.state
    told = [_MASKS[name](value) if name in _MASKS else value for name, value in event.told.items()]
    return OutsideEventRow(
        id=event.pk,
        source=event.source,
        event_id=event.event_id,
        kind=event.kind,
        label=names.get(event.kind, event.kind),
        severity=event.severity,
        reference=event.reference,
        text=event.text,
        told=" · ".join(told),
        customer=masked_name(event.customer) if event.customer else "",
        customer_id=event.customer_id,
        state=state,
        why=_why(event),
        did=[Done(d["do"], term("outside_did", d["do"]), d["ticket"]) for d in event.outcome if "do" in d],
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        handled_at=event.handled_at,
        may_retry=may_retry and (event.state in AGAIN or event.parked_at is not None),
    )


def _why(event: OutsideEvent) -> str:
    fault: Mapping[str, Any] | None = next((one["fault"] for one in event.outcome if "fault" in one), None)
    if fault is not None:
        return Fault("", fault["code"], fault.get("params", {})).text
    return term("outside_reason", event.reason) if event.reason else ""


# --- kinds -----------------------------------------------------------------------------------------------------------


def kinds(now: datetime) -> OutsideKinds:
    """Every kind with its rule and figures; two queries."""
    recent = OutsideEvent.objects.filter(received_at__gte=now - REPORTED).order_by().values_list("kind")
    counts = {
        code: (n, n_done)
        for code, n, n_done in recent.annotate(n=Count("pk"), n_done=Count("pk", filter=Q(state=State.DONE)))
    }
    return OutsideKinds([_kind(row, *counts.get(row.code, (0, 0))) for row in OutsideKind.objects.order_by("pk")])


def kind(code: str, now: datetime) -> OutsideKindRow:
    found = next((row for row in kinds(now).items if row.code == code), None)
    if found is None:
        raise NotFound("outside_kind", code)
    return found


def _kind(row: OutsideKind, n_events: int, n_done: int) -> OutsideKindRow:
    plain = ("code", "name_zh", "name_en", "active", "warns", "tells", "message", "opens", "subject", "channel")
    rest = ("priority", "category", "window_h", "revision")
    return OutsideKindRow(
        **{name: getattr(row, name) for name in (*plain, *rest)},
        label=in_language(row.name_zh, row.name_en),
        n_events=n_events,
        n_done=n_done,
        does=_does(row),
    )


def _does(row: OutsideKind) -> list[str]:
    """The rule in words."""
    found = [term("outside_act", do) for do, holds in (("warn", row.warns), ("tell", row.tells)) if holds]
    found += [term("outside_opens", row.opens)] if row.opens else []
    return found or [_("only kept")]
