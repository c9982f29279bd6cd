"""Beside a customer: who may be the same, who looked at their data, and the jobs on it. Masked like everything."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Q

from jiying.base import audit
from jiying.base.actor import Actor
from jiying.base.models import Attachment, Job, JournalEntry
from jiying.base.policies import has
from jiying.core import masking
from jiying.desk.models import Customer, Ticket
from jiying.desk.policies import MERGE_RIGHT, PRIVACY_RIGHT
from jiying.desk.queries.customers import RECENT
from jiying.desk.queries.rows import masked_name

ERASE, EXPORT = "customer.erase", "customer.export"  # kinds of jobs
EXPORTED = "customer_export"  # what the finished file hangs on
MOST = 6
LOOKS = ("customer.revealed", "customer.exported", "customer.export_downloaded")


@dataclass(frozen=True, slots=True)
class Alike:
    """Somebody who may be the same customer, and why: phone, email or name."""

    id: int
    name: str
    phone: str
    email: str
    n_tickets: int
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Look:
    at: datetime
    who: str
    what: str
    ticket: str
    reason: str


@dataclass(frozen=True, slots=True)
class Exported:
    id: int
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Beside:
    alike: list[Alike]
    looks: list[Look]
    exports: list[Exported]
    exporting: Job | None
    erasing: Job | None
    may_merge: bool
    may_erase: bool
    erased_at: datetime | None
    n_open: int


def beside(actor: Actor, customer: Customer) -> Beside:
    """What a customer's page shows besides the card, as far as the reader may see it."""
    may_merge, may_erase = has(actor, MERGE_RIGHT), has(actor, PRIVACY_RIGHT)
    gone = customer.erased_at is not None or customer.merged_into_id is not None
    return Beside(
        alike=alike(customer) if may_merge and not gone else [],
        looks=looks(customer.pk) if may_erase or has(actor, audit.RIGHT) else [],
        exports=[Exported(one.pk, one.name, one.at) for one in exports(customer.pk)] if may_erase else [],
        exporting=running(EXPORT, customer.pk) if may_erase else None,
        erasing=running(ERASE, customer.pk) if may_erase else None,
        may_merge=may_merge and not gone,
        may_erase=may_erase and not gone,
        erased_at=customer.erased_at,
        n_open=Ticket.objects.filter(customer=customer, ended_at__isnull=True).count() if may_erase else 0,
    )


def running(kind: str, customer_id: int) -> Job | None:
    """The job of this kind that is under way for a customer."""
    return Job.objects.filter(kind=kind, params__customer=customer_id, finished_at=None).first()


def exports(customer_id: int) -> list[Attachment]:
    return list(Attachment.objects.filter(subject_kind=EXPORTED, subject_id=customer_id).order_by("-pk"))


def alike(customer: Customer) -> list[Alike]:
    """Customers with the same phone or e-mail; or of the same name and organisation, or where one tells no phone.

    Two of the same name with different phones are mostly two people.
    """
    same = Q(pk__in=[])
    if customer.phone:
        same |= Q(phone=customer.phone)
    if customer.email:
        same |= Q(email=customer.email)
    if customer.name:
        latest = Customer.objects.aggregate(last=Max("pk"))["last"] or 0
        near = Q(phone="") | Q(organisation=customer.organisation) if customer.organisation else Q(phone="")
        same |= Q(name__iexact=customer.name, pk__gt=latest - RECENT) & (near if customer.phone else Q())
    found = Customer.objects.filter(same, merged_into=None, erased_at=None).exclude(pk=customer.pk).order_by("-pk")
    return [_alike(customer, other) for other in found[:MOST]]


def _alike(customer: Customer, other: Customer) -> Alike:
    why = [
        name for name in ("phone", "email") if getattr(other, name) and getattr(other, name) == getattr(customer, name)
    ]
    why += ["name"] if other.name and other.name.lower() == customer.name.lower() else []
    return Alike(
        id=other.pk,
        name=masked_name(other),
        phone=masking.phone(other.phone),
        email=masking.email(other.email),
        n_tickets=Ticket.objects.filter(customer=other).count(),
        why=tuple(why),
    )


def looks(customer_id: int, n: int = 20) -> list[Look]:
    """Who had a customer's data shown or handed out, the newest first."""
    found = JournalEntry.objects.filter(subject_kind="customer", subject_id=customer_id, kind__in=LOOKS)
    return [
        Look(
            at=entry.at,
            who=audit.actor_name(entry),
            what=entry.kind,
            ticket=str(entry.data.get("ticket", "")),
            reason=str(entry.data.get("reason", "")),
        )
        for entry in found.order_by("-at", "-pk")[:n]
    ]
