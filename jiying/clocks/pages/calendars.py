"""The list of calendars, a year at a glance, a day changed by a click, the week's hours, copies."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base import texts
from jiying.base.context import actor_of
from jiying.base.errors import Invalid, NotFound, Refused
from jiying.base.models import Job, VersionedDocument
from jiying.base.policies import has, require
from jiying.clocks import queries
from jiying.clocks.forms import calendars as forms
from jiying.clocks.pages import calendar_import
from jiying.clocks.pages import calendar_year as reading
from jiying.clocks.services import calendars as services
from jiying.clocks.services.editing import REDATE
from jiying.core.calendar_files import written_hours
from jiying.core.calendars import CalendarSpec, compile_calendar

VIEW = "clocks.view"
YEARS = (1970, 2200)


@login_required
@require_GET
def show_all(request: HttpRequest) -> HttpResponse:
    require(actor_of(request), VIEW)
    now = timezone.now()
    gaps = queries.uncovered_years(now)
    rows = [{**_summary(one, now), "gap": gaps.get(one.key, [])} for one in queries.calendars(now)]
    return render(request, "clocks/calendars.html", {"rows": rows, "gaps": gaps, "may_edit": _may_edit(request)})


def _summary(document: VersionedDocument, now: datetime) -> dict[str, Any]:
    spec = CalendarSpec.from_json(document.body)
    today = _today(spec, now)
    closed, worked = reading.special_days(spec, today.year)
    return {
        "document": document,
        "week": reading.week_of(spec),
        "n_closed": closed,
        "n_worked": worked,
        "zone": spec.tz,
        "year": today.year,
    }


@login_required
@require_GET
def show(request: HttpRequest, key: str) -> HttpResponse:
    require(actor_of(request), VIEW)
    return _render_year(request, calendar_import.latest(key), request.GET.get("year", ""))


def _render_year(request: HttpRequest, document: VersionedDocument, asked: str) -> HttpResponse:
    now = timezone.now()
    spec = CalendarSpec.from_json(document.body)
    today = _today(spec, now)
    year = _year(asked) if asked else today.year
    context = {
        **_summary(document, now),
        "year": year,
        "months": reading.year_of(spec, year, today),
        "previous": year - 1 if year > YEARS[0] else None,
        "next": year + 1 if year < YEARS[1] else None,
        "is_covered": spec.last_year is None or (spec.first_year or 0) <= year <= spec.last_year,
        "gap": queries.uncovered_years(now).get(document.key, []),
        "working_day_h": f"{compile_calendar(spec).working_day_s / 3600:g}",
        "last_year": spec.last_year,
        "history": _history(document.key),
        "job": _recent_job(document.key, now),
        "job_url": reverse("calendars:progress", args=[document.key]),
        "weekday_names": [texts.term("weekday_short", str(n)) for n in range(7)],
        "may_edit": _may_edit(request),
    }
    context["n_closed"], context["n_worked"] = reading.special_days(spec, year)
    return render(request, "clocks/calendar.html", context)


def _recent_job(key: str, now: datetime) -> Job | None:
    """The last re-dating, until a day after its end."""
    job = queries.latest_job(REDATE, kind="calendar", key=key)
    return None if job is None or (job.finished_at and now - job.finished_at > timedelta(days=1)) else job


def _history(key: str) -> list[dict[str, Any]]:
    versions = queries.history("calendar", key, 12)
    before = [*versions[1:], None]
    return [
        {"document": new, "changes": reading.changes(old.body, new.body) if old else []}
        for new, old in zip(versions, before, strict=True)
    ]


@login_required
@require_GET
def progress(request: HttpRequest, key: str) -> HttpResponse:
    """The re-dating of running clocks after the last edit, as a fragment that asks again until it is done."""
    require(actor_of(request), VIEW)
    job = queries.latest_job(REDATE, kind="calendar", key=key)
    return render(request, "clocks/job.html", {"job": job, "job_url": reverse("calendars:progress", args=[key])})


@login_required
@require_http_methods(["GET", "POST"])
def one_day(request: HttpRequest, key: str, name: str) -> HttpResponse:
    """The dialog of one day; a change answers with the year in place of the old one."""
    require(actor_of(request), services.RIGHT)
    day = _day(name)
    if request.method == "POST":
        try:
            choice = forms.read_day(request.POST)
            seen = forms.read_number("seen", request.POST.get("seen", ""))
            document = services.change_day(
                actor=actor_of(request),
                key=key,
                seen=seen,
                day=day,
                closed=choice.closed,
                worked=choice.worked,
                now=timezone.now(),
            )
        except Refused as refused:
            return _render_day(request, calendar_import.latest(key), day, refused)
        answer = _render_year(request, document, str(day.year))
        answer["HX-Retarget"], answer["HX-Reswap"], answer["HX-Reselect"] = "#calendar", "outerHTML", "#calendar"
        return answer
    return _render_day(request, calendar_import.latest(key), day, None)


def _render_day(request: HttpRequest, document: VersionedDocument, day: date, refused: Refused | None) -> HttpResponse:
    spec = CalendarSpec.from_json(document.body)
    worked = spec.worked.get(day)
    mode = "closed" if day in spec.closed else "usual"
    if worked is not None:
        mode = "weekday" if isinstance(worked, int) else "own"
    usual = reading.clock_times(spec.weekly.get(day.weekday(), ()))
    posted = request.POST if refused else {}
    context = {
        "document": document,
        "seen": posted.get("seen", document.number),
        "day": day,
        "weekday": reading.weekday(day.weekday()),
        "mode": posted.get("mode", mode),
        "label": posted.get("label", texts.term("holiday", spec.closed.get(day, ""))),
        "chosen": posted.get("weekday", str(worked if isinstance(worked, int) else 0)),
        "hours": posted.get("hours", written_hours(spec.hours_of(day))),
        "usual": usual,
        "weekdays": [
            (str(n), reading.weekday(n), reading.clock_times(spec.weekly[n])) for n in range(7) if spec.weekly.get(n)
        ],
        "refused": refused,
    }
    return render(request, "clocks/calendar_day.html", context, status=422 if refused else 200)


@login_required
@require_http_methods(["GET", "POST"])
def hours(request: HttpRequest, key: str) -> HttpResponse:
    """The form of hours, zone and covered years."""
    require(actor_of(request), services.RIGHT)
    if request.method == "POST":
        try:
            seen = forms.read_number("seen", request.POST.get("seen", ""))
            fields = forms.read_week(request.POST)
            title = request.POST.get("title", "")
            services.change_hours(
                actor=actor_of(request), key=key, seen=seen, title=title, fields=fields, now=timezone.now()
            )
        except Refused as refused:
            return _render_hours(request, calendar_import.latest(key), refused)
        return redirect("calendars:show", key)
    return _render_hours(request, calendar_import.latest(key), None)


def _render_hours(request: HttpRequest, document: VersionedDocument, refused: Refused | None) -> HttpResponse:
    body, errors = document.body, _by_field(refused)
    stored = {
        "title": document.label,
        "tz": body["tz"],
        "first_year": body.get("first_year") or "",
        "last_year": body.get("last_year") or "",
        "working_day_s": f"{body['working_day_s'] / 3600:g}" if body.get("working_day_s") else "",
        "seen": document.number,
        **{f"weekly.{n}": written_hours(body["weekly"].get(str(n), ())) for n in range(7)},
    }
    value = {name: request.POST.get(name, kept) if refused else kept for name, kept in stored.items()}
    names = [f"weekly.{n}" for n in range(7)]
    usual_s = compile_calendar(CalendarSpec.from_json({**body, "working_day_s": None})).working_day_s
    context = {
        "document": document,
        "value": value,
        "week": [(name, reading.weekday(n), value[name], errors.get(name, [])) for n, name in enumerate(names)],
        "errors": errors,
        "other_errors": [text for field, found in errors.items() if field not in value for text in found],
        "usual_h": f"{usual_s / 3600:g}",
        "zones": ("Asia/Shanghai", "Asia/Hong_Kong", "Asia/Singapore", "Asia/Tokyo", "Europe/London", "UTC"),
    }
    return render(request, "clocks/calendar_hours.html", context, status=refused.status if refused else 200)


def _by_field(refused: Refused | None) -> dict[str, list[str]]:
    """Texts by the field of the form: a fault inside a weekday's list belongs to the weekday's line."""
    found: dict[str, list[str]] = {}
    for fault in refused.faults if refused else ():
        parts = fault.field.split(".")
        found.setdefault(".".join(parts[:2]) if parts[0] == "weekly" else fault.field, []).append(fault.text)
    return found


@login_required
@require_POST
def statutory(request: HttpRequest, key: str) -> HttpResponse:
    seen = forms.read_number("seen", request.POST.get("seen", ""))
    services.take_statutory_days(actor=actor_of(request), key=key, seen=seen, now=timezone.now())
    return redirect("calendars:show", key)


@login_required
@require_POST
def copy(request: HttpRequest, key: str) -> HttpResponse:
    made = services.copy(
        actor=actor_of(request),
        source=key,
        key=request.POST.get("key", "").strip(),
        title=request.POST.get("title", ""),
        now=timezone.now(),
    )
    return redirect("calendars:show", made.key)


def _day(name: str) -> date:
    try:
        return date.fromisoformat(name)
    except ValueError:
        raise NotFound("day", name) from None


def _year(text: str) -> int:
    year = forms.read_number("year", text)
    if not YEARS[0] <= year <= YEARS[1]:
        raise Invalid.one("year", "out_of_range", low=YEARS[0], high=YEARS[1])
    return year


def _today(spec: CalendarSpec, now: datetime) -> date:
    return now.astimezone(ZoneInfo(spec.tz)).date()


def _may_edit(request: HttpRequest) -> bool:
    return has(actor_of(request), services.RIGHT)


app_name = "calendars"
urlpatterns = [
    path("", show_all, name="all"),
    path("<slug:key>/", show, name="show"),
    path("<slug:key>/days/<str:name>", one_day, name="day"),
    path("<slug:key>/hours", hours, name="hours"),
    path("<slug:key>/statutory", statutory, name="statutory"),
    path("<slug:key>/copy", copy, name="copy"),
    path("<slug:key>/import", calendar_import.take, name="import"),
    path("<slug:key>/export.<str:kind>", calendar_import.export, name="export"),
    path("<slug:key>/progress", progress, name="progress"),
]
