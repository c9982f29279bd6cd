"""The places of an agent by channel, saved from the person's page; what is shown there is `queries.capacity`."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST

from jiying.base.context import actor_of
from jiying.base.errors import Fault, Invalid
from jiying.core.standards import CHANNELS
from jiying.desk.services import capacity as services


@login_required
@require_POST
def save(request: HttpRequest, person_id: int) -> HttpResponse:
    places, faults = {}, []
    for channel in CHANNELS:
        text = request.POST.get(f"capacity.{channel}", "").strip() or "0"
        if text.isascii() and text.isdigit() and len(text) < 6:
            places[channel] = int(text)
        else:
            faults.append(Fault(f"capacity.{channel}", "not_a_number", {"value": text[:20]}))
    if faults:
        raise Invalid(*faults)
    services.set_capacity(actor=actor_of(request), person_id=person_id, capacity=places, now=timezone.now())
    return redirect("people:person", person_id)


app_name = "capacity"
urlpatterns = [path("<int:person_id>/capacity", save, name="save")]
