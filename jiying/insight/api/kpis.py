"""The KPI library for other systems."""

from django.http import HttpRequest, HttpResponse
from ninja import Router

from jiying.base.api.wire import actor_of, answer
from jiying.insight.queries import kpis

router = Router()


@router.get("/kpis", response=kpis.KpiLibrary, tags=["insight"])
def list_kpis(request: HttpRequest) -> HttpResponse:
    """Every KPI that can be counted, with its formula in words."""
    return answer(kpis.library(actor_of(request)))
