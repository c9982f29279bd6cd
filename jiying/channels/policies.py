"""Who may do what in the channels. Mail on a ticket is seen as the ticket is, all other mail by a right of its own."""

from jiying.base.actor import Actor
from jiying.base.errors import Denied, NotFound
from jiying.channels.models import Mail, PhoneCall
from jiying.desk.models import Ticket
from jiying.desk.policies import may_handle, require_visible, sees, shows_plain

MAIL_RIGHT = "desk.mail"


def require_mail(actor: Actor, row: Mail) -> None:
    """A mail of a ticket that the actor may not see does not exist for them."""
    if MAIL_RIGHT in actor.rights:
        return
    if row.ticket is None:
        raise NotFound("mail", row.pk)
    require_visible(actor, row.ticket)


def shows_sender(actor: Actor, row: Mail) -> bool:
    """Whether the sender stands there in plain."""
    return row.ticket is not None and shows_plain(actor, row.ticket)


def original_way(actor: Actor, row: Mail) -> str:
    """An original holds everything in plain: to be read where that is shown, else as a reveal; empty: not at all."""
    if shows_sender(actor, row):
        return "read"
    seen = MAIL_RIGHT in actor.rights or (row.ticket is not None and sees(actor, row.ticket))
    return "reveal" if seen and "desk.reveal" in actor.rights else ""


def require_original(actor: Actor, row: Mail, *, reveals: bool) -> None:
    require_mail(actor, row)
    if original_way(actor, row) not in (("read", "reveal") if reveals else ("read",)):
        raise Denied("desk.reveal")


def may_see_call_back(actor: Actor, ticket: Ticket) -> bool:
    """A call-back is for all of the team that its ticket is with, whoever got it by routing."""
    mine = ticket.team_id is None or ticket.team_id == actor.team_id
    return bool(actor.rights & {"desk.handle", "desk.assign"}) and (mine or sees(actor, ticket))


def may_wrap_up(actor: Actor, call: PhoneCall) -> bool:
    """Whoever talked, and whoever may handle the ticket."""
    mine = call.agent_id is not None and call.agent_id == actor.id
    return mine or (call.ticket is not None and may_handle(actor, call.ticket))
