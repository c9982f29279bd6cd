"""Inbound hooks: their doors, the sweep that acts on calls, how long they are kept, erasure, the log."""

from django.utils.translation import gettext_lazy as _

from jiying.base import due, periodic
from jiying.base.pages import connections
from jiying.channels.models import HookCall
from jiying.channels.services import doors, hooks
from jiying.desk.services import privacy


def wire() -> None:
    hooks.DOORS.update(doors.DOORS)
    due.register(due.Sweep("hooks_in", HookCall, hooks.serve, batch=1))
    periodic.register("channels.hooks", 3600, hooks.drop_old)
    privacy.BESIDE_CUSTOMER.append(hooks.erase)
    connections.MORE.append(("hooks_in", _("Web hooks received"), "hooks:show"))
