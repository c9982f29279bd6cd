"""How promises were kept in a period: by row of the standard, by department, and why not. Figures only, no words.

A clock counts where its verdict fell: met when it ended in time, breached at its due instant. Attainment is met among
both (`core.metrics`).
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from jiying.clocks.models import BreachCause, Clock
from jiying.core.clocks.subject import BY_DEPARTMENT

MET = Clock.State.MET


@dataclass(frozen=True, slots=True)
class Kept:
    """`rate` is the attainment, None where nothing was decided."""

    n_met: int = 0
    n_breached: int = 0

    @property
    def n(self) -> int:
        return self.n_met + self.n_breached

    @property
    def rate(self) -> float | None:
        return self.n_met / self.n if self.n else None

    def __add__(self, other: "Kept") -> "Kept":
        return Kept(self.n_met + other.n_met, self.n_breached + other.n_breached)


def _decided(since: datetime, until: datetime) -> "QuerySet[Clock, Clock]":
    met = Q(state=MET, ended_at__gte=since, ended_at__lt=until)
    return Clock.objects.filter(met | Q(breached_at__gte=since, breached_at__lt=until))


def by_row(since: datetime, until: datetime) -> dict[tuple[str, str], Kept]:
    """{(metric, row of the standard): figures} of everything but requests to departments, and revisions themselves."""
    rows = _decided(since, until).exclude(metric__in=(*BY_DEPARTMENT, "revision")).exclude(row="")
    return {(metric, row): kept for metric, row, kept in _counted(rows)}


def by_department(since: datetime, until: datetime) -> dict[str, Kept]:
    """{department: figures} of the requests that were put to it."""
    found: dict[str, Kept] = {}
    for _metric, row, kept in _counted(_decided(since, until).filter(metric__in=BY_DEPARTMENT)):
        department = row.partition("/")[0]
        found[department] = found.get(department, Kept()) + kept
    return found


def by_place(department: str, since: datetime, until: datetime, metric: str = "") -> dict[str, Kept]:
    """{`department/kind`: figures} of one department; of one metric, or of all that departments promise."""
    metrics = (metric,) if metric else BY_DEPARTMENT
    rows = _decided(since, until).filter(metric__in=metrics, row__startswith=f"{department}/")
    found: dict[str, Kept] = {}
    for _metric, row, kept in _counted(rows):
        found[row] = found.get(row, Kept()) + kept
    return found


def _counted(rows: "QuerySet[Clock, Clock]") -> list[tuple[str, str, Kept]]:
    counted = rows.values_list("metric", "row").annotate(
        n_met=Count("pk", filter=Q(state=MET)), n_breached=Count("pk", filter=Q(breached_at__isnull=False))
    )
    return [(metric, row, Kept(n_met, n_breached)) for metric, row, n_met, n_breached in counted.order_by()]


def causes(since: datetime, until: datetime) -> Counter[str]:
    """How often each cause was named for what was breached in the period; `` for those without one."""
    late = Clock.objects.filter(breached_at__gte=since, breached_at__lt=until).order_by()
    named = BreachCause.objects.filter(clock__breached_at__gte=since, clock__breached_at__lt=until).order_by()
    found = Counter({code: n for code, n in named.values_list("code").annotate(n=Count("pk"))})
    if rest := late.count() - found.total():
        found[""] = rest
    return found


def gather(since: datetime, until: datetime) -> dict[str, Any]:
    """All of it as one document, for a revision to keep: figures as [met, breached]."""
    rows = [[metric, row, kept.n_met, kept.n_breached] for (metric, row), kept in by_row(since, until).items()]
    departments = {code: [kept.n_met, kept.n_breached] for code, kept in by_department(since, until).items()}
    return {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "rows": sorted(rows),
        "departments": dict(sorted(departments.items())),
        "causes": dict(causes(since, until).most_common()),
    }
