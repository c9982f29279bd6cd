"""The KPI library as people read it: names, formulas and exclusions in the reader's language."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from jiying.base.actor import Actor
from jiying.base.policies import require
from jiying.base.texts import term
from jiying.core.metrics import KPIS, Kpi
from jiying.desk.policies import WATCHING


@dataclass(frozen=True, slots=True)
class KpiRow:
    """One KPI. Below `min_n` cases a figure is marked as small; `excluded` are codes of what is never a case."""

    key: str
    name: str
    group: str
    formula: str
    variant: str
    measure: str
    unit: str
    direction: str
    min_n: int
    excluded: list[str]


@dataclass(frozen=True, slots=True)
class KpiLibrary:
    items: list[KpiRow]


def library(actor: Actor) -> KpiLibrary:
    """All KPIs that can be counted, in the order of their groups."""
    require(actor, WATCHING)
    return KpiLibrary([row(kpi) for kpi in KPIS.values()])


def row(kpi: Kpi) -> KpiRow:
    return KpiRow(
        key=kpi.key,
        name=name(kpi.key),
        group=kpi.group,
        formula=term("kpi_formula", kpi.key),
        variant=term("kpi_variant", kpi.variant),
        measure=kpi.measure,
        unit=kpi.unit,
        direction=kpi.direction,
        min_n=kpi.min_n,
        excluded=list(kpi.exclusions),
    )


def name(key: str) -> str:
    return term("kpi", key)


def hint(key: str) -> str:
    """What a tooltip says of a figure: its formula, and what is not counted."""
    left_out = _(", ").join(term("kpi_excluded", code) for code in KPIS[key].exclusions)
    return _("%(formula)s. Without %(left_out)s.") % {"formula": term("kpi_formula", key), "left_out": left_out}
