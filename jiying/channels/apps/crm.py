"""The link with a CRM: its kind of connection, what is pulled and sent, and the customer's orders beside tickets."""

from django.utils.translation import gettext_lazy as _

from jiying.base import connections, due, periodic, tails
from jiying.base.pages import connections as pages
from jiying.channels.models import CrmSend
from jiying.channels.services import crm
from jiying.desk.queries import panels

TEMPLATE = "channels/panels/crm.html"


def wire() -> None:
    connections.register(crm.CRM)
    pages.MORE.append(("crm", _("Not sent to the CRM"), "crm:waiting"))
    tails.register(crm.READER)
    due.register(due.Sweep("crm", CrmSend, crm.serve, networked=True))
    periodic.register("channels.crm", crm.EVERY_S, crm.pull)
    panels.register(panels.Panel("crm", 22, TEMPLATE, lambda about: about.ticket.customer_id if crm.opened() else None))
    panels.OF_CUSTOMER["crm"] = (TEMPLATE, lambda: bool(crm.opened()))
