"""Reports as PDF, on demand and kept: the same sections and figures as the pages, on A4."""

from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from jiying.base.context import actor_of
from jiying.base.texts import term
from jiying.desk.policies import scope
from jiying.insight import forms
from jiying.insight.pages.reports import counted, shown
from jiying.insight.queries import drawing, kept, reports
from jiying.insight.queries.reports import Report, Wanted
from jiying.insight.services import printing


@login_required
@require_GET
@counted
def file(request: HttpRequest) -> HttpResponse:
    """The report over any period and filter."""
    now = timezone.now()
    wanted = forms.wanted(request.GET, now)
    found = reports.report(scope(actor_of(request)), wanted, now)
    return _answer(found, wanted, found.at)


@login_required
@require_GET
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """A kept report, as it was made."""
    row, report = kept.one(actor_of(request), pk)
    wanted = Wanted(kept.period(row), (("team", str(row.team_id)),) if row.team_id else ())
    return _answer(report, wanted, row.made_at)


def _answer(report: Report, wanted: Wanted, at: datetime) -> HttpResponse:
    response = HttpResponse(printing.pdf(page(report, wanted, at)), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="report-{wanted.period.first}-{wanted.period.last}.pdf"'
    response["Cache-Control"] = "private, no-store"
    return response


def page(report: Report, wanted: Wanted, at: datetime) -> str:
    """The sheet as HTML that needs nothing from outside."""
    told = shown(report, wanted)
    named = [(term("report_filter", by), reports.labels(by, [value]).get(value, value)) for by, value in wanted.where]
    context: dict[str, Any] = {
        **told,
        "title": reports.title(wanted.period),
        "named": named,
        "at": at,
        "language": get_language(),
        "sections": [
            {**section, "picture": drawing.svg(section["chart"]) if section["chart"] else ""}
            for section in told["sections"]
        ],
        "handling_picture": drawing.svg(told["handling_chart"]) if report.handling else "",
        "causes_picture": drawing.svg(told["causes_chart"]) if report.causes else "",
    }
    return render_to_string("insight/print.html", context)
