"""The link with a CRM (D11, D20a): which record is which customer, their data kept equal, ended tickets told.

Each field has an owner (`core.syncing`). What comes is pulled in turns by cursor; what goes is a due row for each
customer or ended ticket, sent at least once under a key that the CRM drops when it comes again.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from jiying.base import connections, due, tails
from jiying.base.actor import Actor
from jiying.base.connections import Failed, Field, Kind, Open
from jiying.base.errors import NotFound, Refused
from jiying.base.models import JournalEntry
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.channels.models import CrmLink, CrmPlace, CrmSend
from jiying.channels.services.crm_http import FIELDS, Crm, HttpCrm, Moved, Remote
from jiying.core import syncing
from jiying.desk.models import Customer, Ticket
from jiying.desk.services import contacts, customers

log = structlog.get_logger()
KIND = "crm"
EVERY_S = 60
_ENDED = ("ticket.confirmed", "ticket.closed")
MAX_PAGES = 20  # of one turn: a first reading of a large CRM goes on in the next
SPEAKS: dict[str, Callable[[Open], Crm]] = {KIND: HttpCrm}  # another CRM is another kind with its class
_OWNED = (
    ("name", _("Name")),
    ("phone", _("Phone")),
    ("email", _("E-mail")),
    ("organisation", _("Organisation")),
    ("address", _("Address")),
    ("region", _("Region")),
    ("tier", _("Customer tier")),
)


def test(found: Open) -> str:
    """One question whose answer tells that address and token are right."""
    n = len(SPEAKS[found.kind](found).search(ref="0"))
    return str(_("The CRM answers (%(n)s found).") % {"n": n})


CRM = Kind(
    KIND,
    _("CRM"),
    "systems",
    fields=(
        Field(
            "url", _("Address of the interface"), "url", required=True, hint=_("Described by docs/crm-openapi.json.")
        ),
        Field(
            "owned",
            _("The CRM owns"),
            "lines",
            default=["name", "organisation", "tier"],
            hint=_("Of these fields its word stands, of all others that of this desk; gaps are filled from either."),
            choices=_OWNED,
        ),
        Field("tells", _("Tell it how tickets ended"), "tick", default=True),
    ),
    secrets=(Field("token", _("Token"), required=True),),
    hint=_("Customers are compared every minute; orders are asked for when somebody looks at a customer."),
    test=test,
)


def opened() -> list[Open]:
    return connections.opened(*SPEAKS)


def speak(found: Open) -> Crm:
    return SPEAKS[found.kind](found)


# --- which record is which customer ----------------------------------------------------------------------------------


def link_of(found: Open, customer: Customer, now: datetime) -> CrmLink | None:
    """The customer's record: as known, by the customer number, else by a phone or e-mail that only one record has."""
    known = CrmLink.objects.filter(connection_id=found.pk, customer=customer).first()
    if known is not None or customer.erased_at is not None:
        return known
    remote = _looked_for(speak(found), customer)
    return None if remote is None else _tie(found, customer, remote.ref, now)


def _looked_for(crm: Crm, customer: Customer) -> Remote | None:
    if customer.ref:
        return crm.get(customer.ref)
    for kind, value in contacts.keys(customer.phone, customer.email).items():
        if len(rows := crm.search(**{kind: value})) == 1:
            return rows[0]
    return None


def _tie(found: Open, customer: Customer, ref: str, now: datetime) -> CrmLink | None:
    """None where the record, or the customer, is somebody else's already."""
    try:
        with transaction.atomic():
            return CrmLink.objects.create(connection_id=found.pk, customer=customer, ref=ref, met_at=now)
    except IntegrityError:
        return CrmLink.objects.filter(connection_id=found.pk, customer=customer, ref=ref).first()


def _customer_of(found: Open, remote: Remote, now: datetime) -> Customer | None:
    """Whom a record means here; customers who never asked for anything are not made."""
    link = CrmLink.objects.filter(connection_id=found.pk, ref=remote.ref).select_related("customer").first()
    if link is not None:
        return link.customer
    keys = contacts.keys(remote.fields.get("phone", ""), remote.fields.get("email", ""))
    customer = customers.find(customers.CustomerData(ref=remote.ref)) or contacts.owner(keys)
    if customer is None or customer.erased_at is not None or _tie(found, customer, remote.ref, now) is None:
        return None
    return customer


# --- kept equal ------------------------------------------------------------------------------------------------------


def meet(found: Open, crm: Crm, customer: Customer, remote: Remote, now: datetime) -> syncing.Plan:
    """Make the two equal. Raises Failed, Moved, or Refused where what they say cannot be kept here."""
    ours = {name: str(getattr(customer, name)) for name in FIELDS}
    plan = syncing.plan(ours, _comparable(remote), set(found.options["owned"]), FIELDS)
    if plan.overruled:
        log.info("crm_overruled", connection=found.code, customer=customer.pk, fields=plan.overruled)
    if plan.take:
        customers.correct(customer_id=customer.pk, values=plan.take, source=found.code, now=now)
    if plan.give:
        crm.update(remote.ref, remote.version, plan.give)
    return plan


def _comparable(remote: Remote) -> dict[str, str]:
    """Phones and addresses as they are kept here, so that another spelling is no difference; unknown tiers are none."""
    said = dict(remote.fields)
    keys = contacts.keys(said.get("phone", ""), said.get("email", ""))
    for name in ("phone", "email"):
        if name in said:
            said[name] = keys.get(name, "")
    if said.get("tier", "") not in ("", *customers.TIERS):
        del said["tier"]
    return said


def pull(now: datetime) -> None:
    """The periodic task: what changed in each CRM since the last turn."""
    for found in opened():
        try:
            _pull(found, now)
        except Failed as error:
            connections.failed(found.pk, str(error), now)
        else:
            lag = CrmSend.objects.filter(connection_id=found.pk, wake_at__lt=now).order_by("created_at").first()
            connections.succeeded(found.pk, now, (now - lag.created_at).total_seconds() if lag else 0.0)


def _pull(found: Open, now: datetime) -> None:
    crm = speak(found)
    place, _made = CrmPlace.objects.get_or_create(connection_id=found.pk)
    for _page in range(MAX_PAGES):
        rows, cursor = crm.changed(place.cursor)
        for remote in rows:
            _met(found, crm, remote, now)
        is_end = cursor == place.cursor
        place.cursor, place.read_at = cursor, now
        place.save(update_fields=["cursor", "read_at"])
        if is_end or not rows:
            return


def _met(found: Open, crm: Crm, remote: Remote, now: datetime) -> None:
    """One record; what cannot be kept here, or was changed there just now, waits as a row that people see."""
    customer = _customer_of(found, remote, now)
    if customer is None:
        return
    try:
        meet(found, crm, customer, remote, now)
    except (Refused, Moved) as error:
        want(found, customer, None, now, error=str(error))


# --- told ------------------------------------------------------------------------------------------------------------


def want(
    found: Open, customer: Customer, ticket: Ticket | None, now: datetime, error: str = "", mark: str = ""
) -> None:
    """Let the worker send it; a customer who waits already waits once."""
    key = f"{found.pk}:ticket:{ticket.pk}:{mark}" if ticket else f"{found.pk}:customer:{customer.pk}"
    wake = now + timedelta(seconds=5) if error else now
    fresh = {"wake_at": wake, "attempts": 0, "parked_at": None, "lease_until": None, "last_error": error[:2000]}
    about = {"connection_id": found.pk, "customer": customer, "ticket": ticket}
    row, is_new = CrmSend.objects.get_or_create(key=key, defaults={**about, **fresh, "created_at": now})
    if not is_new and ticket is None:
        CrmSend.objects.filter(pk=row.pk).update(**fresh, created_at=now, done_at=None, fence=row.fence + 1)


def _read(entries: Sequence[JournalEntry]) -> Callable[[], object]:
    """The journal's reader: changed customers, ended tickets, erased customers."""
    told = [entry for entry in entries if entry.kind in (*_ENDED, "customer.changed", "customer.erased")]

    def write() -> None:
        found = opened()
        for entry in told:
            if entry.kind == "customer.erased":
                CrmLink.objects.filter(customer_id=entry.subject_id).delete()
                CrmSend.objects.filter(customer_id=entry.subject_id).delete()
            for one in found:
                _note_fact(one, entry)

    return write


def _note_fact(found: Open, entry: JournalEntry) -> None:
    if entry.kind == "customer.changed" and entry.data.get("source") != found.code:
        link = CrmLink.objects.filter(connection_id=found.pk, customer_id=entry.subject_id).first()
        if link is not None:
            want(found, link.customer, None, entry.recorded_at)
    elif entry.kind in _ENDED and found.options["tells"]:
        ticket = Ticket.objects.filter(pk=entry.subject_id, customer__isnull=False).select_related("customer").first()
        if ticket is not None and ticket.customer is not None and ticket.customer.erased_at is None:
            want(found, ticket.customer, ticket, entry.recorded_at, mark=str(entry.pk))


READER = tails.Reader("crm", _read)


def serve(ids: Sequence[int], now: datetime) -> int:
    """The sweep's handler, outside any transaction."""
    n_done = 0
    for pk in ids:
        row = due.lease(CrmSend, pk, now)
        if row is None:
            continue
        n_done += 1
        send = CrmSend.objects.select_related("customer", "ticket").get(pk=pk)
        found = connections.open_by_id(send.connection_id)
        if found is None:
            due.finish(row, done_at=None, last_error="")  # switched off: nothing is owed to it
            continue
        try:
            _send(found, send, now)
        except (Failed, Refused, Moved) as error:
            due.fail(CrmSend, pk, str(error), now)
            if isinstance(error, Failed):
                connections.failed(found.pk, str(error), now)
        else:
            due.finish(row, done_at=now)
            connections.succeeded(found.pk, now)
    return n_done


def _send(found: Open, send: CrmSend, now: datetime) -> None:
    crm = speak(found)
    link = link_of(found, send.customer, now)
    if link is None:
        return  # they do not know this customer
    if send.ticket is not None:
        crm.note(link.ref, send.key, activity(send.ticket))
        return
    remote = crm.get(link.ref)
    if remote is None:
        link.delete()  # it went there; perhaps another record is found the next time
        return
    meet(found, crm, send.customer, remote, now)


def activity(ticket: Ticket) -> dict[str, Any]:
    """What a CRM hears of an ended ticket: no texts of anybody."""
    closed_at = ticket.ended_at
    return {
        "kind": "ticket",
        "number": ticket.number,
        "channel": ticket.channel,
        "type": ticket.type,
        "category": ticket.category,
        "priority": ticket.priority,
        "status": ticket.status,
        "tags": list(ticket.tags),
        "received_at": ticket.received_at.isoformat(),
        "closed_at": closed_at.isoformat() if closed_at else None,
    }


@short
def retry(*, actor: Actor, send_id: int, now: datetime) -> None:
    """Let what could not be sent have its turn now, with all its tries before it."""
    require(actor, connections.RIGHT)
    fresh = {"wake_at": now, "attempts": 0, "parked_at": None}
    if not CrmSend.objects.filter(pk=send_id, done_at=None).exclude(last_error="").update(**fresh):
        raise NotFound("crm_send", send_id)
