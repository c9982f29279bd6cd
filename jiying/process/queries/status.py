"""The process status table (流程现状分析表, I13), and where tickets stand just now (I9)."""

from dataclasses import dataclass
from fractions import Fraction

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from jiying.base.texts import term
from jiying.core.processmap import Bottleneck, ProcessMap
from jiying.core.processmap.stages import STAGES
from jiying.desk.models import Ticket
from jiying.desk.policies import Scope
from jiying.process.queries.asked import Wanted
from jiying.process.queries.view import Words, percent, span

# In which stage a ticket is by its state; closed ones are out of the process.
STAGE_OF_STATE = {
    "new": "triage",
    "assigned": "triage",
    "accepted": "handling",
    "in_progress": "handling",
    "waiting": "handling",
    "resolved": "callback",
}
PROBLEMS = 2  # named for a step
LEAST = Fraction(1, 100)  # of all time: what costs less is no problem of the process
RARE = 20  # a way into a step that fewer than one in so many take says nothing of its time


@dataclass(frozen=True, slots=True)
class Now:
    """Tickets in a stage, those of them that are late, and the list behind them."""

    stage: str
    n: int
    n_late: int


def now_in(scope: Scope, wanted: Wanted) -> list[Now]:
    """Where open tickets stand; in one query."""
    cut = Q(status__in=STAGE_OF_STATE)
    for name in ("channel", "priority", "team_id"):
        if value := getattr(wanted, name):
            cut &= Q(**{name: value})
    rows = (
        Ticket.objects.filter(scope.tickets & cut)
        .values("status")
        .annotate(n=Count("pk"), late=Count("pk", filter=Q(is_late=True)))
        .order_by("status")
    )
    total = {stage: [0, 0] for stage in ("triage", "handling", "callback")}
    for row in rows:
        total[STAGE_OF_STATE[row["status"]]][0] += row["n"]
        total[STAGE_OF_STATE[row["status"]]][1] += row["late"]
    return [Now(stage, n, late) for stage, (n, late) in total.items()]


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One line of the table, in words."""

    step: str
    role: str
    time: str
    input: str
    output: str
    problems: tuple[str, ...]
    direction: str

    def cells(self) -> tuple[str, ...]:
        return (self.step, self.role, self.time, self.input, self.output, "\n".join(self.problems), self.direction)


def table(found: ProcessMap, words: Words) -> list[StatusRow]:
    """The five stages with what is usual for them; times, problems and direction come from what was found."""
    codes = {name: code for code, name in enumerate(words.names)}
    rows = []
    for stage in STAGES:
        hits = [one for one in found.bottlenecks if (one.target or one.source) == stage and one.share >= LEAST][
            :PROBLEMS
        ]
        rows.append(
            StatusRow(
                words.of(stage),
                term("stage_role", stage),
                _times(found, codes.get(stage)),
                term("stage_input", stage),
                term("stage_output", stage),
                tuple(_problem(one, words) for one in hits),
                term("stage_direction", hits[0].kind if hits else ""),
            )
        )
    return rows


def _times(found: ProcessMap, code: int | None) -> str:
    """Waiting before the step and working in it, as medians."""

    if code is None or not found.activities[code].n:
        return "–"
    one = found.activities[code]
    into = max((edge for edge in found.edges if edge.target == code), key=lambda edge: edge.n, default=None)
    parts = {
        "wait": span(into.wait.median_s if into and into.n * RARE >= one.n else 0),
        "work": span(one.work.median_s if one.work else 0),
    }
    if one.work and one.work.median_s:
        return _("waits %(wait)s, works %(work)s") % parts
    return _("waits %(wait)s") % parts


def _problem(one: Bottleneck, words: Words) -> str:

    about = {
        "kind": term("bottleneck", one.kind),
        "place": words.of(one.source),
        "n": one.n,
        "saved": span(one.saved_s),
        "share": percent(one.share),
    }
    return (
        _("%(kind)s after %(place)s: %(n)s times, %(saved)s to be saved (%(share)s)") % about
        if one.target
        else _("%(kind)s: %(n)s times, %(saved)s to be saved (%(share)s)") % about
    )
