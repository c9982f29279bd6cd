"""The map of the real process: picture, bottlenecks, variants, rework, hand-overs, status table, and the tickets."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from jiying.base.context import actor_of
from jiying.base.errors import NotFound
from jiying.base.models import Team
from jiying.base.texts import term
from jiying.core.processmap import Handover, ProcessMap
from jiying.core.processmap.cases import MOST
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.policies import Scope, scope
from jiying.process.queries import reading, status, view
from jiying.process.queries.asked import DAYS, LEVELS, RANGE, Wanted, wanted
from jiying.process.queries.tickets import cases as case_rows
from jiying.process.services import maps, sheet
from jiying.warehouse.reader import Missing

TABS = ("map", "bottlenecks", "variants", "rework", "handovers", "table")
LINKS: list[Callable[[Wanted], tuple[str, str]]] = []  # what floors above make of the same tickets: (label, address)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """One tab of the map; while the worker makes a big one, a page that asks again."""
    part, now = scope(actor_of(request)), timezone.now()
    asked = wanted(request.GET.dict(), now)
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else TABS[0]
    context = _frame(part, asked, tab)
    try:
        found = maps.find(part, asked, now)
        context["sources"] = reading.sources()
    except Missing as missing:
        return render(request, "process/map.html", {**context, "missing": missing.text})
    if found is None:
        return render(request, "process/map.html", {**context, "is_pending": True})
    if found.map.n_cases:
        context |= _figures(found.map) | {"at": found.at, "found": found.map}
        context |= _tab(found.map, tab, part, asked)
    return render(request, "process/map.html", {**context, "is_empty": not found.map.n_cases})


@login_required
@require_GET
def cases(request: HttpRequest) -> HttpResponse:
    """The tickets behind a figure, the slowest first. Raises NotFound for a figure that the map has not."""
    part, now = scope(actor_of(request)), timezone.now()
    asked = wanted(request.GET.dict(), now)
    key = request.GET.get("of", "")[:400]
    try:
        found = maps.find(part, asked, now)
    except Missing as missing:
        return render(request, "process/map.html", {**_frame(part, asked, "map"), "missing": missing.text})
    if found is None or key not in found.behind:
        raise NotFound("figure", key)
    words = view.Words(found.map)
    context = {
        "title": view.title(key, words),
        "rows": case_rows(part, found.behind[key]),
        "back": _address(asked, "map"),
        "shown": MOST,
        "is_cut": len(found.behind[key]) >= MOST,
    }
    return render(request, "process/cases.html", context)


@login_required
@require_GET
def download(request: HttpRequest) -> HttpResponse:
    """The process status table as XLSX."""
    part, now = scope(actor_of(request)), timezone.now()
    asked = wanted({**request.GET.dict(), "level": "stages"}, now)
    try:
        found = maps.find(part, asked, now)
    except Missing as missing:
        return render(request, "process/map.html", {**_frame(part, asked, "table"), "missing": missing.text})
    if found is None:
        return render(request, "process/map.html", {**_frame(part, asked, "table"), "is_pending": True})
    about = _("%(n)s tickets, as of %(at)s") % {
        "n": number_format(found.map.n_cases),
        "at": date_format(timezone.localtime(found.at), "Y-m-d H:i"),
    }
    body = sheet.workbook(status.table(found.map, view.Words(found.map)), about)
    name = f"process-{timezone.localtime(now):%Y%m%d}.xlsx"
    return HttpResponse(body, content_type=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _frame(part: Scope, asked: Wanted, tab: str) -> dict[str, Any]:
    teams = Team.objects.order_by("name") if part.team_id is None else Team.objects.filter(pk=part.team_id)
    return {
        "asked": asked,
        "tab": tab,
        "tabs": [
            {"label": term("process_tab", one), "url": _address(asked, one), "active": one == tab}
            for one in TABS
            if one != "table" or asked.level == "stages"
        ],
        "levels": LEVELS,
        "days": DAYS,
        "links": [link(asked) for link in LINKS],
        "channels": CHANNELS,
        "priorities": PRIORITIES,
        "teams": [(team.pk, team.name) for team in teams],
        "sources": [],
        "cases_url": _query(asked, reverse("process:cases")),
        "download_url": _query(asked, reverse("process:table")),
    }


def _query(asked: Wanted, address: str, **more: str) -> str:
    given = {
        "level": asked.level,
        "days": RANGE if asked.first else str(asked.days),
        "from": asked.first,
        "to": asked.last,
        "channel": asked.channel,
        "priority": asked.priority,
        "team": str(asked.team_id or ""),
        "source": asked.source,
        **more,
    }
    return f"{address}?{urlencode({name: value for name, value in given.items() if value})}"


def _address(asked: Wanted, tab: str) -> str:
    return _query(asked, reverse("process:map"), tab=tab)


def _figures(found: ProcessMap) -> dict[str, Any]:
    total = found.wait_s + found.work_s
    return {
        "duration": view.times(found.duration),
        "n_cases": number_format(found.n_cases),
        "n_events": number_format(found.n_events),
        "n_variants": number_format(found.n_variants),
        "wait_share": view.percent(found.wait_s / total) if found.work_s else "–",  # single facts tell of no work
        "wait": view.span(found.wait_s),
        "work": view.span(found.work_s),
    }


def _tab(found: ProcessMap, tab: str, part: Scope, asked: Wanted) -> dict[str, Any]:
    words = view.Words(found)
    if tab == "map":
        return {"drawing": view.drawing(found, words), "now": status.now_in(part, asked)}
    if tab == "bottlenecks":
        return {"bottlenecks": view.bottlenecks(found, words)}
    if tab == "variants":
        return {"variants": [_variant(one, words) for one in found.variants]}
    if tab == "rework":
        return {"loops": [_loop(one, words) for one in found.rework]}
    if tab == "handovers":
        return {"groups": [_pair(one) for one in found.groups], "people": [_pair(one) for one in found.people]}
    return {"table": status.table(found, words), "headings": sheet.headings()}


def _variant(one: Any, words: view.Words) -> dict[str, Any]:
    mean = one.duration.value
    return {
        "path": [words(code) for code in one.path],
        "n": one.n,
        "share": view.percent(one.share.value or 0),
        "bar": round(100 * float(one.share.value or 0)),
        "mean": view.span(None if mean is None else float(mean)),
        "key": "path:" + ",".join(map(str, one.path)),
    }


def _loop(one: Any, words: view.Words) -> dict[str, Any]:
    return {
        "name": words(one.activity),
        "n_cases": one.cases.numerator,
        "share": view.percent(one.cases.value or 0),
        "n_repeats": one.n_repeats,
        "n_self": one.n_self,
        "time": view.span(one.loop_s),
        "each": view.span(one.loop_s / one.n_repeats),
        "key": f"again:{one.activity}",
    }


def _pair(one: Handover) -> dict[str, Any]:
    return {
        "one": one,
        "wait": view.span(float(one.wait.value or 0)),
        "back": view.span(one.back_s) if one.n_back else "–",
    }


app_name = "process"
urlpatterns = [
    path("map/", show, name="map"),
    path("map/tickets/", cases, name="cases"),
    path("map/table.xlsx", download, name="table"),
]
