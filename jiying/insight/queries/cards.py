"""A card of a dashboard: which chart, of which KPI, over which stretch and slice. Read whole or refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from jiying.base.errors import Fault, Invalid
from jiying.core.metrics import KPIS
from jiying.core.metrics.correlation import METHODS
from jiying.core.periods import RECENT, Period, between, parts, recent
from jiying.insight.queries import slices
from jiying.insight.queries.reports import FILTERS

KINDS = ("trend", "slices", "heat", "topics", "correlation")
STEPS = ("day", "week")
BY = (
    "channel", "priority", "category", "team", "agent", "type", "tier", "region", "tag", "cause", "root_cause",
    "solution", "step", "hour", "weekday",
)  # fmt: skip
ACROSS = ("hour", "weekday", "channel", "region")  # the columns of a heat map
SIZES = ("half", "full")
MAX_CARDS = 12


@dataclass(frozen=True, slots=True)
class Card:
    """`kpi` what is shown (tickets received of hot topics); `other` what a correlation holds it against. `period` a
    stretch that ends with the present; `step` the points of a trend; `by` the slice that a KPI is cut by; `across` the
    columns of a heat map; `where` {slice: value}."""

    kind: str = "trend"
    kpi: str = "tickets_received"
    other: str = ""
    period: str = "28d"
    step: str = "day"
    by: str = "channel"
    across: str = "hour"
    method: str = "spearman"
    size: str = "half"
    where: dict[str, str] = field(default_factory=dict)

    def stretch(self, today: date) -> Period:
        """The days that it shows: of a trend by weeks whole weeks."""
        period = recent(self.period, today)
        if self.kind == "trend" and self.step == "week":
            weeks = parts(period, "week")
            return between(weeks[0].first, weeks[-1].last)
        return period


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "kind": KINDS,
    "kpi": tuple(KPIS),
    "other": tuple(KPIS),
    "period": RECENT,
    "step": STEPS,
    "by": BY,
    "across": ACROSS,
    "method": METHODS,
    "size": SIZES,
}
_OF = {
    "kpi": ("trend", "slices", "heat", "correlation"),
    "other": ("correlation",),
    "method": ("correlation",),
    "step": ("trend",),
    "by": ("slices",),
    "across": ("heat",),
}
# What nobody arranged: how promises are kept, what comes in, when, what grows, and what goes with it.
USUAL = (
    Card(kpi="attainment.first_response", period="56d"),
    Card(kpi="tickets_received", period="56d"),
    Card(kind="topics", period="7d"),
    Card(kind="correlation", kpi="tickets_received", other="first_response_time", period="56d"),
    Card(kind="heat", kpi="tickets_received", size="full"),
    Card(kpi="csat", period="91d", step="week"),
    Card(kpi="backlog", period="56d"),
)


def read(given: Mapping[str, Any]) -> Card:
    """A card from what an address, a form or a kept row says; what is left out is as usual. Raises Invalid."""
    usual = Card()
    values = {name: str(given.get(name) or getattr(usual, name)) for name in _CHOICES}
    faults = [
        Fault(name, "unknown_value", {"value": value[:40], "known": ", ".join(_CHOICES[name])})
        for name, value in values.items()
        if value not in _CHOICES[name] and not (name == "other" and value == "")
    ]
    if values["kind"] == "correlation" and not values["other"]:
        faults.append(Fault("other", "required", {"field": "other"}))
    where = {name: str(given[name]) for name in FILTERS if given.get(name)}
    faults += slices.faults(where)
    if faults:
        raise Invalid(*faults)
    for name, kinds in _OF.items():
        if values["kind"] not in kinds:  # what is of another kind of chart is passed over
            values[name] = getattr(usual, name)
    return Card(**values, where=where)


def asked(card: Card) -> dict[str, str]:
    """A card as the values of an address, without what is as usual."""
    usual = Card()
    values = {name: getattr(card, name) for name in _CHOICES if getattr(card, name) != getattr(usual, name)}
    return {**values, **card.where}
