"""Two customers who are one: tickets and what is known go to the one who stays; the other points there (D13)."""

from datetime import datetime

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, NotFound
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.desk.models import ContactKey, Customer, OutsideEvent, Ticket
from jiying.desk.policies import MERGE_RIGHT
from jiying.desk.services import indexing

_FIELDS = ("name", "phone", "phone_tail", "email", "address", "region", "organisation", "language")


@short
def merge(*, actor: Actor, keep_id: int, drop_id: int, now: datetime) -> Customer:
    """`drop_id` becomes a part of `keep_id`; what both know differently stays as the one who stays has it."""
    require(actor, MERGE_RIGHT)
    if keep_id == drop_id:
        raise Conflict.one("same_customer")
    locked = Customer.objects.select_for_update(no_key=True).filter(pk__in=[keep_id, drop_id]).order_by("pk")
    found = {customer.pk: customer for customer in locked}
    for pk in (keep_id, drop_id):
        if pk not in found:
            raise NotFound("customer", pk)
        if found[pk].merged_into_id is not None or found[pk].erased_at is not None:
            raise Conflict.one("customer_gone", number=pk)
    keep, drop = found[keep_id], found[drop_id]
    n = Ticket.objects.filter(customer=drop).update(customer=keep)
    OutsideEvent.objects.filter(customer=drop).update(customer=keep)
    Customer.objects.filter(merged_into=drop).update(merged_into=keep)
    ContactKey.objects.filter(customer=drop).update(customer=keep)
    _join(keep, drop)
    facts = [
        journal.Fact("customer", keep.pk, "customer.merged", now, {"from": drop.pk, "tickets": n}),
        journal.Fact("customer", drop.pk, "customer.merged_into", now, {"into": keep.pk}),
    ]
    journal.record(actor, facts, now=now)
    indexing.index(customers=[keep.pk, drop.pk])
    return keep


def _join(keep: Customer, drop: Customer) -> None:
    """An outside key that both have stays with the one who goes: who comes by it is led on."""
    for name in _FIELDS:
        if not getattr(keep, name):
            setattr(keep, name, getattr(drop, name))
    ref = drop.ref
    if not keep.ref and ref:
        Customer.objects.filter(pk=drop.pk).update(ref=None)
        keep.ref, drop.ref = ref, None
    keep.tags = sorted({*keep.tags, *drop.tags})
    keep.tier = "vip" if "vip" in (keep.tier, drop.tier) else keep.tier
    keep.dedicated_id = keep.dedicated_id or drop.dedicated_id
    keep.revision += 1
    keep.save()
    for name in _FIELDS:
        setattr(drop, name, "")
    drop.merged_into, drop.dedicated, drop.tags = keep, None, []
    drop.revision += 1
    drop.save()
