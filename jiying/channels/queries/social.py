"""What a ticket's page tells of its conversation: public or not, and by which messenger."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from jiying.base.actor import Actor
from jiying.base.errors import NotFound
from jiying.base.texts import term
from jiying.channels.models import Conversation, Enclosure
from jiying.desk.models import Ticket
from jiying.desk.policies import may_handle, require_visible
from jiying.desk.queries.marks import Asked, Mark, Told

_LOOKS = {"waiting": ("clock", "grey"), "failed": ("alert-triangle", "red")}


def _enclosed(asked: Asked) -> tuple[dict[int, list[Mark]], list[Mark]]:
    """One query: what of a message is still being fetched, and what could not be; what is there shows as its file."""
    found: dict[int, list[Mark]] = defaultdict(list)
    own: list[Mark] = []
    may_again, url = may_handle(asked.actor, asked.ticket), reverse("channels:fetch_again", args=[asked.ticket.number])
    for row in Enclosure.objects.filter(ticket=asked.ticket, state__in=_LOOKS).order_by("pk"):
        icon, hue = _LOOKS[row.state]
        text = f"{term('enclosed', row.kind)}: {term('enclosed_state', row.state)}"
        again = url if row.state == "failed" and may_again else ""
        mark = Mark(text, icon, hue, _why(row), again, _("Fetch again"))
        (found[row.message_id] if row.message_id else own).append(mark)
    return found, own


def marks(asked: Asked) -> Told:
    """One query, where there is a conversation one more. In a public thread each message of both sides is marked, and
    the writer is told before answering."""
    rows = Conversation.objects.filter(ticket=asked.ticket).select_related("connection").order_by("-last_at", "-pk")
    talks = list(rows[:1])
    if not talks:
        return Told({})
    talk = talks[0]
    by = Mark(talk.connection.name, "message-circle", "blue", _("Replies go out by this conversation."))
    found, own = _enclosed(asked)
    if not talk.is_public:
        return Told(found, (by, *own))
    public = Mark(_("public"), "world", "amber", _("Everybody can read this."))
    heading = Mark(_("Public post"), "world", "amber", _("Everybody can read this."))
    said = {pk: [public, *found.get(pk, ())] for pk, kind in asked.messages if kind in ("customer", "reply")}
    return Told(
        said, (by, heading, *own), (_("Your reply will be public: everybody can read it. Name no personal data."),)
    )


@dataclass(frozen=True, slots=True)
class FileIn:
    """Without a message it belongs to the ticket's own text. `error` says why the last try failed."""

    id: int
    message_id: int | None
    kind: str
    name: str
    state: str
    attempts: int
    error: str
    created_at: datetime
    fetched_at: datetime | None


@dataclass(frozen=True, slots=True)
class FilesIn:
    items: list[FileIn]


def files_in(actor: Actor, number: str) -> FilesIn:
    """Those of one ticket, the oldest first."""
    ticket = Ticket.objects.filter(number=number).first()
    if ticket is None:
        raise NotFound("ticket", number)
    require_visible(actor, ticket)
    return FilesIn([_file_in(row) for row in Enclosure.objects.filter(ticket=ticket).order_by("pk")])


def _file_in(row: Enclosure) -> FileIn:
    return FileIn(
        id=row.pk,
        message_id=row.message_id,
        kind=row.kind,
        name=row.name,
        state=str(row.state),
        attempts=row.attempts,
        error=_why(row),
        created_at=row.created_at,
        fetched_at=row.fetched_at,
    )


def _why(row: Enclosure) -> str:
    return term("sending_error", row.last_error) if row.last_error else ""
