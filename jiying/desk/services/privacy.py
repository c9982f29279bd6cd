"""A customer's rights over their data (D13): what is kept is handed out as a file, or erased. Both are jobs.

Erasing leaves numbers, times and clocks, so that figures stay right, and a name such as 客户A-2024 in place of the
person. Texts and files go with it where that is chosen. The journal's chain still holds: it covers salted digests.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from jiying.base import files, jobs, journal
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, Invalid, NotFound
from jiying.base.models import Attachment, Job, JournalEntry
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.clocks.services import causes
from jiying.core import masking
from jiying.desk.models import (
    Collaboration,
    ContactKey,
    Customer,
    CustomerOffer,
    Draft,
    FlowStep,
    HandUp,
    Message,
    OutsideEvent,
    RepeatContact,
    Ticket,
)
from jiying.desk.policies import PRIVACY_RIGHT
from jiying.desk.queries.privacy import ERASE, EXPORTED, running
from jiying.desk.services import collaboration, drafts, flows, indexing, outside
from jiying.desk.services.holding import KIND

BATCH = 50  # tickets in one transaction
# What floors above keep of tickets (ids, whether texts go too) and of a customer: blanked in the same transaction.
BESIDE_TICKETS: list[Callable[[Sequence[int], bool], None]] = []
BESIDE_CUSTOMER: list[Callable[[Customer], None]] = []
_TEXTS = frozenset({"note", "reason", "answer", "question", "text", "body"})  # in facts: what people wrote


@short
def order_erasure(*, actor: Actor, customer_id: int, typed: str, with_texts: bool, now: datetime) -> Job:
    """The second of two steps: the customer's number is typed in. Nothing of theirs may be open."""
    require(actor, PRIVACY_RIGHT)
    customer = Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).first()
    if customer is None:
        raise NotFound("customer", customer_id)
    if customer.erased_at is not None:
        raise Conflict.one("customer_erased")
    if typed.strip().lstrip("#") != str(customer.pk):
        raise Invalid.one("typed", "erase_typed", number=customer.pk)
    if n := Ticket.objects.filter(customer=customer, ended_at__isnull=True).count():
        raise Conflict.one("customer_open", n=n)
    if running(ERASE, customer_id) is not None:
        raise Conflict.one("stale")
    data = {"with_texts": with_texts}
    journal.record(actor, [journal.Fact("customer", customer.pk, "customer.erasure_ordered", now, data)], now=now)
    params = {"customer": customer.pk, "with_texts": with_texts}
    return jobs.start(kind=ERASE, params=params, by=actor.person, now=now)


def erase_some(job: Job, now: datetime) -> bool:
    """Some tickets, and at last the customer; a request that came meanwhile is erased with the rest."""
    customer = Customer.objects.select_for_update(no_key=True).get(pk=job.params["customer"])
    tickets = Ticket.objects.filter(customer=customer, pk__gt=job.cursor.get("after", 0)).order_by("pk")
    if not job.n_total:
        job.n_total = tickets.count()
    ids = list(tickets.values_list("pk", flat=True)[:BATCH])
    if ids:
        _erase_tickets(ids, bool(job.params["with_texts"]), now)
        job.cursor, job.n_done = {"after": ids[-1]}, job.n_done + len(ids)
        return False
    _erase_customer(customer, now)
    if job.params["with_texts"]:
        OutsideEvent.objects.filter(customer=customer).update(text="", reference="")
    fact = journal.Fact("customer", customer.pk, "customer.erased", now, {"tickets": job.n_done, **job.params})
    journal.record(SYSTEM, [fact], now=now)
    return True


def _erase_tickets(ids: Sequence[int], with_texts: bool, now: datetime) -> None:
    Ticket.objects.filter(pk__in=ids).update(customer_told={})
    begun = list(Draft.objects.filter(ticket__in=ids).values_list("pk", flat=True))
    _remove_files(drafts.SUBJECT, begun)
    Draft.objects.filter(pk__in=begun).delete()
    for erase in BESIDE_TICKETS:
        erase(ids, with_texts)
    if not with_texts:
        return
    with translation.override(settings.LANGUAGE_CODE):  # it is stored, in the language of the site
        gone = _("(erased)")
    Ticket.objects.filter(pk__in=ids).update(subject=gone, description="", fields={}, last_message="", external_id="")
    for ticket in Ticket.objects.filter(pk__in=ids, priority_source="manual").only("priority_reason"):
        ticket.priority_reason = _without_texts(ticket.priority_reason)
        ticket.save(update_fields=["priority_reason"])
    messages = list(Message.objects.filter(ticket__in=ids).values_list("pk", flat=True))
    Message.objects.filter(pk__in=messages).update(body="", html="", call={})
    Collaboration.objects.filter(ticket__in=ids).update(question="", answer="")
    HandUp.objects.filter(ticket__in=ids).update(reason="", answer="")
    _remove_files("message", messages)
    _remove_files("ticket", ids)
    _erase_beside(ids)
    causes.blank_notes(KIND, ids)
    erase_facts(KIND, ids)
    # The index's reader may hold older words just now: by these facts it reads once more.
    journal.record(SYSTEM, [journal.Fact(KIND, pk, "ticket.erased", now) for pk in ids], now=now)
    indexing.index(tickets=ids)


def _erase_beside(ids: Sequence[int]) -> None:
    """What hangs on these tickets: offers, requests to departments and steps of flows with clocks, repeat contacts."""
    asked = list(Collaboration.objects.filter(ticket__in=ids).values_list("pk", flat=True))
    steps = list(FlowStep.objects.filter(run__ticket__in=ids).values_list("pk", flat=True))
    FlowStep.objects.filter(pk__in=steps).exclude(reason="").update(reason="")
    CustomerOffer.objects.filter(ticket__in=ids).update(value="", note="", answer_note="")
    tied = Q(link__ticket__in=ids) | Q(link__other__in=ids)
    RepeatContact.objects.filter(tied).exclude(note="").update(note="")
    for kind, found in ((collaboration.KIND, asked), (flows.KIND, steps)):
        causes.blank_notes(kind, found)
        erase_facts(kind, found)


def erase_facts(subject_kind: str, ids: Sequence[int]) -> None:
    """Facts in which somebody wrote something keep their codes and figures: clocks are made of them."""
    entries = JournalEntry.objects.filter(subject_kind=subject_kind, subject_id__in=ids)
    kept = {}
    for pk, kind, data in entries.values_list("pk", "kind", "data"):
        left = _without_texts(data)
        if kind == "ticket.held" and "reason" in data:
            left["reason"] = data["reason"]  # a code
        if left != data:
            kept[pk] = left
    journal.erase(kept)


def _without_texts(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same without what people wrote, in its depth too; lists hold codes."""
    return {
        name: _without_texts(value) if isinstance(value, dict) else value
        for name, value in data.items()
        if not (name in _TEXTS and isinstance(value, str))
    }


def _remove_files(kind: str, ids: Sequence[int]) -> None:
    """Rows now, bytes after the commit, unless the same file hangs on something else."""
    rows = list(Attachment.objects.filter(subject_kind=kind, subject_id__in=ids))
    Attachment.objects.filter(pk__in=[row.pk for row in rows]).delete()
    transaction.on_commit(lambda: files.forget(rows))


def display_name(customer: Customer) -> str:
    """客户A-2024: who they were cannot be told from it, but two of them can be told apart."""
    with translation.override(settings.LANGUAGE_CODE):
        year = timezone.localtime(customer.created_at).year
        return _("Customer %(mark)s-%(year)s") % {"mark": masking.letters(customer.pk), "year": year}


def _erase_customer(customer: Customer, now: datetime) -> None:
    outside.give_to(customer)  # by their number, phone and e-mail, which go now
    for erase in BESIDE_CUSTOMER:
        erase(customer)
    customer.name, customer.ref, customer.dedicated, customer.tags = display_name(customer), None, None, []
    customer.phone = customer.phone_tail = customer.email = customer.address = ""
    customer.organisation = customer.region = ""
    customer.erased_at, customer.revision = now, customer.revision + 1
    customer.save()
    ContactKey.objects.filter(customer=customer).delete()
    OutsideEvent.objects.filter(customer=customer).update(told={})
    _remove_files(EXPORTED, [customer.pk])
    erase_facts("customer", [customer.pk])
    Customer.objects.filter(merged_into=customer).update(ref=None, name="", phone="", phone_tail="", email="")
    indexing.index(customers=[customer.pk])
