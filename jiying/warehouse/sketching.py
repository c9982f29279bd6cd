"""Sketches of the files of months, by day: what a question over a long time adds up in place of reading rows.

Upper floors register what is counted of a table (`register`). A sketch lies beside its file, is named with it in the
manifest, and never changes, as files do not. Rows without one are read: those of months that have changed since their
files were written, of files that are older than what is registered now, and of the present day. Counts and sums are
those of all rows, exactly; percentiles are as near as `core.metrics.sketches` says. Rights are the caller's affair.
"""

# ruff: noqa: S608 - names are our own

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from jiying.core.metrics import sketches
from jiying.core.metrics.sketches import COUNTS, SLOTS
from jiying.warehouse import files, reader, store
from jiying.warehouse.asking import Source
from jiying.warehouse.store import Content, File
from jiying.warehouse.tables import shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jiying.core.metrics.sketches import Sketch

    Array = NDArray[Any]

FORMAT = 1
DAY = timedelta(days=1)
ALIVE = timedelta(days=2)  # a day is asked in files in which something has happened since so long before it


@dataclass(frozen=True, slots=True)
class Measure:
    """What is counted, as SQL over a row: where `case` is true, on the `day` of the instant `at` (no case where that is
    none), a hit, a miss, and `value`, a whole number from 0 on."""

    key: str
    at: str
    day: str
    case: str
    hit: str = ""
    miss: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is counted of those rows of a table which `counted` lets through."""

    counted: str
    measures: tuple[Measure, ...]

    @property
    def days(self) -> list[str]:
        return list(dict.fromkeys(one.day for one in self.measures))

    @property
    def values(self) -> list[str]:
        return list(dict.fromkeys(one.value for one in self.measures if one.value))

    @property
    def form(self) -> str:
        """What the names of its sketches end in: other questions, another name."""
        return hashlib.sha256(repr((FORMAT, SLOTS, self)).encode()).hexdigest()[:12] + ".npz"


@dataclass(frozen=True, slots=True)
class Span:
    """The days from `first` to `last`. `today` is not over; it began at `since`, and of it counts what was before
    `until`."""

    first: date
    last: date
    today: date
    since: datetime
    until: datetime

    @property
    def n_days(self) -> int:
        return (self.last - self.first).days + 1


_REGISTERED: dict[str, Callable[[], Plan]] = {}


def register(table: str, plan: Callable[[], Plan]) -> None:
    """Have sketches kept beside a table's files of months."""
    _REGISTERED[table] = plan


# --- making ----------------------------------------------------------------------------------------------------------


def kept(connection: Any, contents: Mapping[str, Content]) -> dict[str, Content]:
    """The same contents with a sketch beside each file of a month that had none, or one of another form."""
    found = dict(contents)
    for table in [name for name in _REGISTERED if name in contents]:
        plan = _REGISTERED[table]()
        months = {
            month: tuple(
                file if file.sketch.endswith(plan.form) else _sketched(connection, file, plan) for file in held
            )
            for month, held in contents[table].months.items()
        }
        found[table] = replace(contents[table], months=months)
    return found


def _sketched(connection: Any, file: File, plan: Plan) -> File:
    import numpy as np

    path = f"{file.path.removesuffix('.parquet')}.{plan.form}"
    told = connection.execute(_statement(f"read_parquet({files.paths([file])})", plan)).fetchnumpy()
    made: dict[str, Any] = {one.key: _packed(*_sketch(told, plan, one)) for one in plan.measures}
    np.savez(store.folder() / path, **made)
    return replace(file, sketch=path)


def _statement(rows: str, plan: Plan, where: str = "TRUE") -> str:
    """A column of days for each instant, of values for each value, and of states for each measure."""
    columns = [f"({_state(one)})::TINYINT AS s{n}" for n, one in enumerate(plan.measures)]
    columns += [
        f"coalesce(date_diff('day', DATE '1970-01-01', {day}), 0)::INTEGER AS d{n}" for n, day in enumerate(plan.days)
    ]
    columns += [f"coalesce({value}, -1)::BIGINT AS v{n}" for n, value in enumerate(plan.values)]
    return f"SELECT {', '.join(columns)} FROM {rows} WHERE ({plan.counted}) AND ({where})"


def _state(one: Measure) -> str:
    told = "".join(f" WHEN {said} THEN {code}" for said, code in ((one.hit, 2), (one.miss, 3)) if said)
    return (
        f"CASE WHEN ({one.case}) AND ({one.at}) IS NOT NULL THEN {f'CASE{told} ELSE 1 END' if told else 1} ELSE 0 END"
    )


def _sketch(told: Mapping[str, Any], plan: Plan, one: Measure) -> tuple[Array, Sketch]:
    """The days that have any case of a measure, counted from 1970 on, and their sketch."""
    import numpy as np

    state = np.ma.getdata(told[f"s{plan.measures.index(one)}"])
    cases = np.flatnonzero(state)
    days = np.ma.getdata(told[f"d{plan.days.index(one.day)}"])[cases].astype(np.intp)
    values = np.ma.getdata(told[f"v{plan.values.index(one.value)}"])[cases] if one.value else None
    if not len(days):
        return days, np.zeros((0, SLOTS if one.value else COUNTS), np.int64)
    least = int(days.min())
    days -= least
    held = np.flatnonzero(np.bincount(days))
    place = np.zeros(int(held[-1]) + 1, np.intp)
    place[held] = np.arange(len(held))
    return held + least, sketches.sketch(place[days], len(held), state[cases], values)


def _packed(days: Array, sketch: Sketch) -> Array:
    """Day, slot and number of whatever is not nothing."""
    import numpy as np

    row, slot = np.nonzero(sketch)
    return np.stack([days[row], slot, sketch[row, slot]], 1)


# --- reading ---------------------------------------------------------------------------------------------------------


def by_day(table: str, key: str, span: Span) -> Sketch:
    """[day of the span][slot] of one measure. Raises reader.Missing."""
    return reader.again(lambda: _by_day(table, key, span))


def _by_day(table: str, key: str, span: Span) -> Sketch:
    import numpy as np

    plan = _REGISTERED[table]()
    one = next(one for one in plan.measures if one.key == key)
    found = np.zeros((span.n_days, SLOTS if one.value else COUNTS), np.int64)
    covered, rest = _halves(reader.content(table), plan.form)
    for file in covered.files:
        _add_kept(found, file, key, span)
    single = replace(plan, measures=(one,))
    since = datetime.combine(span.first, time(), UTC)
    days = f"{one.day} BETWEEN DATE '{span.first}' AND DATE '{span.last}' AND {one.at} < {_stamp(span.until)}"
    if rest.files:
        _add(found, span, *_of_rows(table, rest, single, since, days))
    if span.last >= span.today:
        present = f"{one.at} >= {_stamp(span.since)} AND {one.at} < {_stamp(span.until)}"
        _add(found, span, *_of_rows(table, covered, single, span.since, present))
    return found


def _halves(content: Content, form: str) -> tuple[Content, Content]:
    """The months whose sketches say all of them, and what is to be read by rows."""
    hidden = content.changes.hides if content.changes else ()
    covered = {
        month: held
        for month, held in content.months.items()
        if month not in hidden and all(file.sketch.endswith(form) for file in held)
    }
    rest = {month: held for month, held in content.months.items() if month not in covered}
    return Content(covered), Content(rest, content.changes)


def _add_kept(found: Sketch, file: File, key: str, span: Span) -> None:
    import numpy as np

    with np.load(store.folder() / file.sketch) as told:
        day, slot, number = told[key].T
    begin, end = _number(span.first), _number(min(span.last + DAY, span.today))
    own = (day >= begin) & (day < end)
    found[day[own] - begin, slot[own]] += number[own]  # a day's slot stands there once


def _of_rows(table: str, content: Content, plan: Plan, since: datetime, where: str) -> tuple[Array, Sketch]:
    """The days and their sketch of what can have happened since an instant."""
    (shape,) = (shape for shape in shapes() if shape.table.name == table)
    alive = (since - ALIVE).astimezone(UTC).replace(tzinfo=None)
    copy = Source(str(store.folder()), ((table, files.source(shape, content, None, alive)),))
    (one,) = plan.measures
    return _sketch(copy.columns(_statement(table, plan, f"({one.case}) AND {where}")), plan, one)


def _add(found: Sketch, span: Span, days: Array, sketch: Sketch) -> None:
    found[days - _number(span.first)] += sketch


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _stamp(at: datetime) -> str:
    return f"TIMESTAMP '{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'"
