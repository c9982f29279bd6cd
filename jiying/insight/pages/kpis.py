"""The KPI library: every figure of reports and boards with its formula."""

from itertools import groupby

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_GET

from jiying.base.context import actor_of
from jiying.insight.queries import kpis


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    found = kpis.library(actor_of(request)).items
    groups = [(group, list(rows)) for group, rows in groupby(found, key=lambda one: one.group)]
    return render(request, "insight/kpis.html", {"groups": groups})


app_name = "kpis"
urlpatterns = [path("kpis/", show, name="kpis")]
