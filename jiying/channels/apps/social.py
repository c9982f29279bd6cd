"""Messengers and social media: their kinds of connection, the way of replies, marks on tickets, accounts."""

from django.utils.translation import gettext_lazy as _

from jiying.base import connections, due
from jiying.channels.models import Enclosure, Pull
from jiying.channels.queries import social as rows
from jiying.channels.services import enclosures, kf, messengers, outbox, social
from jiying.desk.queries import marks, publicity, story
from jiying.desk.services import handing_out, privacy


def wire() -> None:
    connections.register(*messengers.KINDS, kf.SPOKEN)
    due.register(due.Sweep("enclosures", Enclosure, enclosures.serve, networked=True, batch=1))
    due.register(due.Sweep("pulls", Pull, kf.serve, networked=True, batch=1))
    outbox.WAYS.append(social.ways)
    outbox.SENDERS.update({kind.code: messengers.send for kind in messengers.KINDS})
    outbox.SENDERS[kf.KIND] = kf.send
    publicity.TELLERS.append(social.is_public)
    marks.TELLERS.append(rows.marks)
    privacy.BESIDE_TICKETS.append(enclosures.erase)
    story.register("ticket.file_fetched", "paperclip", _("A file of the customer was fetched from the messenger"))
    story.register("ticket.file_failed", "alert-triangle", _("A file of the customer could not be fetched"), "red")
    story.register("ticket.file_again", "refresh", _("The file is fetched again"))
    privacy.BESIDE_CUSTOMER.append(social.erase)
    handing_out.BESIDE["accounts"] = social.export
