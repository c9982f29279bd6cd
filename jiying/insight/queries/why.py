"""Why a promise was kept less often: the broken ones of exactly one figure, by cause and by where they happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jiying.core.metrics import KPIS, Tally, round_score
from jiying.desk.policies import Scope
from jiying.insight.queries import counting, reports
from jiying.insight.queries.counting import Cut
from jiying.insight.queries.reports import KpiFigure, Wanted

PARTS = ("cause", "channel", "priority", "team", "category")
SHOWN = 5


@dataclass(frozen=True, slots=True)
class WhyLine:
    """Of one cause, channel …: `missed` promises of the `n` decided; `share` in percent of all that were missed."""

    value: str
    label: str
    missed: int
    n: int
    share: float


@dataclass(frozen=True, slots=True)
class WhyPart:
    """The lines of one slice, those with most missed promises first, at most five."""

    by: str
    items: list[WhyLine]


@dataclass(frozen=True, slots=True)
class Why:
    """A figure beside the period before, and where its missed cases are."""

    figure: KpiFigure
    missed: int
    parts: list[WhyPart]


def is_asked(key: str) -> bool:
    """Only of promises: their missed cases have causes."""
    return key.startswith("attainment.")


def why(scope: Scope, key: str, wanted: Wanted, now: datetime) -> Why:
    """Raises reader.Missing where there is no copy to count in."""
    cut, present, earlier = (
        Cut(scope, wanted.where), reports.window(wanted.period, now), reports.window_before(wanted.period, now)
    )  # fmt: skip
    tally, before = (counting.tallies([key], at, cut).get("", {}).get(key, Tally()) for at in (present, earlier))
    missed = tally.n - tally.n_hits
    chosen = dict(wanted.where)
    open_ = [by for by in PARTS if by not in chosen] if missed and KPIS[key].hit else []
    parts = [_part(by, {v: r[key] for v, r in counting.tallies([key], present, cut, by).items()}) for by in open_]
    return Why(reports.figure(key, tally, before), missed, [part for part in parts if part.items])


def _part(by: str, found: dict[str, Tally]) -> WhyPart:
    missed = {value: tally.n - tally.n_hits for value, tally in found.items()}
    whole = sum(missed.values()) or 1
    most: Sequence[str] = sorted((v for v in missed if missed[v]), key=lambda v: (-missed[v], v))[:SHOWN]
    alone = counting.exactly(by, found)
    named = reports.labels(by, [alone[v] for v in most])
    return WhyPart(
        by,
        [
            WhyLine(alone[v], named[alone[v]], missed[v], found[v].n, float(round_score(100 * missed[v] / whole)))
            for v in most
        ],
    )
