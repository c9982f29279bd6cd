"""Reports for other systems: the same rows as on the pages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import Field

from jiying.base.api.wire import Body, Id, actor_of, answer
from jiying.base.errors import Conflict, Invalid
from jiying.core.metrics import KPIS
from jiying.desk.policies import scope
from jiying.insight import forms
from jiying.insight.api.replays import SendIn
from jiying.insight.queries import behind, kept, reports, tables, why
from jiying.insight.queries.counting import CHOICES
from jiying.insight.services import making, sharing
from jiying.warehouse import reader

router = Router()
Text = Annotated[str | None, Field(max_length=120)]
Offset = Annotated[int, Field(ge=0, le=1_000_000)]


class ReportAsked(Body):
    """`kind` day, week or month, with any `day` of it (else the last one that is over); or range, `from` and `to`."""

    kind: Text = None
    day: Text = None
    first: Text = Field(None, alias="from")
    to: Text = None
    channel: Text = None
    priority: Text = None
    team: Text = None
    category: Text = None

    def given(self) -> dict[str, str]:
        return {name: value for name, value in self.dict(by_alias=True, exclude_none=True).items() if value != ""}


class ReportPageAsked(ReportAsked):
    offset: Offset = 0


class ReportFigureAsked(ReportAsked):
    """A figure: its KPI and slices. `part` all, hit or miss; `low`, `high`: bounds of the value in seconds."""

    kpi: Text = None
    part: Text = None
    low: Text = None
    high: Text = None
    agent: Text = None
    cause: Text = None
    type: Text = None
    tier: Text = None
    region: Text = None
    root_cause: Text = None
    solution: Text = None
    step: Text = None
    tag: Text = None
    hour: Text = None
    weekday: Text = None


@router.get("/reports/figures", response=reports.Report, tags=["insight"])
def report_figures(request: HttpRequest, asked: Query[ReportAsked]) -> HttpResponse:
    """The report over a period: of all tickets, or for a team's supervisor of the team's."""
    now, part = timezone.now(), scope(actor_of(request))
    wanted = forms.wanted(asked.given(), now)
    return _answer(lambda: reports.report(part, wanted, now))


@router.get("/reports/tracking", response=tables.Tracking, tags=["insight"])
def report_tracking(request: HttpRequest, asked: Query[ReportPageAsked]) -> HttpResponse:
    """The tracking table: tickets received in the period, the newest first; customers are masked."""
    now, given = timezone.now(), asked.given()
    wanted = forms.wanted({k: v for k, v in given.items() if k != "offset"}, now)
    return _answer(lambda: tables.tracking(actor_of(request), wanted, now, asked.offset))


@dataclass(frozen=True, slots=True)
class KeptReportRow:
    """A report with the figures that it was made with."""

    about: kept.KeptRow
    report: reports.Report


class SubscriptionIn(Body):
    """`kinds` of reports that the caller is told of: day, week, month."""

    kinds: Annotated[list[Annotated[str, Field(max_length=10)]], Field(max_length=3)]


@router.get("/reports/kept", response=kept.KeptReports, tags=["insight"])
def list_kept_reports(request: HttpRequest) -> HttpResponse:
    """The newest reports that were made by themselves: of all tickets, or for a team's supervisor of the team's."""
    return answer(kept.listed(actor_of(request)))


@router.get("/reports/kept/{report_id}", response=KeptReportRow, tags=["insight"])
def get_kept_report(request: HttpRequest, report_id: Id) -> HttpResponse:
    """A report as it was made."""
    return answer(KeptReportRow(*kept.one(actor_of(request), report_id)))


@router.post("/reports/kept/{report_id}/send", response={204: None}, tags=["insight"])
def send_kept_report(request: HttpRequest, report_id: Id, payload: SendIn) -> HttpResponse:
    """To somebody who may see it: a pop-up, and a mail with the workbook."""
    person, note = payload.person, payload.note
    sharing.send_report(actor=actor_of(request), report_id=report_id, person_id=person, note=note, now=timezone.now())
    return HttpResponse(status=204)


@router.put("/reports/subscription", response=kept.KeptReports, tags=["insight"])
def put_report_subscription(request: HttpRequest, payload: SubscriptionIn) -> HttpResponse:
    """Be told when reports of these kinds have been made, and of no others."""
    actor = actor_of(request)
    making.subscribe(actor=actor, kinds=payload.kinds, now=timezone.now())
    return answer(kept.listed(actor))


@router.get("/reports/standards", response=tables.Standards, tags=["insight"])
def report_standards(request: HttpRequest) -> HttpResponse:
    """The standards table: what the standard in force promises by channel and priority."""
    return answer(tables.standards(actor_of(request), timezone.now()))


@router.get("/reports/tickets", response=behind.Behind, tags=["insight"])
def report_tickets(request: HttpRequest, asked: Query[ReportFigureAsked]) -> HttpResponse:
    """The tickets behind a figure, the newest 200 of them."""
    now, given, actor = timezone.now(), asked.given(), actor_of(request)
    scope(actor)
    key, part, wanted = forms.kpi(given), forms.part(given), forms.wanted(given, now, CHOICES)
    return _answer(lambda: behind.tickets(actor, key, wanted, part, now))


@router.get("/reports/why", response=why.Why, tags=["insight"])
def report_why(request: HttpRequest, asked: Query[ReportFigureAsked]) -> HttpResponse:
    """Why a promise (`kpi` attainment.…) was missed: its figure, and the missed cases by cause, channel, team …"""
    now, given, part = timezone.now(), asked.given(), scope(actor_of(request))
    key, wanted = forms.kpi(given), forms.wanted(given, now, CHOICES)
    if not why.is_asked(key):
        raise Invalid.one("kpi", "unknown_value", value=key, known=", ".join(filter(why.is_asked, KPIS)))
    return _answer(lambda: why.why(part, key, wanted, now))


def _answer(count: Callable[[], object]) -> HttpResponse:
    """What was counted; a conflict where there is no columnar copy to count in."""
    try:
        return answer(count())
    except reader.Missing as missing:
        raise Conflict.one("no_copy", why=str(missing)) from None
