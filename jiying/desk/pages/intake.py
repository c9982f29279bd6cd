"""A new ticket as an agent takes it in (新建工单): the customer found while one types, and who got it at the end."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from jiying.base import files
from jiying.base.actor import Actor
from jiying.base.context import actor_of
from jiying.base.errors import Refused
from jiying.base.policies import require
from jiying.desk.forms import IntakeForm
from jiying.desk.models import Customer, Ticket
from jiying.desk.queries import customers, ticket_page
from jiying.desk.services.customers import CustomerData
from jiying.desk.services.intake import NewTicket, open_ticket

_CUSTOMER = ("ref", "name", "phone", "email", "organisation")


@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """The form, and the ticket that it makes; what is wrong stands in the form."""
    actor = actor_of(request)
    require(actor, "desk.create")
    if request.method == "GET":
        return _show(request, IntakeForm(initial=_initial(request)), 200)
    form = IntakeForm(request.POST)
    if not form.is_valid():
        return _show(request, form, 422)
    try:
        ticket = _open(request, actor, form.cleaned_data)
    except Refused as refused:
        for fault in refused.faults:
            where = fault.field.rpartition(".")[2]
            form.add_error(where if where in form.fields else None, fault.text)
        return _show(request, form, refused.status)
    messages.success(request, told(actor, ticket))
    return redirect("desk:ticket", ticket.number)


def _initial(request: HttpRequest) -> dict[str, Any]:
    given = {name: request.GET[name][:200] for name in ("phone", "customer_id", "channel") if name in request.GET}
    return {"channel": "phone", **given}


def _show(request: HttpRequest, form: IntakeForm, status: int) -> HttpResponse:
    chosen = None
    pk = str(form["customer_id"].value() or "")
    if pk.isdecimal() and len(pk) < 16:
        customer = Customer.objects.filter(pk=int(pk)).select_related("dedicated").first()
        chosen = customers.card(actor_of(request), customer) if customer else None
    context = {"form": form, "accept": files.ACCEPT, "chosen": chosen}
    return render(request, "desk/new.html", context, status=status)


def _open(request: HttpRequest, actor: Actor, values: dict[str, Any]) -> Ticket:
    """The ticket with its files: all of it or nothing."""
    uploads = [f for f in request.FILES.getlist("files") if isinstance(f, UploadedFile)]
    files.check(uploads)
    data = CustomerData(**{name: values[name].strip() for name in _CUSTOMER})
    known = values["customer_id"]
    fresh = NewTicket(
        subject=values["subject"],
        channel=values["channel"],
        description=values["description"],
        type=values["type"],
        category=values["category"],
        tags=values["tags"],
        priority=values["priority"] or None,
        customer=None if known else data,
        customer_id=known,
        opened_by="agent",
        take_it=values["take_it"],
    )
    now = timezone.now()
    ticket = open_ticket(actor=actor, new=fresh, now=now)
    if uploads:
        with transaction.atomic():
            files.keep(uploads, actor=actor, subject_kind="ticket", subject_id=ticket.pk, now=now)
    return ticket


def told(actor: Actor, ticket: Ticket) -> str:
    """Who has the new ticket, and why."""
    page = ticket_page.assignment(ticket)
    if ticket.assignee_id is None:
        return _("%(number)s waits in the queue: nobody is able just now.") % {"number": ticket.number}
    if ticket.assignee_id == actor.id:
        return _("%(number)s is yours.") % {"number": ticket.number}
    about = {"number": ticket.number, "name": page.name, "why": page.why}
    return _("%(number)s was assigned to %(name)s: %(why)s.") % about


@login_required
@require_GET
def find_customer(request: HttpRequest) -> HttpResponse:
    """Customers that fit what was typed, masked, to choose one."""
    require(actor_of(request), "desk.create")
    text = next((request.GET[name] for name in ("q", "phone", "email", "ref", "name") if request.GET.get(name)), "")
    return render(request, "desk/parts/found_customers.html", {"found": customers.find(text), "text": text.strip()})


@login_required
@require_GET
def choose_customer(request: HttpRequest, pk: int) -> HttpResponse:
    """The chosen customer in the form; 0 clears the choice."""
    actor = actor_of(request)
    require(actor, "desk.create")
    chosen = None if pk == 0 else customers.card(actor, customers.get(actor, pk))
    return render(request, "desk/parts/intake_customer.html", {"form": IntakeForm(), "chosen": chosen})
