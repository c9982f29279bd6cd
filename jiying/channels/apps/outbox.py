"""Replies on their way out: the journal's reader, the sweep, marks on messages, lines of the story, erasure."""

from django.utils.translation import gettext_lazy as _

from jiying.base import due, tails
from jiying.channels.models import Outbox
from jiying.channels.queries import outbox as rows
from jiying.channels.services import outbox
from jiying.desk.queries import marks, story
from jiying.desk.services import privacy


def wire() -> None:
    story.register("ticket.reply_sent", "send", _("The reply was sent to the customer"))
    story.register("ticket.reply_failed", "alert-triangle", _("The reply could not be sent to the customer"), "red")
    story.register("ticket.reply_again", "refresh", _("The reply is sent again"))
    tails.register(outbox.READER)
    due.register(due.Sweep("outbox", Outbox, outbox.serve, networked=True, batch=10, lanes=("connection_id",)))
    marks.TELLERS.append(rows.marks)
    privacy.BESIDE_TICKETS.append(outbox.erase)
