"""The figures of surveys: asked, answered, mean, satisfied; for the whole and by team, agent, channel, category, week.

Each with what it is counted of. A survey counts in the period in which it was asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncWeek
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from jiying.base.actor import Actor
from jiying.base.models import Person, Team
from jiying.base.policies import require
from jiying.base.texts import term
from jiying.core.surveys import SCALES, Tally
from jiying.desk.queries import categories
from jiying.quality.policies import RESULTS
from jiying.quality.queries.surveys import Wanted, asked

BY = ("team", "agent", "channel", "category", "week")
MOST = 200


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One group. Rates are from 0 to 1, `good_low` to `good_high` the 95 % interval of `good_rate` (Wilson), `nps` from
    -100 to 100; null where there is nothing to count. `few`: under 30 answers, too few to compare."""

    value: str
    label: str
    n_asked: int
    n_answered: int
    total: int
    n_good: int
    n_bad: int
    response_rate: float | None
    mean: float | None
    good_rate: float | None
    good_low: float | None
    good_high: float | None
    nps: float | None
    few: bool


@dataclass(frozen=True, slots=True)
class SurveyFigures:
    kind: str
    days: int
    by: str
    whole: FigureRow
    items: list[FigureRow]


def figures(actor: Actor, wanted: Wanted, by: str, now: datetime) -> SurveyFigures:
    """In two queries and those for names."""
    require(actor, RESULTS)
    found, sums = asked(actor, wanted, now), _sums(wanted.kind)
    whole = _tally(wanted.kind, found.aggregate(**sums))
    grouped = found.annotate(week=TruncWeek("opens_at")) if by == "week" else found
    counts = {one[by]: one for one in grouped.values(by).annotate(**sums).order_by(by)[:MOST]}
    labels = _labels(by, counts)
    rows = [_row(_value(by, key), labels.get(key, ""), _tally(wanted.kind, one)) for key, one in counts.items()]
    if by != "week":
        rows.sort(key=lambda one: (-one.n_answered, -one.n_asked, one.label))
    return SurveyFigures(wanted.kind, wanted.days, by, _row("", _("All"), whole), rows)


def _sums(kind: str) -> dict[str, Any]:
    scale, done = SCALES[kind], Q(state="answered")
    return {
        "n_asked": Count("pk"),
        "n_answered": Count("pk", filter=done),
        "sum_score": Sum("score", filter=done),
        "n_good": Count("pk", filter=done & Q(score__gte=scale.good)),
        "n_bad": Count("pk", filter=done & Q(score__lte=scale.bad)),
    }


def _tally(kind: str, one: dict[str, Any]) -> Tally:
    return Tally(kind, one["n_asked"], one["n_answered"], one["sum_score"] or 0, one["n_good"], one["n_bad"])


def _value(by: str, key: Any) -> str:
    if key is None:
        return "none"
    return key.isoformat() if by == "week" else str(key)


def _labels(by: str, keys: Iterable[Any]) -> dict[Any, str]:
    known = [key for key in keys if key is not None]
    labels: dict[Any, str]
    if by == "agent":
        labels = dict(Person.objects.filter(pk__in=known).values_list("pk", "name"))
    elif by == "team":
        labels = dict(Team.objects.filter(pk__in=known).values_list("pk", "name"))
    elif by == "channel":
        labels = {key: term("channel", key) for key in known}
    elif by == "week":
        labels = {key: date_format(timezone.localtime(key), "m-d") for key in known}
    else:
        names = {one.path: one.label for one in categories.choices()}
        labels = {key: names.get(key, key) or _("without category") for key in known}
    return labels | {None: _("nobody")}


def label(by: str, value: str) -> str:
    """The word for one group, as an address names it."""
    if value == "none":
        return _("nobody")
    if by == "week":
        return value[:10]
    key: Any = int(value) if by in ("agent", "team") and value.isdecimal() and len(value) < 19 else value
    return _labels(by, [key]).get(key, value) if by not in ("agent", "team") or isinstance(key, int) else value


def _row(value: str, label: str, tally: Tally) -> FigureRow:
    good = tally.good_range
    return FigureRow(
        value=value,
        label=label,
        n_asked=tally.n_asked,
        n_answered=tally.n_answered,
        total=tally.total,
        n_good=tally.n_good,
        n_bad=tally.n_bad,
        response_rate=tally.response_rate,
        mean=tally.mean,
        good_rate=tally.good_rate,
        good_low=good.low if good else None,
        good_high=good.high if good else None,
        nps=tally.nps,
        few=tally.is_few,
    )
