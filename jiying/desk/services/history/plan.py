"""Applies a mapping to rows: each becomes a compact record, or a note that says which cell could not be read and why.

Cells repeat a lot in event logs, so what was once worked out is remembered for the length of one import.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from jiying.desk.services.history.mapping import FieldRule, HistoryMapping, Meaning, fold
from jiying.desk.services.history.rows import Row, RowNote, shown

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
YEARS = range(1970, 2101)
LIMITS = {"case": 80, "category": 120, "subject": 200, "tier": 20}


class Facts(NamedTuple):
    """What a row says of its ticket; None where the row says nothing."""

    channel: str | None
    priority: str | None
    tier: str | None
    category: str | None
    type: str | None
    subject: str | None
    customer: str | None
    agent: str | None
    team: str | None
    custom: tuple[tuple[str, str], ...]


class Record(NamedTuple):
    """One row, understood. Instants are microseconds since 1970 (UTC)."""

    number: int
    case: str
    at_us: int
    activity: str
    transition: str | None
    meaning: Meaning | None
    actor: str | None
    opened_us: int | None
    n_reopens: int | None
    facts: Facts
    digest: bytes


class _Unreadable(Exception):
    def __init__(self, code: str, column: str, value: str = "") -> None:
        super().__init__(code)
        self.code, self.column, self.value = code, column, value


@dataclass
class Plan:
    """A mapping made ready for one import. `wanted` are the columns to read; `remarks` gather replaced values."""

    mapping: HistoryMapping
    wanted: tuple[str, ...] = ()
    remarks: list[RowNote] = field(default_factory=list)
    _place: dict[str, int] = field(default_factory=dict)
    _times: dict[str, int] = field(default_factory=dict)
    _facts: dict[tuple[str, ...], Facts] = field(default_factory=dict)
    _meanings: dict[tuple[str, str | None], Meaning | None] = field(default_factory=dict)
    _texts: dict[str, str | None] = field(default_factory=dict)
    _replaced: set[tuple[str, str]] = field(default_factory=set)
    _facts_of: Callable[[Sequence[str]], tuple[str, ...]] = tuple

    def __post_init__(self) -> None:
        rules = (*self.mapping.fields.values(), *self.mapping.custom.values())
        of_facts = dict.fromkeys(column for rule in rules for column in rule.columns)
        of_events = dict.fromkeys(column for columns in self.mapping.event.values() for column in columns)
        self.wanted = tuple({**of_facts, **of_events})
        self._place = {column: place for place, column in enumerate(self.wanted)}
        n_facts = len(of_facts)
        self._facts_of = lambda values: tuple(values[:n_facts])

    def read(self, row: Row) -> Record | RowNote:
        """The record of a row, or the first reason why it has to be skipped."""
        try:
            return self._record(row)
        except _Unreadable as fault:
            case = self._text(row.values, "case") or ""
            return RowNote(row.number, fault.code, fault.column, shown(fault.value), shown(case))

    def _record(self, row: Row) -> Record:
        values = row.values
        case = self._needed(values, "case")
        if len(case) > LIMITS["case"]:
            raise _Unreadable("value_too_long", self._column("case"), case)
        activity = self._needed(values, "activity")
        transition = self._text(values, "transition")
        opened = self._text(values, "opened_at")
        return Record(
            number=row.number,
            case=case,
            at_us=self._instant(self._needed(values, "at"), self._column("at")),
            activity=activity,
            transition=transition,
            meaning=self._meaning(activity, transition),
            actor=self._text(values, "actor"),
            opened_us=self._instant(opened, self._column("opened_at")) if opened else None,
            n_reopens=self._count(values, "reopens"),
            facts=self._facts_at(values, row.number),
            digest=row.digest,
        )

    # -- single cells -------------------------------------------------------------------------------------------------

    def _column(self, key: str) -> str:
        return " | ".join(self.mapping.event[key])

    def _text(self, values: Sequence[str], key: str) -> str | None:
        for column in self.mapping.event.get(key, ()):
            if (text := self._clean(values[self._place[column]])) is not None:
                return text
        return None

    def _clean(self, raw: str) -> str | None:
        """A cell without outer blanks, None for a null token; equal texts become one object."""
        try:
            return self._texts[raw]
        except KeyError:
            text = raw.strip()
            self._texts[raw] = found = None if fold(text) in self.mapping.nulls else text
            return found

    def _needed(self, values: Sequence[str], key: str) -> str:
        text = self._text(values, key)
        if text is None:
            raise _Unreadable("time_missing" if key == "at" else f"{key}_missing", self._column(key))
        return text

    def _count(self, values: Sequence[str], key: str) -> int | None:
        text = self._text(values, key)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise _Unreadable("number_unreadable", self._column(key), text)
        return int(text)

    def _instant(self, text: str, column: str) -> int:
        found = self._times.get(text)
        if found is None:
            moment = self._moment(text)
            if moment is None:
                raise _Unreadable("time_unreadable", column, text)
            if moment.tzinfo is None:
                if self.mapping.zone is None:
                    raise _Unreadable("time_without_zone", column, text)
                moment = moment.replace(tzinfo=self.mapping.zone)
            if moment.year not in YEARS:
                raise _Unreadable("time_out_of_range", column, text)
            found = self._times[text] = (moment - EPOCH) // MICROSECOND
        return found

    def _moment(self, text: str) -> dt.datetime | None:
        """The formats of the mapping in their order, then ISO 8601, which no day-first form can be mistaken for."""
        for form in self.mapping.times:
            try:
                return dt.datetime.strptime(text, form)  # noqa: DTZ007 - the zone comes from the mapping
            except ValueError:
                continue
        try:
            return dt.datetime.fromisoformat(text)
        except ValueError:
            return None

    # -- meaning ------------------------------------------------------------------------------------------------------

    def _meaning(self, activity: str, transition: str | None) -> Meaning | None:
        """None: an activity that the mapping does not name, kept as it is if the mapping allows that."""
        key = (activity, transition)
        if key not in self._meanings:
            self._meanings[key] = self._look_up(activity, transition)
        return self._meanings[key]

    def _look_up(self, activity: str, transition: str | None) -> Meaning | None:
        known = self.mapping.meanings
        if transition and (found := known.get(fold(f"{activity}+{transition}"))):
            return found
        if transition is None or fold(transition) == "complete":
            if found := known.get(fold(activity)):
                return found
        if self.mapping.mode == "snapshots" or not self.mapping.keep_unknown:
            raise _Unreadable("activity_unknown", self._column("activity"), activity)
        return None

    # -- facts --------------------------------------------------------------------------------------------------------

    def _facts_at(self, values: Sequence[str], number: int) -> Facts:
        cells = self._facts_of(values)
        found = self._facts.get(cells)
        if found is None:
            taken = {name: self._field(name, rule, values, number) for name, rule in self.mapping.fields.items()}
            custom = {name: self._field(name, rule, values, number) for name, rule in self.mapping.custom.items()}
            found = Facts(
                **{name: taken.get(name) for name in Facts._fields if name != "custom"},
                custom=tuple((name, value) for name, value in custom.items() if value is not None),
            )
            self._facts[cells] = found
        return found

    def _field(self, name: str, rule: FieldRule, values: Sequence[str], number: int) -> str | None:
        parts = [text for column in rule.columns if (text := self._clean(values[self._place[column]])) is not None]
        if not parts:
            return rule.default
        text = rule.join.join(parts) if rule.join is not None else parts[0]
        if rule.is_time:
            return (EPOCH + self._instant(text, " | ".join(rule.columns)) * MICROSECOND).isoformat()
        if rule.values is not None:
            text = self._translated(rule, rule.values, text, number)
        if len(text) > LIMITS.get(name, len(text)):
            raise _Unreadable("value_too_long", " | ".join(rule.columns), text)
        return text

    def _translated(self, rule: FieldRule, table: Mapping[str, str], text: str, number: int) -> str:
        found = table.get(fold(text))
        if found is not None:
            return found
        column = " | ".join(rule.columns)
        if rule.otherwise is None:
            raise _Unreadable("value_unknown", column, text)
        if (column, text) not in self._replaced:
            self._replaced.add((column, text))
            self.remarks.append(RowNote(number, "value_replaced", column, shown(text)))
        return rule.otherwise
