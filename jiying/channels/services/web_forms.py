"""A request by a web form (D16): checked, limited, and taken in like every other; its customer gets the signed link."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.signing import BadSignature, TimestampSigner
from django.utils.crypto import salted_hmac

from jiying.base import files
from jiying.base.actor import SYSTEM
from jiying.base.errors import Conflict, Invalid
from jiying.base.models import Attachment
from jiying.base.transactions import short
from jiying.channels.services import portal
from jiying.channels.services.knocking import knock
from jiying.channels.services.widgets import Widget
from jiying.core import widgets as core
from jiying.desk.models import Ticket
from jiying.desk.services import intake
from jiying.desk.services.customers import CustomerData

SALT = "jiying.form"
QUICKEST = timedelta(seconds=2)  # nobody fills it in faster
LONGEST = timedelta(hours=12)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Written:
    """What was filled in. `trap` is a field that people do not see; `stamp` says when the form was given out."""

    name: str
    contact: str
    subject: str
    text: str
    category: str
    stamp: str
    trap: str = ""


def stamp(widget: Widget) -> str:
    """Of one page that was given out: no two are alike."""
    return TimestampSigner(salt=SALT).sign(f"{widget.key} {secrets.token_hex(8)}")


def send(
    *, widget: Widget, written: Written, uploads: "Sequence[UploadedFile[Any]]" = (), address: str, now: datetime
) -> str:
    """Opens a ticket, and returns the address by which its customer follows it. The same form sent twice opens one."""
    if not widget.has_form:
        raise Conflict.one("form_closed")
    _be_a_person(widget, written)
    files.check(uploads)
    new = _new_ticket(widget, written)
    if faults := intake.faults_of(actor=SYSTEM, new=new, now=now):
        raise Invalid(*faults)
    knock("form", address, widget.number("forms_an_hour"), HOUR, now)
    knock("all", widget.pk, widget.number("all_an_hour"), HOUR, now)
    ticket = intake.open_ticket(actor=SYSTEM, new=new, now=now)
    _keep(ticket, uploads, now)
    return portal.own_address(ticket)


@short
def _keep(ticket: Ticket, uploads: "Sequence[UploadedFile[Any]]", now: datetime) -> None:
    """Its files, once."""
    if uploads and not Attachment.objects.filter(subject_kind="ticket", subject_id=ticket.pk).exists():
        files.keep(uploads, actor=SYSTEM, subject_kind="ticket", subject_id=ticket.pk, now=now)


def _be_a_person(widget: Widget, written: Written) -> None:
    """A filled trap, a made-up stamp, or a form sent sooner than anybody reads it."""
    signer = TimestampSigner(salt=SALT)
    try:
        is_ours = signer.unsign(written.stamp, max_age=LONGEST).startswith(f"{widget.key} ")
    except BadSignature:
        is_ours = False
    if not is_ours:
        raise Conflict.one("form_old")
    try:
        signer.unsign(written.stamp, max_age=QUICKEST)
        too_quick = bool(QUICKEST)
    except BadSignature:
        too_quick = False
    if written.trap or too_quick:
        raise Conflict.one("form_robot")


def _new_ticket(widget: Widget, written: Written) -> intake.NewTicket:
    phone, email = core.contact(written.contact)
    if not phone and not email:
        raise Invalid.one("contact", "required", field="contact")
    if not written.text.strip():
        raise Invalid.one("text", "required", field="text")
    mark = salted_hmac(SALT, written.stamp).hexdigest()[:32]
    return intake.NewTicket(
        subject=written.subject.strip() or core.subject(written.text, ""),
        description=written.text.strip(),
        channel="web",
        category=written.category,
        customer=CustomerData(name=written.name.strip(), phone=phone, email=email),
        idempotency_key=f"form:{widget.pk}:{mark}",
    )
