"""The two tables of I2, with exactly the columns of the paper forms: 工单响应时间跟踪表 and 响应时间标准配置表.

Customers are masked always, handlers outside the reader's own team too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jiying.base.actor import Actor
from jiying.base.texts import term
from jiying.clocks import queries as clocks
from jiying.core import masking
from jiying.core.metrics import round_score
from jiying.core.standards import CHANNELS, PRIORITIES, Facts, Target
from jiying.desk.models import Ticket
from jiying.desk.policies import scope, visible
from jiying.desk.queries.rows import masked_name
from jiying.insight.queries import counting, reports
from jiying.insight.queries.counting import Cut

PAGE = 50
FILE_ROWS = 5000


@dataclass(frozen=True, slots=True)
class TrackingRow:
    """One ticket; `verdict` of its first response and first resolution: met, late, or open while neither is decided."""

    ticket_id: int
    number: str
    customer: str
    problem: str
    channel: str
    priority: str
    received_at: datetime
    first_response_at: datetime | None
    resolved_at: datetime | None
    verdict: str
    handler: str
    remark: str


@dataclass(frozen=True, slots=True)
class Tracking:
    """`n` tickets received in the period; the newest of them from an offset on."""

    n: int
    items: list[TrackingRow]
    next_offset: int | None


@dataclass(frozen=True, slots=True)
class StandardRow:
    """What the standard in force promises: response in minutes, resolution in hours; null where it promises nothing."""

    channel: str
    priority: str
    response_min: float | None
    resolution_h: float | None


@dataclass(frozen=True, slots=True)
class Standards:
    version: int
    items: list[StandardRow]


_ROWS = """
SELECT id, first_response_at, resolved_at, first_response_state, resolution_state,
  first_response_breached_at, resolution_breached_at, cause, n_reopened, is_repeat
FROM tickets WHERE {where} AND {case} ORDER BY received_at DESC, id DESC LIMIT {limit} OFFSET {offset}"""


def tracking(actor: Actor, wanted: reports.Wanted, now: datetime, offset: int = 0, limit: int = PAGE) -> Tracking:
    """Raises Denied, reader.Missing."""
    found, n = counting.listed(_ROWS, "tickets_received", reports.window(wanted.period, now),
                               Cut(scope(actor), wanted.where), (limit, offset))  # fmt: skip
    rows = _rows(actor, found)
    return Tracking(n, rows, offset + limit if offset + limit < n else None)


def _rows(actor: Actor, found: Sequence[Sequence[object]]) -> list[TrackingRow]:
    """Rights are asked again of the desk: the copy may be seconds behind a move to another team."""
    tickets = Ticket.objects.filter(visible(actor)).select_related("customer", "assignee")
    by_id = tickets.in_bulk([row[0] for row in found])
    return [_row(actor, by_id[row[0]], row) for row in found if row[0] in by_id]


def _row(actor: Actor, ticket: Ticket, row: Sequence[object]) -> TrackingRow:
    _pk, responded, resolved, *about = row
    return TrackingRow(
        ticket_id=ticket.pk,
        number=ticket.number,
        customer=masked_name(ticket.customer) if ticket.customer else "",
        problem=ticket.subject,
        channel=ticket.channel,
        priority=ticket.priority,
        received_at=ticket.received_at,
        first_response_at=counting.instant(responded),
        resolved_at=counting.instant(resolved),
        verdict=_verdict(*about[:4]),
        handler=_handler(actor, ticket),
        remark=_remark(*about[4:]),
    )


def _verdict(response: object, resolution: object, response_late: object, resolution_late: object) -> str:
    if response_late or resolution_late:
        return "late"
    decided = {state for state in (response, resolution) if state not in ("", "cancelled")}
    return "met" if decided == {"met"} else "open"


def _handler(actor: Actor, ticket: Ticket) -> str:
    """张* outside the team."""
    if ticket.assignee is None:
        return ""
    is_ours = actor.team_id is not None and ticket.team_id == actor.team_id
    return ticket.assignee.name if is_ours else masking.name(ticket.assignee.name)


def _remark(cause: object, n_reopened: object, is_repeat: object) -> str:
    parts = [term("cause", str(cause))] if cause else []
    if isinstance(n_reopened, int) and n_reopened:
        parts.append(ngettext("reopened once", "reopened %(n)s times", n_reopened) % {"n": n_reopened})
    if is_repeat:
        parts.append(_("repeat contact"))
    return _(", ").join(parts)


def standards(actor: Actor, now: datetime) -> Standards:
    """The standard in force, by channel and priority of a customer without a tier of their own. Raises Denied."""
    scope(actor)
    held = clocks.versions_in_force(now)
    number, calendars = held["standard"], held["calendars"]
    chosen = clocks.standard(number)
    rows = []
    for channel in CHANNELS:
        for priority in PRIORITIES:
            targets = chosen.row_for(Facts(channel, priority, "standard", "")).targets
            response, resolution = (_seconds(targets.get(m), calendars) for m in ("first_response", "resolution"))
            rows.append(StandardRow(channel, priority, _in(response, 60), _in(resolution, 3600)))
    return Standards(number, rows)


def _seconds(target: Target | None, calendars: dict[str, int]) -> int | None:
    if target is None:
        return None
    needs_day = target.unit == "wd" and target.calendar in calendars
    day_s = clocks.calendar(target.calendar, calendars[target.calendar]).working_day_s if needs_day else 8 * 3600
    return target.seconds(day_s)


def _in(seconds: int | None, unit: int) -> float | None:
    return None if seconds is None else float(round_score(Fraction(seconds, unit), 2))
