"""Reports that were made by themselves: the list, one of them, and of which kinds one is told."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from jiying.base.context import actor_of
from jiying.core.periods import Period
from jiying.insight import forms
from jiying.insight.pages.reports import counted, first_lines, shown, tabs
from jiying.insight.queries import kept, reports, wording
from jiying.insight.queries.reports import Wanted
from jiying.insight.services import making, sharing, workbook


@login_required
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    kind = request.GET.get("kind", "")
    found = kept.listed(actor_of(request), kind)
    context = {
        "tabs": tabs("kept"),
        "rows": [(row, reports.title(_period(row))) for row in found.items],
        "kinds": [(one, one in found.subscribed) for one in kept.MADE_KINDS],
        "kind": kind,
        "shown": kept.SHOWN,
    }
    return render(request, "insight/kept.html", context)


@login_required
@require_GET
def one(request: HttpRequest, pk: int) -> HttpResponse:
    row, report = kept.one(actor_of(request), pk)
    wanted = Wanted(_period(row), (("team", str(row.team_id)),) if row.team_id else ())
    context = {
        "tabs": tabs("kept"),
        "row": row,
        "title": reports.title(wanted.period),
        "readers": sharing.readers(actor_of(request)),
        "send_url": reverse("reports:send", args=[pk]),
        "anew_url": wording.address("reports:show", wanted),
        **shown(report, wanted, first_lines(request)),
    }
    return render(request, "insight/kept_one.html", context)


@login_required
@require_GET
@counted
def book(request: HttpRequest, pk: int) -> HttpResponse:
    """A kept report as a workbook; its two tables are those of now."""
    actor = actor_of(request)
    row, report = kept.one(actor, pk)
    wanted = Wanted(_period(row), (("team", str(row.team_id)),) if row.team_id else ())
    response = HttpResponse(workbook.make(actor, report, wanted, timezone.now()), content_type=workbook.TYPE)
    response["Content-Disposition"] = f'attachment; filename="report-{row.first}-{row.last}.xlsx"'
    return response


@login_required
@require_POST
def send(request: HttpRequest, pk: int) -> HttpResponse:
    """To somebody who may see it too."""
    person, note = forms.addressed(request.POST)
    sharing.send_report(actor=actor_of(request), report_id=pk, person_id=person, note=note, now=timezone.now())
    messages.success(request, _("Sent."))
    return redirect("reports:one", pk)


@login_required
@require_POST
def subscribe(request: HttpRequest) -> HttpResponse:
    making.subscribe(actor=actor_of(request), kinds=request.POST.getlist("kinds"), now=timezone.now())
    return redirect("reports:kept")


def _period(row: kept.KeptRow) -> Period:
    return Period(row.kind, row.first, row.last)  # type: ignore[arg-type]
