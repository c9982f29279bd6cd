"""Which ticket a mail belongs to: by what it refers to, then by the number in its subject. Changes nothing.

Our own Message-IDs cannot be guessed: who refers to one has had the mail. All else may be made up, so that it counts
only for who takes part in the ticket.
"""

import re
from collections.abc import Sequence

from jiying.channels.models import Mail, Outbox, Transcript
from jiying.channels.services.mail.sending import key_of
from jiying.desk.models import Ticket

NUMBER = re.compile(r"\bGD\d{8}\d{3,}\b")
MERGES = 10


def letter_of(references: Sequence[str]) -> Outbox | None:
    """The latest answer of ours that is referred to."""
    keys = [key for one in references if (key := key_of(one))]
    found = {one.key: one for one in Outbox.objects.filter(key__in=keys).select_related("ticket")} if keys else {}
    return next((found[one] for one in reversed(keys) if one in found), None)


def ticket_of(references: Sequence[str], sender: str, subject: str) -> Ticket | None:
    """The ticket, or the one that it was merged into."""
    if letter := letter_of(references):
        return going_on(letter.ticket)
    mails = Mail.objects.filter(header_id__in=references, ticket__isnull=False).select_related("ticket__customer")
    by_id = {one.header_id: one.ticket for one in mails if one.ticket is not None}
    referred = [by_id[one] for one in reversed(references) if one in by_id]
    named = list(Ticket.objects.select_related("customer").filter(number__in=NUMBER.findall(subject)[:3]))
    ticket = next((one for one in (*referred, *named) if takes_part(one, sender)), None)
    return going_on(ticket) if ticket is not None else None


def takes_part(ticket: Ticket, sender: str) -> bool:
    """The customer, who wrote on it before, whom we wrote to, who had its chat mailed, or who had a copy."""
    if not sender:
        return False
    if ticket.customer is not None and ticket.customer.email.lower() == sender:
        return True
    if ticket.mails.filter(sender=sender).exists():
        return True
    if sender in {str(about.get("to", "")).lower() for about in ticket.outbox.values_list("about", flat=True)}:
        return True
    if Transcript.objects.filter(chat__ticket=ticket, address__iexact=sender).exists():
        return True
    copies = ticket.mails.order_by("-received_at").values_list("to", "cc")[:20]
    return any(sender in (*to, *cc) for to, cc in copies)


def going_on(ticket: Ticket) -> Ticket:
    for _n in range(MERGES):
        if ticket.merged_into is None:
            break
        ticket = ticket.merged_into
    return ticket
