"""Calls whose end was never told: after the longest that a call takes, per gateway, they are taken to be over.

Else their agent stayed busy for ever, and a customer who rang in vain was never called back. A note says so.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from jiying.base.actor import SYSTEM
from jiying.base.models import Connection
from jiying.base.transactions import short
from jiying.channels.models import PhoneCall
from jiying.channels.services import extensions, phone
from jiying.desk.services import talking
from jiying.desk.services.holding import lock

LONGEST_MIN, RINGS_MIN = 120, 15
BATCH = 200


def look(now: datetime) -> None:
    """The periodic task: all gateways, also those that are switched off by now."""
    for row in Connection.objects.filter(kind=extensions.KIND):
        longest_min = int(row.options.get("longest_min") or LONGEST_MIN)
        talks = Q(state="talking", answered_at__lt=now - timedelta(minutes=longest_min))
        rings = Q(state="ringing", begun_at__lt=now - timedelta(minutes=RINGS_MIN))
        for pk in PhoneCall.objects.filter(talks | rings, connection=row).values_list("pk", flat=True)[:BATCH]:
            with translation.override(settings.LANGUAGE_CODE):
                close(call_id=pk, now=now)


@short
def close(*, call_id: int, now: datetime) -> bool:
    """One call, if it still goes on; False if its end came meanwhile."""
    call = PhoneCall.objects.select_for_update(of=("self",)).filter(pk=call_id).first()
    if call is None or call.state not in ("talking", "ringing"):
        return False
    talked = call.state == "talking"
    if call.ticket_id is not None:
        call.ticket = lock(call.ticket_id)
    phone.give_up(call, now)
    if call.ticket is not None:
        text = _("The telephone system never told that the call had ended. It was closed here; its length is unknown.")
        if not talked:
            text = _("The telephone system never told what became of the call. It counts as missed.")
        talking.note(actor=SYSTEM, number=call.ticket.number, body=text, now=now)
    return True
