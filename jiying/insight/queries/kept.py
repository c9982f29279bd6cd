"""Reports that were made by themselves: the list, and one with the figures that it was made with."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet

from jiying.base.actor import Actor
from jiying.base.errors import Denied, NotFound
from jiying.core.periods import Period
from jiying.desk.policies import scope
from jiying.insight.models import KeptReport, ReportSubscription
from jiying.insight.queries import reports
from jiying.insight.queries.reports import CauseLine, DistributionLine, KpiFigure, Report, ReportLine

SHOWN = 100
MADE_KINDS = ("day", "week", "month")


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A report in the list; `team` is empty for that of all tickets."""

    id: int
    kind: str
    first: date
    last: date
    team_id: int | None
    team: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class KeptReports:
    """The newest reports that the reader may see, and the kinds of which they are told."""

    items: list[KeptRow]
    subscribed: list[str]


def listed(actor: Actor, kind: str = "") -> KeptReports:
    found = _seen(actor).select_related("team").defer("body").order_by("-last", "kind", "team__name", "pk")
    if kind in MADE_KINDS:
        found = found.filter(kind=kind)
    told = ReportSubscription.objects.filter(person_id=actor.id or 0).values_list("kind", flat=True)
    return KeptReports([_row(one) for one in found[:SHOWN]], sorted(told, key=MADE_KINDS.index))


def one(actor: Actor, report_id: int) -> tuple[KeptRow, Report]:
    """Raises NotFound for one that the actor may not see."""
    found = _seen(actor).select_related("team").filter(pk=report_id).first()
    if found is None:
        raise NotFound("report", report_id)
    return _row(found), _report(found.body)


def sees(actor: Actor, report_id: int) -> bool:
    try:
        return _seen(actor).filter(pk=report_id).exists()
    except Denied:
        return False


def period(row: KeptReport | KeptRow) -> Period:
    return Period(row.kind, row.first, row.last)  # type: ignore[arg-type]


def _seen(actor: Actor) -> QuerySet[KeptReport]:
    part = scope(actor)
    return KeptReport.objects.all() if part.team_id is None else KeptReport.objects.filter(team_id=part.team_id)


def _row(row: KeptReport) -> KeptRow:
    return KeptRow(row.pk, row.kind, row.first, row.last, row.team_id, row.team.name if row.team else "", row.made_at)


def _report(body: dict[str, Any]) -> Report:
    """A kept body as the rows that it was; slices are named anew, in the reader's language."""
    days = {name: date.fromisoformat(body[name]) for name in ("first", "last")}
    instants = {name: datetime.fromisoformat(body[name]) for name in ("since", "until", "at")}
    lists = {
        "whole": [KpiFigure(**figure) for figure in body["whole"]],
        "channels": _lines("channel", body["channels"]),
        "priorities": _lines("priority", body["priorities"]),
        "agents": _lines("agent", body["agents"]),
        "handling": [DistributionLine(**line) for line in _named("priority", body["handling"])],
        "causes": [CauseLine(**line) for line in _named("cause", body["causes"])],
    }
    return Report(**{"n_agents": len(body["agents"]), **body, **days, **instants, **lists})


def _lines(by: str, kept: list[dict[str, Any]]) -> list[ReportLine]:
    return [
        ReportLine(line["value"], line["label"], [KpiFigure(**figure) for figure in line["figures"]])
        for line in _named(by, kept)
    ]


def _named(by: str, kept: list[dict[str, Any]]) -> list[dict[str, Any]]:
    words = reports.labels(by, [line["value"] for line in kept])
    return [{**line, "label": words.get(line["value"], line["label"])} for line in kept]
