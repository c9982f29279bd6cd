"""The telephone: its kind of connection and door, the call-back list in the rail, the panel of a call, its words."""

from django.utils.translation import gettext_lazy as _

from jiying.base import connections, context, periodic
from jiying.channels.queries import copying
from jiying.channels.queries import phone as rows
from jiying.channels.services import call_backs, cti, lost_calls, sample
from jiying.desk.queries import panels, story
from jiying.desk.services import privacy
from jiying.desk.services.sample import centre


def wire() -> None:
    connections.register(cti.CTI)
    copying.register()
    centre.MORE.append(sample.EXTENSION)
    periodic.register("channels.lost_calls", 60, lost_calls.look)
    panels.register(panels.Panel("call", 5, "channels/panels/call.html", rows.panel))
    privacy.BESIDE_TICKETS.append(call_backs.erase)
    context.NAVIGATION.append(("calls", _("Calls to return"), "phone", "calls:show", ("desk.handle", "desk.assign")))
    for kind, icon, text in (
        ("call_rings", "phone-call", _("The phone rang")),
        ("call_over", "phone", _("The call ended")),
        ("call_missed", "phone", _("The customer called in vain")),
        ("call_back_claimed", "phone-call", _("The customer is being called back")),
        ("call_back_done", "check", _("Called back and reached")),
        ("call_back_not_reached", "phone", _("Called back, not reached")),
        ("call_back_given_up", "phone", _("Not reached after several tries: given up")),
        ("call_back_released", "refresh", _("Put back on the call-back list")),
        ("call_detailed", "phone", _("More is known of the call")),
        ("call_wrapped", "pencil", _("The call was wrapped up")),
    ):
        story.register(f"ticket.{kind}", icon, text)
