"""Charts of a report as data: what is drawn by `frontend/src/charts.ts`, from the same rows as the tables."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from jiying.insight.queries import kpis, wording
from jiying.insight.queries.reports import Report, ReportLine

RATES = ("attainment.first_response", "attainment.resolution")
Chart = dict[str, Any]


def attainment(heading: str, lines: Sequence[ReportLine]) -> Chart:
    """Promises kept of each slice, with the targets as lines."""
    figures = [{one.kpi: one for one in line.figures} for line in lines]
    return {
        "kind": "bars",
        "title": f"{_('Attainment')} · {heading}",
        "unit": "%",
        "target": _("Target"),
        "categories": [line.label for line in lines],
        "series": [
            {
                "name": kpis.name(key),
                "values": [row[key].value for row in figures],
                "target": next((row[key].target for row in figures), None),
            }
            for key in RATES
        ],
    }


def handling(report: Report) -> Chart:
    """How the tickets of each priority spread over stretches of handling time, in percent of the priority's."""
    sums = [sum(line.counts) or 1 for line in report.handling]
    return {
        "kind": "parts",
        "title": _("Distribution of handling time"),
        "unit": "%",
        "target": "",
        "categories": [line.label for line in report.handling],
        "series": [
            {
                "name": wording.stretch(report.edges_s, n),
                "values": [
                    round(100 * line.counts[n] / whole, 1) for line, whole in zip(report.handling, sums, strict=True)
                ],
            }
            for n in range(len(report.edges_s) + 1)
        ],
    }


def causes(report: Report) -> Chart:
    """Pareto: tickets as bars, their cumulative share as a line."""
    return {
        "kind": "pareto",
        "title": _("Breach causes"),
        "unit": "",
        "target": "",
        "categories": [line.label for line in report.causes],
        "series": [
            {"name": kpis.name("tickets_late"), "values": [line.n for line in report.causes]},
            {"name": _("Cumulative"), "values": [line.cumulative for line in report.causes]},
        ],
    }
