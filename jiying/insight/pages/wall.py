"""The wall board (大屏), and the promises behind each of its cells."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from jiying.base.context import actor_of
from jiying.base.errors import Fault, Invalid
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.policies import scope
from jiying.insight.queries import verdicts, wall

SHOWN = 200


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The whole screen; for htmx its live part, every few seconds."""
    board = wall.wall(scope(actor_of(request)), timezone.now())
    template = "insight/wall.html#live" if request.headers.get("HX-Request") else "insight/wall.html"
    return render(request, template, {"wall": board})


@login_required
@require_GET
def cases(request: HttpRequest) -> HttpResponse:
    """The promises that a cell counts today."""
    part, key, now = scope(actor_of(request)), _key(request), timezone.now()
    found = verdicts.cases(part, key, wall.midnight(now), now, SHOWN + 1)
    about = {
        "cases": found[:SHOWN],
        "is_cut": len(found) > SHOWN,
        "shown": SHOWN,
        "title": wall.cell_words(*key),
        "channel": key[0],
        "priority": key[1],
    }
    return render(request, "insight/cases.html", about)


def _key(request: HttpRequest) -> verdicts.Key:
    known = {"channel": CHANNELS, "priority": PRIORITIES, "metric": verdicts.METRICS}
    given = {name: request.GET.get(name, "") for name in known}
    if faults := [
        Fault(name, "unknown_value", {"value": given[name][:40], "known": ", ".join(values)})
        for name, values in known.items()
        if given[name] not in values
    ]:
        raise Invalid(*faults)
    return given["channel"], given["priority"], given["metric"]


app_name = "insight"
urlpatterns = [
    path("", show, name="wall"),
    path("cases/", cases, name="cases"),
]
