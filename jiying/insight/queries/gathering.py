"""The rows of a few periods read once, as arrays: any number of KPIs and slices are counted from them by numpy.

What `counting` counts by one statement for each question; a report asks sixteen. Figures are the same, exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from jiying.core.metrics import COUNTED, KPIS, Kpi, Tally, is_case
from jiying.core.metrics.spreads import BLOCK, percentiles
from jiying.insight.queries import counting
from jiying.insight.queries.counting import NONE, SLICES, Cut, Window
from jiying.warehouse import reader
from jiying.warehouse.asking import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]

LATER = timedelta(days=1)  # a KPI may count a case so long after the last instant that its row tells
MOST = 2_000_000  # rows that a web process may hold as arrays; above, each question is a statement of its own


class Rows(Protocol):
    """What a report counts from."""

    def tallies(self, kpis: Sequence[str], at: int, by: str = "") -> dict[str, dict[str, Tally]]:
        """As `counting.tallies`, in the window number `at`."""

    def distribution(self, key: str, edges: Sequence[int], at: int, by: str) -> dict[str, list[int]]:
        """As `counting.distribution`, in the window number `at`."""


def rows(kpis: Sequence[str], windows: Sequence[Window], cut: Cut, by: Mapping[str, Sequence[str]]) -> Rows:
    """To count these KPIs of these windows, by each slice those that are named with it. Raises reader.Missing."""
    until, alive = max(one.until for one in windows), min(one.since for one in windows) - LATER
    (n_rows,) = reader.steady(lambda copy: copy.query("SELECT count(*) FROM tickets"), None, until, {"tickets": alive})[
        0
    ]
    if n_rows > MOST:
        return _Asked(tuple(windows), cut)
    parts = []
    for source in sorted({KPIS[key].source for key in kpis}):
        own = [KPIS[key] for key in kpis if KPIS[key].source == source]
        slices = tuple(name for name, keys in by.items() if any(KPIS[key].source == source for key in keys))
        reading = partial(_read, source=source, kpis=own, wanted=_Wanted(tuple(windows), cut, slices))
        # A clock may outlive its ticket: only files of the table that says when a case counts are left out.
        parts.append(reader.steady(reading, None, until, {source: alive}))
    return _Gathered(tuple(parts))


@dataclass(frozen=True)
class _Asked:
    """One statement for each question."""

    windows: tuple[Window, ...]
    cut: Cut

    def tallies(self, kpis: Sequence[str], at: int, by: str = "") -> dict[str, dict[str, Tally]]:
        return counting.tallies(kpis, self.windows[at], self.cut, by)

    def distribution(self, key: str, edges: Sequence[int], at: int, by: str) -> dict[str, list[int]]:
        return counting.distribution(key, edges, self.windows[at], self.cut, by)


@dataclass(frozen=True)
class Part:
    """Columns of one source. `states` of (KPI, window): 0 no case, 1 a case, 2 a hit, 3 a miss."""

    kpis: frozenset[str]
    slices: dict[str, tuple[list[str], NDArray[np.intp]]]
    states: dict[tuple[str, int], Array]
    values: dict[tuple[str, int], Array]

    def tally(self, key: str, at: int, by: str) -> dict[str, Tally]:
        import numpy as np

        state = self.states[key, at]
        labels, group = self.slices[by] if by else ([""], np.zeros(len(state), np.intp))
        size = len(labels)
        counts = np.zeros((size, 4), np.int64)
        for low in range(0, len(state), BLOCK):
            code = group[low : low + BLOCK] * 4 + state[low : low + BLOCK]
            counts += np.bincount(code, minlength=size * 4).reshape(size, 4)
        n, hits, misses = counts[:, 1:].sum(1).tolist(), counts[:, 2].tolist(), counts[:, 3].tolist()
        totals, spread = self._values(KPIS[key], at, group, size)
        return {
            label: Tally(n[i], hits[i], misses[i], totals[i], *(spread[i] if n[i] and spread else (None, None)))
            for i, label in enumerate(labels)
        }

    def _values(self, kpi: Kpi, at: int, group: Array, size: int) -> tuple[list[int], list[list[int]]]:
        """Totals, and medians with 90th percentiles, by slice."""
        import numpy as np

        if not kpi.value:
            return [0] * size, []
        values, state = self.values[kpi.key, at], self.states[kpi.key, at]
        if not state.all():
            cases = np.flatnonzero(state)
            group, values = group[cases], values[cases]
        totals = np.zeros(size)  # of whole numbers: exact up to 2**53
        for low in range(0, len(values), BLOCK):
            totals += np.bincount(group[low : low + BLOCK], weights=values[low : low + BLOCK], minlength=size)
        spread = percentiles(group, size, values, (50, 90)).tolist() if kpi.measure == "spread" else []
        return [int(total) for total in totals], spread


@dataclass(frozen=True)
class _Gathered:
    parts: tuple[Part, ...]

    def tallies(self, kpis: Sequence[str], at: int, by: str = "") -> dict[str, dict[str, Tally]]:
        found: dict[str, dict[str, Tally]] = {}
        for part in self.parts:
            for key in (key for key in kpis if key in part.kpis):
                for label, tally in part.tally(key, at, by).items():
                    if tally.n or not by:
                        found.setdefault(label, {})[key] = tally
        for row in found.values():
            row.update({key: Tally() for key in kpis if key not in row})
        return found

    def distribution(self, key: str, edges: Sequence[int], at: int, by: str) -> dict[str, list[int]]:
        import numpy as np

        (part,) = (part for part in self.parts if key in part.kpis)
        cases = np.flatnonzero(part.states[key, at])
        labels, group = part.slices[by]
        stretch = np.searchsorted(np.array(edges), part.values[key, at][cases], side="right")
        size = len(edges) + 1
        counts = np.bincount(group[cases] * size + stretch, minlength=len(labels) * size).reshape(-1, size)
        return {label: row for label, row in zip(labels, counts.tolist(), strict=True) if any(row)}


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Wanted:
    windows: tuple[Window, ...]
    cut: Cut
    by: tuple[str, ...]


def _words(copy: Source, names: Sequence[str]) -> dict[str, list[str]]:
    """All values of slices that are words, of any ticket."""
    if not names:
        return {}
    listed = ", ".join([*(f"list(DISTINCT coalesce({counting.slice_of(name)}, ''))" for name in names), "0"])
    (known,) = copy.query(f"SELECT {listed} FROM tickets")  # noqa: S608
    return {name: sorted(held or ()) for name, held in zip(names, known, strict=False)}


def _read(copy: Source, source: str, kpis: Sequence[Kpi], wanted: _Wanted) -> Part:
    windows, by = wanted.windows, wanted.by
    words = _words(copy, [name for name in by if not SLICES[name][1]])
    rows, params = counting.rows(source, wanted.cut)
    rows += f" AND {COUNTED} AND ({_matters(kpis, windows)})"
    columns = [
        *(f"{_place(name, words)} AS s{n}" for n, name in enumerate(by)),
        *(f"{_state(kpi, one)} AS c{n}_{w}" for n, kpi in enumerate(kpis) for w, one in enumerate(windows)),
        *(f"{_value(kpi, one)} AS v{n}_{w}" for n, kpi in enumerate(kpis) for w, one in _valued(kpi, windows)),
    ]
    listed = [words[name] for name in by if name in words]
    told = copy.columns(f"SELECT {', '.join(columns)} {rows}", [*listed, *params])  # noqa: S608
    numbers = [(n, kpi, w) for n, kpi in enumerate(kpis) for w in range(len(windows))]
    return Part(
        frozenset(kpi.key for kpi in kpis),
        {name: _slice(told[f"s{n}"], words.get(name)) for n, name in enumerate(by)},
        {(kpi.key, w): told[f"c{n}_{w}"] for n, kpi, w in numbers},
        {(kpi.key, w): told[f"v{n}_{w}" if f"v{n}_{w}" in told else f"v{n}_0"] for n, kpi, w in numbers if kpi.value},
    )


def _matters(kpis: Sequence[Kpi], windows: Sequence[Window]) -> str:
    """The condition that a row is a case of any of these KPIs in any of these windows, or nearly."""
    bounds = [one.sql for one in windows]
    since, until = min(low for low, _high in bounds), max(high for _low, high in bounds)
    parts = {f"({kpi.at}) >= {since} AND ({kpi.at}) < {until}" for kpi in kpis if kpi.at}
    parts |= {is_case(kpi, *one, excluded=True) for kpi in kpis if not kpi.at for one in bounds}
    told = " OR ".join(f"({part})" for part in sorted(parts))
    asked = {kpi.case for kpi in kpis}
    if "TRUE" in asked or any("{until}" in case for case in asked):
        return told
    return f"({told}) AND ({' OR '.join(f'({case})' for case in sorted(asked))})"


def _place(name: str, words: dict[str, list[str]]) -> str:
    column = counting.slice_of(name)
    return (
        f"coalesce({column}, -1)"
        if SLICES[name][1]
        else f"list_position(?::VARCHAR[], coalesce({column}, ''))::INTEGER"
    )


def _slice(column: Any, words: list[str] | None) -> tuple[list[str], Array]:
    """Labels, and the number of each row's."""
    import numpy as np

    plain = np.ma.getdata(column)
    if words is not None:
        return [word or NONE for word in words], plain.astype(np.intp) - 1
    places = plain.astype(np.intp) + 1
    held = np.flatnonzero(np.bincount(places))
    number = np.zeros(int(held[-1]) + 1 if len(held) else 1, np.intp)
    number[held] = np.arange(len(held))
    return [str(place - 1) if place else NONE for place in held.tolist()], number[places]


def _state(kpi: Kpi, window: Window) -> str:
    hit, miss = (f"WHEN {told} THEN {n} " if told else "" for n, told in ((2, kpi.hit), (3, kpi.miss)))
    case = f"CASE {hit}{miss}ELSE 1 END" if kpi.hit or kpi.miss else "1"
    return f"(CASE WHEN {is_case(kpi, *window.sql, excluded=True)} THEN {case} ELSE 0 END)::TINYINT"


def _valued(kpi: Kpi, windows: Sequence[Window]) -> list[tuple[int, Window]]:
    """The windows for which a KPI's values are read: one for all, unless they tell how old something is at the end."""
    numbered = list(enumerate(windows))
    return [] if not kpi.value else numbered if "{until}" in kpi.value else numbered[:1]


def _value(kpi: Kpi, window: Window) -> str:
    return f"coalesce({kpi.value.format(until=window.sql[1])}, 0)::BIGINT"
