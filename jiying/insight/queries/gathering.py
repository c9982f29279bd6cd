"""The rows of a few periods read once, as arrays: any number of KPIs and slices are counted from them by numpy.

What `counting` counts by one statement for each question; a report asks sixteen. Figures are the same, exactly. What
was counted of a period that is over is kept by the files that it was counted from, which never change: so it is read
once, however much goes on in the house.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol

from jiying.core import kernels
from jiying.core.metrics import KPIS, Kpi, Tally
from jiying.core.metrics.spreads import BLOCK, percentiles
from jiying.insight.queries import counting
from jiying.insight.queries.counting import NONE, SLICES, Cut, Window
from jiying.warehouse import asking, reader
from jiying.warehouse.asking import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]

LATER = timedelta(days=1)  # a KPI may count a case so long after the last instant that its row tells
Counted = dict[str, Tally]
BITS = 30  # conditions that one number tells
MOMENT = timedelta(minutes=1)  # a period is over for good so long after its end
HIT, MISS = 2, 3  # states of a row
MOST_KEPT = 100_000  # counts that a process keeps of periods that are over, some 40 MB
BYTES_KEPT = 128 * 2**20  # and of rows of them, from which more may be counted
MOST = 2_000_000  # rows that a web process may hold as arrays; above, each question is a statement of its own


class Rows(Protocol):
    """What a report counts from."""

    def tallies(self, kpis: Sequence[str], at: int, by: str = "", spreads: bool = True) -> dict[str, dict[str, Tally]]:
        """As `counting.tallies`, in the window number `at`."""

    def distribution(self, key: str, edges: Sequence[int], at: int, by: str) -> dict[str, list[int]]:
        """As `counting.distribution`, in the window number `at`."""


def rows(kpis: Sequence[str], windows: Sequence[Window], cut: Cut, by: Mapping[str, Sequence[str]]) -> Rows:
    """To count these KPIs of these windows, by each slice those that are named with it. Raises reader.Missing."""
    until, alive = max(one.until for one in windows), min(one.since for one in windows) - LATER
    if reader.most_rows("tickets", until, alive) > MOST:
        return _Asked(tuple(windows), cut)
    # Another may ask the very same; in a period that still runs each asks up to another instant.
    are_over = until < datetime.now(UTC) - MOMENT
    left: deque[Callable[[], Portion]] = deque()
    for source in sorted({KPIS[key].source for key in kpis}, reverse=True):  # tickets have most to be read of
        own = tuple(KPIS[key] for key in kpis if KPIS[key].source == source)
        slices = tuple(name for name, keys in by.items() if any(KPIS[key].source == source for key in keys))
        for at, window in enumerate(windows):
            # Each window by itself, so that who goes on to the next period has only that one read.
            left.append(partial(_portion, at, _Wanted(source, own, window, cut, slices), are_over))
    found: list[Portion] = []

    def read() -> None:
        while left:
            try:
                portion = left.popleft()
            except IndexError:  # the other thread has taken the last one
                return
            found.append(portion())

    with asking.beside() as helper:
        beside = helper.submit(read)
        read()
        beside.result()
    return Gathered(tuple(found))


@dataclass(frozen=True)
class _Asked:
    """One statement for each question."""

    windows: tuple[Window, ...]
    cut: Cut

    def tallies(self, kpis: Sequence[str], at: int, by: str = "", spreads: bool = True) -> dict[str, dict[str, Tally]]:
        return counting.tallies(kpis, self.windows[at], self.cut, by, spreads)

    def distribution(self, key: str, edges: Sequence[int], at: int, by: str) -> dict[str, list[int]]:
        return counting.distribution(key, edges, self.windows[at], self.cut, by)


@dataclass(frozen=True)
class Part:
    """Columns of one source in one window. `states` of KPIs: 0 no case, 1 a case, 2 a hit, 3 a miss."""

    slices: dict[str, tuple[list[str], NDArray[np.intp]]]
    states: dict[str, Array]
    values: dict[str, Array]

    @property
    def n_rows(self) -> int:
        return max(map(len, self.states.values()))

    @property
    def n_bytes(self) -> int:
        groups = sum(group.nbytes for _labels, group in self.slices.values())
        return 2 * groups + sum(one.nbytes for one in (*self.states.values(), *self.values.values()))  # and their codes

    @cached_property
    def _codes(self) -> dict[str, NDArray[np.intp]]:
        """Of each slice the number of a row's group times four: with a state it is one number."""
        return {by: group * 4 for by, (_labels, group) in self.slices.items()}

    @cached_property
    def _sizes(self) -> dict[str, NDArray[np.intp]]:
        """Of each slice how many rows each group has."""
        import numpy as np

        return {by: np.bincount(group, minlength=len(labels)) for by, (labels, group) in self.slices.items()}

    def tally(self, key: str, by: str, spreads: bool = True) -> dict[str, Tally]:
        labels, group = self.slices[by] if by else ([""], None)
        size = len(labels)
        n, hits, misses = (column.tolist() for column in self._counts(key, by, size))
        totals, spread = self._values(KPIS[key], group, size, spreads)
        return {
            label: Tally(n[i], hits[i], misses[i], totals[i], *(spread[i] if n[i] and spread else (None, None)))
            for i, label in enumerate(labels)
        }

    def _counts(self, key: str, by: str, size: int) -> tuple[Array, Array, Array]:
        """Of each group the cases, hits and misses."""
        import numpy as np

        state = self.states[key]
        if not by:
            n, hits, misses = (np.array([np.count_nonzero(found)]) for found in (state, state == HIT, state == MISS))
            return n, hits, misses
        if not KPIS[key].hit:
            none = np.zeros(size, np.intp)
            if state.all():
                return self._sizes[by], none, none
            return np.bincount(self.slices[by][1][np.flatnonzero(state)], minlength=size), none, none
        counts = np.zeros(size * 4, np.int64)
        for low in range(0, len(state), BLOCK):
            code = self._codes[by][low : low + BLOCK] + state[low : low + BLOCK]
            counts += np.bincount(code, minlength=size * 4)
        by_state = counts.reshape(size, 4)
        return by_state[:, 1:].sum(1), by_state[:, HIT], by_state[:, MISS]

    def distribution(self, key: str, edges: Sequence[int], by: str) -> dict[str, list[int]]:
        import numpy as np

        cases = np.flatnonzero(self.states[key])
        labels, group = self.slices[by]
        stretch = np.searchsorted(np.array(edges), self.values[key][cases], side="right")
        size = len(edges) + 1
        counts = np.bincount(group[cases] * size + stretch, minlength=len(labels) * size).reshape(-1, size)
        return {label: row for label, row in zip(labels, counts.tolist(), strict=True) if any(row)}

    def _values(self, kpi: Kpi, group: Array | None, size: int, spreads: bool) -> tuple[list[int], list[list[int]]]:
        """Totals, and medians with 90th percentiles, by group; of all rows where there are no groups."""
        import numpy as np

        if not kpi.value:
            return [0] * size, []
        values, state = self.values[kpi.key], self.states[kpi.key]
        if not state.all():
            cases = np.flatnonzero(state)
            values = values[cases]
            group = None if group is None else group[cases]
        is_told = spreads and kpi.measure == "spread"
        if group is None:
            group = np.zeros(len(values) if is_told else 0, np.intp)
            totals = [int(values.sum(dtype=np.int64))]
        else:
            sums = np.zeros(size)  # of whole numbers: exact up to 2**53
            for low in range(0, len(values), BLOCK):
                sums += np.bincount(group[low : low + BLOCK], weights=values[low : low + BLOCK], minlength=size)
            totals = sums.astype(np.int64).tolist()
        return totals, percentiles(group, size, values, (50, 90)).tolist() if is_told else []


@dataclass
class Known:
    """What is known of a source in a window: its rows, and what was counted of them, by what was asked."""

    part: Part | None = None
    answers: dict[Hashable, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Portion:
    """One source in the window number `at`; `read` reads its rows once more."""

    at: int
    kpis: frozenset[str]
    known: Known
    read: Callable[[], Part]

    @property
    def n_rows(self) -> int:
        part = self.known.part  # another thread may let go of it at any moment
        return part.n_rows if part else 0

    def tally(self, key: str, by: str, spreads: bool) -> dict[str, Tally]:
        found: dict[str, Tally] = self._answer((key, by, spreads), lambda part: part.tally(key, by, spreads))
        return found

    def distribution(self, key: str, edges: Sequence[int], by: str) -> dict[str, list[int]]:
        found: dict[str, list[int]] = self._answer((key, by, *edges), lambda part: part.distribution(key, edges, by))
        return found

    def _answer(self, question: Hashable, count: Callable[[Part], dict[str, Any]]) -> dict[str, Any]:
        if question not in self.known.answers:
            part = self.known.part
            if part is None:  # what was counted before may be of other files by now
                part = self.read()
                self.known = Known(part)
            self.known.answers[question] = count(part)
        return self.known.answers[question]


@dataclass(frozen=True)
class Gathered:
    """Portions of each source and window."""

    portions: tuple[Portion, ...]

    def tallies(self, kpis: Sequence[str], at: int, by: str = "", spreads: bool = True) -> dict[str, dict[str, Tally]]:
        asked = [(one, key) for one in self.portions if one.at == at for key in kpis if key in one.kpis]
        n_rows = max((one.n_rows for one, _key in asked), default=0)
        counted = _side_by_side(lambda one, key: one.tally(key, by, spreads), asked, n_rows)
        found: dict[str, dict[str, Tally]] = {}
        for (_portion, key), tallies in zip(asked, counted, strict=True):
            for label, tally in tallies.items():
                if tally.n or not by:
                    found.setdefault(label, {})[key] = tally
        for row in found.values():
            row.update({key: Tally() for key in kpis if key not in row})
        return found

    def distribution(self, key: str, edges: Sequence[int], at: int, by: str) -> dict[str, list[int]]:
        (portion,) = (one for one in self.portions if one.at == at and key in one.kpis)
        return {label: list(row) for label, row in portion.distribution(key, edges, by).items()}


def _side_by_side(
    count: Callable[[Portion, str], Counted], asked: Sequence[tuple[Portion, str]], n_rows: int
) -> list[Counted]:
    """In threads where there are many rows; with few of them they would only wait for each other."""
    n_threads = kernels.n_threads(n_rows)
    if n_threads == 1:
        return [count(*one) for one in asked]
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(lambda one: count(*one), asked))


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Wanted:
    """What is read of a source: all that these KPIs need in a window, and the slices that they are cut by."""

    source: str
    kpis: tuple[Kpi, ...]
    window: Window
    cut: Cut
    by: tuple[str, ...]


_kept: OrderedDict[Hashable, Known] = OrderedDict()  # by what was asked, and of which files
_keeping = threading.Lock()


def _portion(at: int, wanted: _Wanted, is_kept: bool) -> Portion:
    read: Callable[[Callable[[Source], Any]], Any] = partial(
        reader.steady,
        since=None,
        until=wanted.window.until,
        # A clock may outlive its ticket: only files of the table that says when a case counts are left out.
        alive={wanted.source: wanted.window.since - LATER},
    )

    def made(copy: Source) -> Portion:
        files = copy.named(counting.rows(wanted.source, wanted.cut, wanted.by)[0])
        known = _of_before((wanted, files)) if is_kept else Known()
        if known.part is None and not known.answers:
            known.part = _read(copy, wanted)
        kpis = frozenset(kpi.key for kpi in wanted.kpis)
        return Portion(at, kpis, known, partial(read, partial(_read, wanted=wanted)))

    found: Portion = read(made)
    return found


def _of_before(key: Hashable) -> Known:
    """What is kept by a key, to be added to. Of what is more than may be kept, what was not asked for longest goes."""
    with _keeping:
        found = _kept[key] = _kept.pop(key, Known())
        n_bytes = n_counts = 0
        for other, one in reversed([*_kept.items()]):
            n_bytes += one.part.n_bytes if one.part else 0
            n_counts += sum(map(len, [*one.answers.values()]))
            if n_bytes > BYTES_KEPT:
                one.part = None
            if n_counts > MOST_KEPT and one is not found:
                del _kept[other]
    return found


# Of each slice that is words, those seen so far: the copy tells places in this list, and a read that meets a word which
# is not in it asks for it. Lists only grow: their first word is that of no value.
_words: dict[str, tuple[str, ...]] = {}
_learning = threading.Lock()


def _read(copy: Source, wanted: _Wanted) -> Part:
    """Each condition is read once as a bit and each value as a column, whatever number of KPIs share it: what a KPI
    makes of them is worked out by numpy, many times faster than by SQL."""
    kpis, window = wanted.kpis, wanted.window
    table, params = counting.rows(wanted.source, wanted.cut, wanted.by)
    rows = f"{table} AND is_counted AND ({_matters(kpis, window)})"
    words = {name: _words.get(name, ("",)) for name in wanted.by if not SLICES[name][1]}
    slices = {name: _place(name, words) for name in wanted.by}
    columns = [*slices.values(), *(_of_end(kpi.value, window) for kpi in kpis if kpi.value)]
    told = _Told(copy, _conditions(kpis, window), columns, rows, params)
    unknown = [name for name in words if told.lacks(slices[name])]
    if unknown:
        _learn(copy, unknown, rows, params)
        if any(_words[name] != words[name] for name in unknown):  # by this one or, meanwhile, by another thread
            return _read(copy, wanted)
    return Part(
        {name: _slice(told(sql, 1 if name in words else -1), words.get(name)) for name, sql in slices.items()},
        {kpi.key: told.state(kpi, window) for kpi in kpis},
        {kpi.key: told(_of_end(kpi.value, window), 0) for kpi in kpis if kpi.value},
    )


def _of_end(sql: str, window: Window) -> str:
    return sql.format(until=window.sql[1])


def _within(at: str, since: str, until: str) -> str:
    return f"({at}) >= {since} AND ({at}) < {until}"


def _conditions(kpis: Sequence[Kpi], window: Window) -> list[str]:
    """What states of these KPIs are made of."""
    found = [sql for kpi in kpis for sql in (_of_end(kpi.case, window), kpi.hit, kpi.miss) if sql]
    return found + [_within(kpi.at, *window.sql) for kpi in kpis if kpi.at]


class _Told:
    """What was asked, by the SQL that it was asked by: conditions as bits of a few whole numbers, and columns."""

    def __init__(
        self,
        copy: Source,
        conditions: Sequence[str],
        columns: Sequence[str],
        rows: str,
        params: Sequence[Any],
    ) -> None:
        self._bit = {sql: n for n, sql in enumerate(dict.fromkeys(conditions))}
        words = [list(self._bit)[first : first + BITS] for first in range(0, len(self._bit), BITS)]
        names = {sql: f"c{n}" for n, sql in enumerate(dict.fromkeys(columns))}
        listed = [f"{_word(held)} AS w{n}" for n, held in enumerate(words)]
        listed += [f"{sql} AS {name}" for sql, name in names.items()]
        found = copy.columns(f"SELECT {', '.join(listed)} {rows}", params)  # noqa: S608 - own names, words quoted
        self._words = [found[f"w{n}"] for n in range(len(words))]
        self._columns = {sql: found[name] for sql, name in names.items()}

    def __call__(self, sql: str, instead: Any) -> Array:
        """A column with something in the place of NULL."""
        import numpy as np

        return np.ma.filled(self._columns[sql], instead)

    def lacks(self, sql: str) -> bool:
        """Whether any is NULL."""
        import numpy as np

        return bool(np.ma.is_masked(self._columns[sql]))

    def _holds(self, condition: str) -> Array:
        word, bit = divmod(self._bit[condition], BITS)
        told: Array = (self._words[word] & (1 << bit)) != 0
        return told

    def state(self, kpi: Kpi, window: Window) -> Array:
        """As `Part.states`."""
        import numpy as np

        case = self._holds(_of_end(kpi.case, window))
        if kpi.at:
            case &= self._holds(_within(kpi.at, *window.sql))
        state = case.astype(np.uint8)
        if kpi.hit:
            hit = self._holds(kpi.hit)
            state += case & hit
            if kpi.miss:
                state += (case & self._holds(kpi.miss) & ~hit).astype(np.uint8) << 1
        return state


def _word(conditions: Sequence[str]) -> str:
    """Conditions as the bits of one number; what is unknown does not hold."""
    return " + ".join(f"CASE WHEN {sql} THEN {1 << n} ELSE 0 END" for n, sql in enumerate(conditions))


def _matters(kpis: Sequence[Kpi], window: Window) -> str:
    """The condition that a row is a case of any of these KPIs, or nearly."""
    cases: dict[str, set[str]] = {}
    for kpi in kpis:
        cases.setdefault(kpi.at, set()).add(f"({_of_end(kpi.case, window)})")
    told = []
    for at, listed in cases.items():
        case = "TRUE" if "(TRUE)" in listed else f"({' OR '.join(sorted(listed))})"
        told.append(f"{case} AND {_within(at, *window.sql)}" if at else case)
    return " OR ".join(told)


def _place(name: str, words: Mapping[str, Sequence[str]]) -> str:
    """A slice as whole numbers: of words the place among those known, from 1 on."""
    column = counting.slice_of(name)
    if SLICES[name][1]:
        return column
    listed = ", ".join("'" + word.replace("'", "''") + "'" for word in words[name])
    return f"list_position([{listed}], {column})"  # of one column and constants: worked out once a word of each file


def _learn(copy: Source, names: Sequence[str], rows: str, params: Sequence[Any]) -> None:
    """Take in the words of slices that were not known."""
    listed = ", ".join(f"list(DISTINCT {counting.slice_of(name)})" for name in names)
    (found,) = copy.query(f"SELECT {listed} {rows}", params)  # noqa: S608 - own names
    with _learning:
        for name, held in zip(names, found, strict=True):
            known = _words.get(name, ("",))
            _words[name] = (*known, *sorted(set(held) - {None, *known}))


def _slice(places: Array, words: Sequence[str] | None) -> tuple[list[str], Array]:
    """Labels, and the number of each row's."""
    import numpy as np

    if words is not None:
        return [word or NONE for word in words], places.astype(np.intp) - 1
    above = places.astype(np.intp) + 1
    held = np.flatnonzero(np.bincount(above))
    number = np.zeros(int(held[-1]) + 1 if len(held) else 1, np.intp)
    number[held] = np.arange(len(held))
    return [str(place - 1) if place else NONE for place in held.tolist()], number[above]
