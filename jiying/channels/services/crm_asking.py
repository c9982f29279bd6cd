"""What the CRMs know of a customer, asked over the network just now. Rights are those of the customer's page."""

from dataclasses import dataclass
from datetime import datetime

from jiying.base.actor import Actor
from jiying.base.connections import Failed
from jiying.channels.services import crm
from jiying.channels.services.crm_http import Order
from jiying.desk.queries import customers


@dataclass(frozen=True, slots=True)
class Known:
    """What one CRM knows; `fault` where it could not be asked. Without `ref` it does not know the customer."""

    connection: str
    name: str
    ref: str
    orders: list[Order]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class KnownList:
    items: list[Known]


def known(actor: Actor, customer_id: int, now: datetime) -> list[Known]:
    """Asks each CRM, over the network: for a part of a page that comes by itself, never for the page."""
    customer = customers.get(actor, customer_id)
    found = []
    for one in crm.opened():
        try:
            link = crm.link_of(one, customer, now)
            orders = crm.speak(one).orders(link.ref) if link else []
            found.append(Known(one.code, one.name, link.ref if link else "", orders))
        except Failed as error:
            found.append(Known(one.code, one.name, "", [], str(error)))
    return found
