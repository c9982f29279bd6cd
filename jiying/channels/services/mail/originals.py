"""The original of a mail for somebody who may see it; where that tells more than their pages, it is a fact (D12)."""

from datetime import datetime
from typing import BinaryIO

from jiying.base import files, journal
from jiying.base.actor import Actor
from jiying.base.errors import NotFound
from jiying.channels.models import Mail
from jiying.channels.policies import require_original, shows_sender
from jiying.channels.services.mail.reading import has_original


def open_original(*, actor: Actor, mail_id: int, reveals: bool, now: datetime) -> BinaryIO | None:
    """The bytes, None where they are gone (erased)."""
    row = Mail.objects.select_related("ticket__customer").filter(pk=mail_id).first()
    if row is None:
        raise NotFound("mail", mail_id)
    require_original(actor, row, reveals=reveals)
    if not has_original(row):
        return None
    customer = row.ticket.customer_id if row.ticket else None
    about = {"ticket": row.ticket.number if row.ticket else "", "mail": row.pk}
    if shows_sender(actor, row):
        return files.path_at(row.sha256).open("rb")
    if customer is not None:
        journal.record(actor, [journal.Fact("customer", customer, "customer.revealed", now, about)], now=now)
    else:
        journal.record(actor, [journal.Fact("mail", row.pk, "mail.opened", now, {})], now=now)
    return files.path_at(row.sha256).open("rb")
