"""A new ticket as an agent takes it in (新建工单): the customer found while one types, and who got it at the end."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from jiying.base import files
from jiying.base.actor import Actor
from jiying.base.context import actor_of
from jiying.base.errors import Refused
from jiying.base.policies import require
from jiying.core import intake_forms as core_forms
from jiying.desk.forms import IntakeForm
from jiying.desk.models import Customer, Ticket
from jiying.desk.queries import customers, intake_forms, ticket_page
from jiying.desk.services import asking
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
            if fault.field.startswith("fields."):
                continue
            where = fault.field.rpartition(".")[2]
            form.add_error(where if where in form.fields else None, fault.text)
        return _show(request, form, refused.status, _field_errors(refused))
    messages.success(request, told(actor, ticket))
    return redirect("desk:ticket", ticket.number)


def _initial(request: HttpRequest) -> dict[str, Any]:
    given = {name: request.GET[name][:200] for name in ("phone", "customer_id", "channel") if name in request.GET}
    return {"channel": "phone", **given}


def _field_errors(refused: Refused) -> dict[str, list[str]]:
    """Faults of the intake form's fields by key."""
    found: dict[str, list[str]] = {}
    for fault in refused.faults:
        if fault.field.startswith("fields."):
            found.setdefault(fault.field.removeprefix("fields."), []).append(fault.text)
    return found


def _answers(values: QueryDict) -> dict[str, str]:
    """What stands in the fields of the intake form: `field.KEY`."""
    names = [name for name in values if name.startswith("field.")]
    return {name.removeprefix("field."): str(values.get(name, ""))[:2000] for name in names}


def _asked(values: QueryDict, errors: Mapping[str, list[str]]) -> list[intake_forms.Shown]:
    """The fields that category and channel ask for, with what is known of the customer filled in."""
    form = intake_forms.of_category(str(values.get("category") or "")[:120], timezone.now())
    if form is None:
        return []
    pk = str(values.get("customer_id") or "")
    customer = Customer.objects.filter(pk=int(pk)).first() if pk.isdecimal() and len(pk) < 16 else None
    filled = core_forms.filled(form, _answers(values), asking.known_of(customer))
    return intake_forms.shown(form, str(values.get("channel") or ""), filled, errors)


@login_required
@require_GET
def fields(request: HttpRequest) -> HttpResponse:
    """The fields of the intake form for what is chosen so far."""
    require(actor_of(request), "desk.create")
    return render(request, "desk/parts/intake_fields.html", {"asked": _asked(request.GET, {})})


def _show(
    request: HttpRequest, form: IntakeForm, status: int, errors: Mapping[str, list[str]] | None = None
) -> HttpResponse:
    chosen = None
    pk = str(form["customer_id"].value() or "")
    if pk.isdecimal() and len(pk) < 16:
        customer = Customer.objects.filter(pk=int(pk)).select_related("dedicated").first()
        chosen = customers.card(actor_of(request), customer) if customer else None
    asked = _asked(request.POST if request.method == "POST" else request.GET, errors or {})
    context = {"form": form, "accept": files.ACCEPT, "chosen": chosen, "asked": asked}
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
        fields={key: text for key, text in _answers(request.POST).items() if text.strip()},
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
