"""A ticket's clocks as its page shows them: pill, drawn line with pauses as gaps, and why (row, calendar, target)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jiying.base.models import VersionedDocument
from jiying.base.texts import term
from jiying.clocks import queries as clocks
from jiying.clocks.models import BreachCause, Clock
from jiying.core.standards import DEFAULT_KEY, Row, Target
from jiying.desk.queries.pills import Face, face

Scale = Callable[[int], int]  # epoch second to place on the line
WIDTH = 1000  # units of the drawn line
_ORDER = (
    "accept",
    "first_response",
    "next_response",
    "update",
    "resolution",
    "resolution_total",
    "collaboration",
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of the line: `run`, `pause` or `late`."""

    kind: str
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class ClockLine:
    id: int
    metric: str
    label: str
    state: str
    face: Face
    started_at: datetime | None
    due_at: datetime | None
    ended_at: datetime | None
    is_open: bool
    is_late: bool
    n_pauses: int
    stretches: tuple[Stretch, ...]
    due_x: int | None
    now_x: int | None
    why: tuple[str, ...]
    cause: BreachCause | None


def of_subject(kind: str, subject_id: int, now: datetime) -> list[ClockLine]:
    """All clocks of a subject in the order in which people think of them; calendar titles in one query."""
    found = clocks.of_subject(kind, subject_id)
    found.sort(key=lambda c: (_ORDER.index(c.metric) if c.metric in _ORDER else len(_ORDER), c.metric, c.seq))
    titles = calendar_titles(found)
    many = {c.metric for c in found if c.seq > 1}
    return [_line(clock, now, titles, clock.metric in many) for clock in found]


def calendar_titles(found: Iterable[Clock]) -> dict[tuple[str, int], str]:
    keys = {(c.calendar, c.calendar_version) for c in found}
    rows = VersionedDocument.objects.filter(kind="calendar", key__in={key for key, _n in keys})
    return {(key, number): title for key, number, title in rows.values_list("key", "number", "title")}


def _line(clock: Clock, now: datetime, titles: dict[tuple[str, int], str], many: bool) -> ClockLine:
    stretches, due_x, now_x = _drawn(clock, clocks.second_of(now))
    return ClockLine(
        id=clock.pk,
        metric=clock.metric,
        label=f"{term('metric', clock.metric)} {clock.seq}" if many else term("metric", clock.metric),
        state=clock.state,
        face=face(clocks.pill(clock, now), labelled=False),
        started_at=clock.started_at,
        due_at=clock.due_at,
        ended_at=clock.ended_at,
        is_open=clock.is_open,
        is_late=clock.breached_at is not None,
        n_pauses=max(0, len(clock.runs) - 1) + (clock.state == Clock.State.PAUSED),
        stretches=tuple(stretches),
        due_x=due_x,
        now_x=now_x,
        why=tuple(_why(clock, titles.get((clock.calendar, clock.calendar_version), clock.calendar))),
        cause=getattr(clock, "cause", None),
    )


# --- the line --------------------------------------------------------------------------------------------------------


def _drawn(clock: Clock, now: int) -> tuple[list[Stretch], int | None, int | None]:
    """Stretches from start to the later of due and now, and where due and now lie; nothing before a clock has run."""
    if not clock.runs:
        return [], None, None
    end = clocks.second_of(clock.ended_at) if clock.ended_at else max(now, clock.runs[0][0])
    due = clocks.second_of(clock.due_at) if clock.due_at else None
    first = int(clock.runs[0][0])
    last = max(end, due or end, first + 1)

    def x(at: int) -> int:
        return round(WIDTH * (at - first) / (last - first))

    stretches: list[Stretch] = []
    before = first
    for start, stop in clock.runs:
        if start > before:
            stretches.append(Stretch("pause", x(before), x(start) - x(before)))
        until = end if stop is None else min(int(stop), end)
        stretches.extend(_run(x, int(start), until, due))
        before = until
    if clock.is_open and before < end:
        stretches.append(Stretch("pause", x(before), x(end) - x(before)))
    return stretches, None if due is None else x(due), x(now) if clock.is_open else None


def _run(x: Scale, start: int, until: int, due: int | None) -> list[Stretch]:
    """A stretch of running, parted at the due instant."""
    if due is None or until <= due:
        return [_piece("run", x, start, until)]
    if start >= due:
        return [_piece("late", x, start, until)]
    return [_piece("run", x, start, due), _piece("late", x, due, until)]


def _piece(kind: str, x: Scale, start: int, until: int) -> Stretch:
    return Stretch(kind, x(start), max(x(until) - x(start), 2))


# --- why -------------------------------------------------------------------------------------------------------------


def _why(clock: Clock, calendar: str) -> Iterable[str]:
    standard = clocks.standard(clock.standard_version)
    row = next((row for row in standard.rows if row.key == clock.row), None)
    yield _("Row of the standard: %(row)s") % {"row": row_words(row) if row else _row_name(clock.row)}
    target = (row or standard.default).targets.get(clock.metric)
    if target is not None and clock.metric != "collaboration":
        yield _("Target: %(target)s") % {"target": target_words(target)}
    yield _("Calendar: %(calendar)s") % {"calendar": calendar}
    yield _("Version %(n)s of the standard") % {"n": clock.standard_version}


def row_words(row: Row) -> str:
    """What a row of the standard holds for: `P1 · Phone`."""
    facts = {"tier": row.tier, "category": row.category, "priority": row.priority, "channel": row.channel}
    words = [value if name == "priority" else term(name, value) for name, value in facts.items() if value]
    return " · ".join(words) or row.key


def _row_name(key: str) -> str:
    return _("for everything else") if key in ("", DEFAULT_KEY) else key


def target_words(target: Target) -> str:
    """A target in words: 15 minutes, 2 hours, 3 working days."""
    n = target.amount
    if target.unit == "min":
        return ngettext("%(n)s minute", "%(n)s minutes", n) % {"n": n}
    if target.unit == "h":
        return ngettext("%(n)s hour", "%(n)s hours", n) % {"n": n}
    return ngettext("%(n)s working day", "%(n)s working days", n) % {"n": n}
