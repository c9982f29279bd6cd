"""The mapping file (TOML): how a log's columns become tickets and events. Read, shipped and recognised here.

It holds no rows; `plan` applies it. Format and an example: docs/import.md.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from jiying.desk.services.history.mapping_check import (
    REQUIRED_EVENT_COLUMNS,
    MappingProblem,
    mapping_problems,
    problem,
    table_of,
)
from jiying.desk.services.history.rows import LogFile


class MappingError(Exception):
    """The mapping cannot be used, alone or with this log; `problems` say all that is wrong at once."""

    def __init__(self, problems: Sequence[MappingProblem]) -> None:
        super().__init__("; ".join(f"{p.path}: {p.code} {dict(p.params)}" for p in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class FieldRule:
    """One ticket field: the first column that holds a value, or with `join` all that do; then the table of values."""

    columns: tuple[str, ...]
    join: str | None = None
    values: Mapping[str, str] | None = None
    default: str | None = None
    otherwise: str | None = None
    optional: bool = False
    is_time: bool = False


@dataclass(frozen=True)
class Meaning:
    """What an activity (a kind of event) or a state (a code of STATES) stands for, with the data that goes with it."""

    code: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class HistoryMapping:
    """A checked mapping file. Keys of `meanings` and of value tables are case-folded; so are null tokens."""

    name: str
    title: str
    mode: str
    zone: ZoneInfo | None
    times: tuple[str, ...]
    nulls: frozenset[str]
    skip_duplicates: bool
    keep_unknown: bool
    reply_with: frozenset[str]
    actor_is_agent: bool
    detect: Mapping[str, Any]
    event: Mapping[str, tuple[str, ...]]
    meanings: Mapping[str, Meaning]
    fields: Mapping[str, FieldRule]
    custom: Mapping[str, FieldRule]
    required: tuple[tuple[str, ...], ...]


# -- reading ----------------------------------------------------------------------------------------------------------


def parse_mapping(text: str, name: str = "") -> HistoryMapping:
    """The mapping in a TOML text. Raises MappingError with every problem found."""
    try:
        doc = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise MappingError([problem("", "toml_broken", detail=str(fault))]) from fault
    if problems := mapping_problems(doc):
        raise MappingError(problems)
    mode = doc.get("mode", "events")
    event = {key: _columns(value) for key, value in doc["event"].items()}
    fields = {key: _rule(value) for key, value in doc.get("ticket", {}).items()}
    custom = {key: _rule(value) for key, value in doc.get("custom", {}).items()}
    singles = [rule.columns for rule in (*fields.values(), *custom.values()) if not rule.optional]
    return HistoryMapping(
        name=doc.get("name", name),
        title=doc.get("title", ""),
        mode=mode,
        zone=ZoneInfo(doc["zone"]) if "zone" in doc else None,
        times=tuple(doc.get("times", ())),
        nulls=frozenset(fold(token) for token in ("", *doc.get("null", ()))),
        skip_duplicates=doc.get("duplicates", "keep") == "skip",
        keep_unknown=doc.get("unknown_activity", "imported") == "imported",
        reply_with=frozenset(doc.get("reply_with", ())),
        actor_is_agent=doc.get("actor_is_agent", True),
        detect=doc.get("detect", {}),
        event=event,
        meanings={fold(key): _meaning(value) for key, value in doc.get(table_of(mode), {}).items()},
        fields=fields,
        custom=custom,
        required=(*(event[key] for key in event if _is_needed(key, doc["event"][key])), *singles),
    )


def fold(value: str) -> str:
    """Values are compared without case and outer blanks: logs write `TRUE`, `True` and `true `."""
    return value.strip().casefold()


def _is_needed(key: str, value: Any) -> bool:
    """A column named alone must be there; of alternatives one must, but only where no ticket can do without."""
    return key in REQUIRED_EVENT_COLUMNS or isinstance(value, str)


def _columns(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _rule(value: Any) -> FieldRule:
    """A column's name, alternatives in a list, or a table; alternatives may all be absent from a log."""
    table = value if isinstance(value, Mapping) else {"columns": value}
    named = table.get("columns", ())
    values = table.get("values")
    return FieldRule(
        columns=_columns(named),
        join=table.get("join"),
        values={fold(key): code for key, code in values.items()} if values is not None else None,
        default=table.get("default"),
        otherwise=table.get("otherwise"),
        optional=not isinstance(named, str),
        is_time=table.get("time", False),
    )


def _meaning(value: Any) -> Meaning:
    if isinstance(value, str):
        return Meaning(value)
    data = dict(value)
    return Meaning(data.pop("is"), data)


# -- fitting to a log -------------------------------------------------------------------------------------------------


def shipped_mappings() -> dict[str, HistoryMapping]:
    """The mappings that come with the program, by name."""
    folder = resources.files(__package__).joinpath("mappings")
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name)
    return {
        entry.name.removesuffix(".toml"): parse_mapping(
            entry.read_text(encoding="utf-8"), entry.name.removesuffix(".toml")
        )
        for entry in files
    }


def column_problems(mapping: HistoryMapping, log: LogFile) -> list[MappingProblem]:
    """Columns that the mapping needs and the log lacks; each with what the log has, so that it can be mended."""
    has = set(log.columns)
    return [
        problem(
            " | ".join(columns), "column_missing", mapping=mapping.name, file=log.name, found=", ".join(log.columns)
        )
        for columns in mapping.required
        if not has.intersection(columns)
    ]


def choose_mapping(log: LogFile, mappings: Iterable[HistoryMapping]) -> HistoryMapping:
    """The mapping whose marks the log bears. Raises MappingError: the missing columns of the one that comes nearest."""
    candidates = list(mappings)
    for mapping in candidates:
        if mapping.detect and _bears(log, mapping.detect):
            require_columns(mapping, log)
            return mapping
    if not candidates:
        raise MappingError([problem("", "mapping_not_found", file=log.name, found=", ".join(log.columns))])
    nearest = min(candidates, key=lambda mapping: len(column_problems(mapping, log)))
    none = problem("", "mapping_not_found", file=log.name, found=", ".join(log.columns), nearest=nearest.name)
    raise MappingError([none, *column_problems(nearest, log)])


def require_columns(mapping: HistoryMapping, log: LogFile) -> None:
    """Raises MappingError if the log lacks a column that the mapping needs."""
    if problems := column_problems(mapping, log):
        raise MappingError(problems)


def _bears(log: LogFile, detect: Mapping[str, Any]) -> bool:
    """`columns`: all present; `values`: column -> pattern that most of the first rows match."""
    if not set(detect.get("columns", ())) <= set(log.columns):
        return False
    patterns = {column: re.compile(pattern) for column, pattern in detect.get("values", {}).items()}
    return all(_mostly(log, column, pattern) for column, pattern in patterns.items())


def _mostly(log: LogFile, column: str, pattern: re.Pattern[str]) -> bool:
    n_fits = sum(pattern.fullmatch(row.get(column, "").strip()) is not None for row in log.head)
    return n_fits * 2 > len(log.head)
