"""E-mail: its kind of connection, who reads mailboxes, what becomes of mails, how answers leave; its page and words."""

from django.utils.translation import gettext_lazy as _

from jiying.base import connections, context, due, texts, worker
from jiying.channels.models import Mail
from jiying.channels.policies import MAIL_RIGHT
from jiying.channels.queries import mail as rows
from jiying.channels.services import outbox
from jiying.channels.services.mail import boxes, erasing, following, sample, sending, taking
from jiying.desk.queries import talk_extras
from jiying.desk.services import privacy
from jiying.desk.services.sample import centre

TERMS = {
    "kind": {"mail": _("mail")},
    "mail_state": {
        "quarantine": _("In quarantine"),
        "waiting": _("Being taken in"),
        "taken": _("Became a ticket"),
        "automatic": _("Automatic mail"),
        "duplicate": _("Came twice"),
        "discarded": _("Ignored"),
    },
    "mail_reason": {
        "too_large": _("Larger than is taken in; only its headers were fetched"),
        "too_deep": _("Parts within parts, deeper than is read"),
        "too_many_parts": _("More parts than are read"),
        "gone": _("Its original was erased"),
        "empty": _("There is nothing in it"),
        "broken": _("It could not be read"),
        "refused": _("No ticket could be made of it"),
        "no_sender": _("It names no sender"),
        "bad_sender": _("Its sender has no valid address"),
        "too_many": _("Too many mails of this sender within an hour"),
        "own_address": _("It comes from one of our own addresses"),
        "loop": _("It went out from here and came back"),
        "auto_reply": _("An automatic reply"),
        "bounce": _("A mail of ours could not be delivered"),
        "delayed": _("A mail of ours is delayed"),
        "duplicate": _("The same mail is here already"),
    },
}
FAULTS = {"mail_settled": _("This mail was dealt with already.")}


def wire() -> None:
    texts.register_terms(TERMS)
    texts.register_faults(FAULTS)
    connections.register(boxes.MAILBOX)
    worker.MORE.append(following.Keeper)
    due.register(due.Sweep("mail", Mail, taking.serve, networked=True))
    outbox.WAYS.append(sending.ways)
    outbox.SENDERS[boxes.KIND] = sending.send
    outbox.TRIES[boxes.KIND] = sending.TRIES
    outbox.BESIDE[sending.HOUSE] = sending.send_by_house
    talk_extras.SOURCES.append(rows.of_ticket)
    privacy.BESIDE_TICKETS.append(erasing.erase)
    privacy.BESIDE_CUSTOMER.append(erasing.erase_loose)
    centre.MORE.append(sample.EXTENSION)
    context.NAVIGATION.append(("mail", _("Mail"), "mail", "mail:index", MAIL_RIGHT))
