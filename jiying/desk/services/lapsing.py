"""Offers that nobody answered end with their ticket (D5): none stays open unseen. Verbs on offers are in `offers`."""

from datetime import datetime

from jiying.base import journal
from jiying.desk.models import CustomerOffer, Ticket
from jiying.desk.services.holding import fact


def lapse_all(ticket: Ticket, now: datetime) -> list[journal.Fact]:
    """End the open offers of a locked ticket that ends now; a fact for each."""
    found = list(CustomerOffer.objects.filter(ticket=ticket, state="open").select_related("kind").order_by("pk"))
    CustomerOffer.objects.filter(pk__in=[one.pk for one in found]).update(
        state=CustomerOffer.State.LAPSED, ended_at=now
    )
    return [fact(ticket, "offer_lapsed", now, {"offer": one.pk, "kind": one.kind.code}) for one in found]
