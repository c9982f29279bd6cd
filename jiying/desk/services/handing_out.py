"""All that is kept of one customer, as a ZIP with JSON, a page to read, and their files (D13). Made by a job.

The file is there for some days for those with the right; each download is a fact.
"""

import html
import json
import tempfile
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.core.files import File
from django.utils import timezone
from django.utils.translation import gettext as _

from jiying.base import files, jobs, journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, NotFound
from jiying.base.models import Attachment, Job
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.desk.models import Collaboration, Customer, CustomerOffer, Message, OutsideEvent, Ticket
from jiying.desk.policies import PRIVACY_RIGHT
from jiying.desk.queries.privacy import EXPORT, EXPORTED, running

KEPT = timedelta(days=7)


@short
def order(*, actor: Actor, customer_id: int, now: datetime) -> Job:
    """Ask for the file; a second click while it is made gives the same job."""
    require(actor, PRIVACY_RIGHT)
    customer = Customer.objects.filter(pk=customer_id).first()
    if customer is None:
        raise NotFound("customer", customer_id)
    if customer.erased_at is not None:
        raise Conflict.one("customer_erased")
    if job := running(EXPORT, customer_id):
        return job
    journal.record(actor, [journal.Fact("customer", customer_id, "customer.exported", now, {})], now=now)
    return jobs.start(kind=EXPORT, params={"customer": customer_id}, by=actor.person, now=now)


@short
def download(*, actor: Actor, file_id: int, now: datetime) -> Attachment:
    """One finished file; who took it away is a fact."""
    require(actor, PRIVACY_RIGHT)
    found = Attachment.objects.filter(pk=file_id, subject_kind=EXPORTED).first()
    if found is None:
        raise NotFound("file", file_id)
    fact = journal.Fact("customer", found.subject_id, "customer.export_downloaded", now, {"file": found.pk})
    journal.record(actor, [fact], now=now)
    return found


def make_file(job: Job, now: datetime) -> bool:
    """One customer's data is small: all in one go, written beside before its row exists."""
    customer = Customer.objects.get(pk=job.params["customer"])
    data = collect(customer)
    job.n_total = job.n_done = len(data["tickets"])
    with tempfile.TemporaryFile() as made:
        _write(made, data, _attachments(customer))
        made.seek(0)
        name = f"customer-{customer.pk}-{now:%Y%m%d%H%M}.zip"
        kept = files.keep_made(
            File(made, name),
            name=name,
            media_type="application/zip",
            subject_kind=EXPORTED,
            subject_id=customer.pk,
            now=now,
        )
    job.result = {"file": kept.pk}
    return True


BESIDE: dict[
    str, Callable[[Customer], Any]
] = {}  # what floors above keep of a customer, by the name it has in the file


def collect(customer: Customer) -> dict[str, Any]:
    """Everything about a customer as plain data; instants in ISO 8601."""
    tickets = list(Ticket.objects.filter(customer=customer).order_by("received_at", "pk"))
    said: dict[int, list[Any]] = {ticket.pk: [] for ticket in tickets}
    for one in Message.objects.filter(ticket__in=tickets).exclude(kind="note").order_by("at", "pk"):
        said[one.ticket_id].append({"kind": one.kind, "at": one.at.isoformat(), "text": one.body, "call": one.call})
    fields = ("name", "phone", "email", "address", "region", "organisation", "ref", "tier", "language", "tags")
    return {
        "made_at": timezone.now().isoformat(),
        "customer": {"number": customer.pk, **{name: getattr(customer, name) for name in fields}},
        **{name: tell(customer) for name, tell in BESIDE.items()},
        "outside_events": [_event(one) for one in OutsideEvent.objects.filter(customer=customer).order_by("pk")],
        "tickets": [_ticket(ticket, said[ticket.pk]) for ticket in tickets],
    }


def _ticket(ticket: Ticket, said: list[Any]) -> dict[str, Any]:
    asked = Collaboration.objects.filter(ticket=ticket).select_related("department").order_by("pk")
    return {
        "number": ticket.number,
        "subject": ticket.subject,
        "description": ticket.description,
        "channel": ticket.channel,
        "category": ticket.category,
        "status": str(ticket.status),
        "fields": ticket.fields,
        "told_otherwise": ticket.customer_told,
        "received_at": ticket.received_at.isoformat(),
        "ended_at": ticket.ended_at.isoformat() if ticket.ended_at else None,
        "messages": said,
        "offers": [_offer(one) for one in CustomerOffer.objects.filter(ticket=ticket).order_by("pk")],
        "departments_asked": [one.department.name for one in asked],
    }


def _event(event: OutsideEvent) -> dict[str, Any]:
    told = {name: getattr(event, name) for name in ("source", "kind", "reference", "text", "told")}
    return {"occurred_at": event.occurred_at.isoformat(), **told}


def _offer(offer: CustomerOffer) -> dict[str, Any]:
    told = {name: getattr(offer, name) for name in ("value", "amount", "state", "answer_note")}
    return {"kind": offer.kind.code, "made_at": offer.made_at.isoformat(), **told}


def _attachments(customer: Customer) -> list[Attachment]:
    """Files of what was said to or by the customer; those of internal notes stay inside."""
    messages = Message.objects.filter(ticket__customer=customer).exclude(kind="note").values("pk")
    of_messages = Attachment.objects.filter(subject_kind="message", subject_id__in=messages)
    tickets = Ticket.objects.filter(customer=customer).values("pk")
    return [*of_messages, *Attachment.objects.filter(subject_kind="ticket", subject_id__in=tickets)]


def _write(made: Any, data: dict[str, Any], attachments: list[Attachment]) -> None:
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.json", json.dumps(data, ensure_ascii=False, indent=1))
        archive.writestr("index.html", page(data))
        for one in attachments:
            if files.path_of(one).exists():
                archive.write(files.path_of(one), f"files/{one.pk}-{one.name}")


def page(data: dict[str, Any]) -> str:
    """The same to read in a browser; everything escaped."""
    lines = "".join(f"<dt>{_word(name)}</dt><dd>{_cell(value)}</dd>" for name, value in data["customer"].items())
    tickets = "".join(_section(ticket) for ticket in data["tickets"])
    title = html.escape(_("What is kept of customer %(number)s") % {"number": data["customer"]["number"]})
    return f'<!doctype html><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><dl>{lines}</dl>{tickets}'


def _section(ticket: dict[str, Any]) -> str:
    said = "".join(
        f"<li>{_cell(one['at'])} {_cell(one['kind'])}<br>{_cell(one['text'])}</li>" for one in ticket["messages"]
    )
    about = "".join(
        f"<dt>{_word(name)}</dt><dd>{_cell(value)}</dd>" for name, value in ticket.items() if name not in ("messages",)
    )
    return f"<h2>{_cell(ticket['number'])} {_cell(ticket['subject'])}</h2><dl>{about}</dl><ol>{said}</ol>"


def _word(name: str) -> str:
    return html.escape(name.replace("_", " "))


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if value else ""
    return html.escape(text).replace("\n", "<br>")


def forget_old(at: datetime) -> None:
    """Files that nobody fetched for some days are personal data lying about."""
    rows = list(Attachment.objects.filter(subject_kind=EXPORTED, at__lt=at - KEPT))
    Attachment.objects.filter(pk__in=[row.pk for row in rows]).delete()
    files.forget(rows)
