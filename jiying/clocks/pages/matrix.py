"""The matrix channel × priority: for each cell the row that holds, its targets, and what differs."""

from collections.abc import Sequence
from dataclasses import dataclass

from jiying.base import texts
from jiying.clocks.pages import standard_words as words
from jiying.core.standards import CHANNELS, PRIORITIES, TICKET_METRICS, Facts, Row, Standard, Target

IN_CELL = ("first_response", "resolution")


@dataclass(frozen=True, slots=True)
class Line:
    """One metric of a cell; `was` is the target of the other version where it differs."""

    metric: str
    amount: str
    calendar: str
    was: str
    starts: str


@dataclass(frozen=True, slots=True)
class Cell:
    channel: str
    priority: str
    row: str
    key: str
    lines: Sequence[Line]
    is_changed: bool

    @property
    def brief(self) -> list[Line]:
        """What the cell itself shows: the two targets that matter most, and whatever differs."""
        return [line for line in self.lines if line.metric in IN_CELL or line.was]

    @property
    def calendars(self) -> str:
        """The calendars of the two targets shown, each once."""
        return " / ".join(dict.fromkeys(line.calendar for line in self.brief))


def matrix(standard: Standard, other: Standard | None, names: words.Names) -> list[tuple[str, list[Cell]]]:
    """Rows of cells by channel; `other` is the version to compare with."""
    return [
        (channel, [_cell(standard, other, Facts(channel, priority), names) for priority in PRIORITIES])
        for channel in CHANNELS
    ]


def _cell(standard: Standard, other: Standard | None, facts: Facts, names: words.Names) -> Cell:
    row = standard.row_for(facts)
    before = other.row_for(facts) if other else None
    lines = lines_of(standard, row, before, names)
    changed = any(line.was for line in lines)
    return Cell(str(facts.channel), str(facts.priority), words.row(row), row.key, lines, changed)


def lines_of(standard: Standard, row: Row, before: Row | None, names: words.Names) -> list[Line]:
    """The metrics of a row in their order; a target that was there before and is gone counts as changed too."""
    found = []
    for metric in TICKET_METRICS:
        now, old = row.targets.get(metric), before.targets.get(metric) if before else None
        if now is None and old is None:
            continue
        was = "" if before is None or now == old else words.target(old, names) if old else "—"
        found.append(_line(standard, metric, now, was, names))
    return found


def _line(standard: Standard, metric: str, target: Target | None, was: str, names: words.Names) -> Line:
    return Line(
        metric=metric,
        amount=words.amount(target) if target else "—",
        calendar=names.calendar(target.calendar) if target else "",
        was=was,
        starts=texts.term("starts", standard.rule(metric).starts),
    )


def special_rows(standard: Standard, other: Standard | None, names: words.Names) -> list[tuple[str, list[Line]]]:
    """Rows for a tier or a category, which the matrix cannot show, and the default row last.

    A row is compared with what held before for the same tickets, so that a new row shows what it changes.
    """
    rows = [row for row in standard.rows if row.tier or row.category]
    found = [
        (words.row(row), lines_of(standard, row, other.row_for(Facts(*row.facts)) if other else None, names))
        for row in rows
    ]
    default = lines_of(standard, standard.default, other.default if other else None, names)
    return [*found, (words.row(standard.default), default)]
