"""Days from a CSV or ICS file or another year: a preview of what would change, then the change; and export.

What is previewed comes back as CSV text in the form, so that the server keeps nothing between the two steps.
"""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from jiying.base import documents
from jiying.base.context import actor_of
from jiying.base.errors import Invalid, NotFound, Refused
from jiying.base.models import VersionedDocument
from jiying.base.policies import require
from jiying.clocks import queries
from jiying.clocks.forms import calendar_files as files
from jiying.clocks.forms import calendars as forms
from jiying.clocks.pages import calendar_year as reading
from jiying.clocks.services import calendars as services
from jiying.core import calendar_files as core
from jiying.core.calendars import MAX_YEAR, MIN_YEAR, CalendarSpec

VIEW = "clocks.view"
MOST = 400  # changes that the preview shows


@login_required
@require_http_methods(["GET", "POST"])
def take(request: HttpRequest, key: str) -> HttpResponse:
    """The file's form, its preview, and (with `apply`) the change."""
    require(actor_of(request), services.RIGHT)
    document = latest(key)
    if request.method == "GET":
        return _render(request, document, None, None)
    taken = None
    try:
        taken = _taken(request, document)
        if "apply" in request.POST:
            services.import_days(
                actor=actor_of(request),
                key=key,
                seen=forms.read_number("seen", request.POST.get("seen", "")),
                days=taken.whole(),
                whole_years="whole_years" in request.POST,
                now=timezone.now(),
            )
            return redirect("calendars:show", key)
    except Refused as refused:
        return _render(request, document, taken, refused)
    return _render(request, document, taken, None)


def _taken(request: HttpRequest, document: VersionedDocument) -> files.Taken:
    """What was uploaded, copied from a year, or previewed before."""
    if "text" in request.POST:
        return files.take("csv", request.POST["text"].encode())
    if "from_year" in request.POST:
        years = [_year(name, request.POST.get(name, "")) for name in ("from_year", "to_year")]
        return files.Taken(core.copied_year(CalendarSpec.from_json(document.body), *years), ())
    sent = request.FILES.get("file")
    if sent is None:
        raise Invalid.one("file", "required", field="file")
    return files.take(files.kind_of(sent.name or ""), sent.read(files.MAX_BYTES + 1))


def _year(field: str, text: str) -> int:
    year = forms.read_number(field, text)
    if not MIN_YEAR <= year <= MAX_YEAR:
        raise Invalid.one(field, "out_of_range", low=MIN_YEAR, high=MAX_YEAR)
    return year


def _render(
    request: HttpRequest, document: VersionedDocument, taken: files.Taken | None, refused: Refused | None
) -> HttpResponse:
    spec, now = CalendarSpec.from_json(document.body), timezone.now()
    whole = "whole_years" in request.POST
    context: dict[str, Any] = {
        "document": document,
        "refused": refused,
        "errors": [fault.text for fault in refused.faults] if refused and not (taken and taken.unread) else [],
        "whole_years": whole,
        "seen": request.POST.get("seen", document.number),
        "this_year": now.year,
        "next_year": now.year + 1,
    }
    if taken is not None:
        days = services.named(taken.days)
        new = core.applied(spec, days, whole)
        changes = core.changed_days(spec, new)
        context |= {
            "problems": taken.problems,
            "n_days": len(days),
            "changes": [
                (one.date, reading.weekday(one.date.weekday()), reading.told(one.before), reading.told(one.after))
                for one in changes[:MOST]
            ],
            "n_changes": len(changes),
            "n_more": max(0, len(changes) - MOST),
            "years": sorted({day.date.year for day in days}),
            "last_year": new.last_year if new.last_year != spec.last_year else None,
            "may_apply": not taken.unread and new != spec,
            "text": core.write_csv(taken.days),
        }
    return render(request, "clocks/calendar_import.html", context, status=refused.status if refused else 200)


@login_required
@require_GET
def export(request: HttpRequest, key: str, kind: str) -> HttpResponse:
    """The special days as a file, of one year or of all."""
    require(actor_of(request), VIEW)
    asked = request.GET.get("year", "")
    return files.written(latest(key), kind, _year("year", asked) if asked else None, timezone.now())


def latest(key: str) -> VersionedDocument:
    """The newest version, asked afresh: another process may have written it this very second."""
    number = queries.latest_number("calendar", key)
    if not number:
        raise NotFound("calendar", key)
    return documents.get("calendar", key, number)
