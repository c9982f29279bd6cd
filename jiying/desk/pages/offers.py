"""Offers on a ticket's page: what the customer said to one, and taking one back. Making one is a verb of the ticket."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from jiying.base.context import actor_of
from jiying.base.errors import Conflict, NotFound
from jiying.desk import forms as desk_forms
from jiying.desk.models import CustomerOffer
from jiying.desk.pages.answers import Task, ask
from jiying.desk.pages.verbs import done
from jiying.desk.policies import require_handle
from jiying.desk.queries.offers import label
from jiying.desk.services import offers


def _found(request: HttpRequest, pk: int) -> CustomerOffer:
    found = CustomerOffer.objects.select_related("ticket", "kind").filter(pk=pk).first()
    if found is None:
        raise NotFound("offer", pk)
    require_handle(actor_of(request), found.ticket)
    return found


@login_required
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """What the customer said to the offer, told to the desk by any way."""
    found = _found(request, pk)
    if request.method == "GET" and found.state != CustomerOffer.State.OPEN:
        raise Conflict.one("offer_over")

    def make(**kwargs: Any) -> forms.Form:
        return desk_forms.OfferAnswerForm(ticket=found.ticket, **kwargs)

    def run(values: dict[str, Any]) -> None:
        said = {name: values[name] for name in ("answer", "note")}
        offers.answer(actor=actor_of(request), offer_id=pk, **said, now=timezone.now())

    task = Task(
        title=_("Customer's answer: %(offer)s") % {"offer": label(found.kind)},
        submit=_("Save"),
        action=reverse("desk:answer_offer", args=[pk]),
        make=make,
        run=run,
        done=lambda: done(request, found.ticket.number),
        extra={"ticket": found.ticket},
        text=" ".join(part for part in (found.value, found.note) if part),
    )
    return ask(request, task)


@login_required
@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    found = _found(request, pk)
    offers.withdraw(actor=actor_of(request), offer_id=pk, now=timezone.now())
    return done(request, found.ticket.number)
