"""Chat and form on other people's pages: the kind of connection, visitors' streams, the panel beside tickets."""

from django.utils.translation import gettext_lazy as _

from jiying.base import connections, due, live, periodic
from jiying.channels.models import Transcript
from jiying.channels.queries import chats
from jiying.channels.services import attending, chatting, knocking, transcripts, widgets
from jiying.desk.queries import panels, story
from jiying.desk.services import privacy


def wire() -> None:
    connections.register(widgets.SPOKEN)
    live.GUESTS["chat"] = chatting.guest
    due.register(due.Sweep("transcripts", Transcript, transcripts.serve, networked=True))
    periodic.register("channels.knocks", 3600, knocking.drop_old)
    story.register("ticket.chat_left", "logout", _("The visitor ended the chat"))
    panels.register(panels.Panel("chat", 18, "channels/panels/chat.html", lambda about: chats.about(about.ticket)))
    privacy.BESIDE_TICKETS.append(attending.erase)
