"""The dedicated agent of a customer (D11): one touch, told by whom, refused where there is none."""

import pytest

from jiying.base.errors import Conflict, Denied, NotFound
from jiying.base.models import JournalEntry
from jiying.desk.models import Customer, Ticket
from jiying.desk.services import routing
from jiying.desk.services.customers import CustomerData
from tests.cast import Cast


def a_vips_ticket(cast: Cast) -> Ticket:
    ticket = cast.accepted(customer=CustomerData(name="张三", phone="13812345678", tier="vip"))
    Customer.objects.filter(tickets=ticket).update(dedicated=cast.zhao)
    return ticket


def test_one_touch_gives_it_to_the_dedicated_agent(cast: Cast) -> None:
    ticket = a_vips_ticket(cast)
    client = cast.client(cast.lin)
    assert "do/dedicated" in client.get(f"/tickets/{ticket.number}/").content.decode()
    assert client.post(f"/tickets/{ticket.number}/do/dedicated").status_code == 302
    ticket.refresh_from_db()
    assert (ticket.assignee_id, ticket.status) == (cast.zhao.pk, "assigned")
    given = JournalEntry.objects.filter(subject_id=ticket.pk, kind="ticket.assigned").order_by("-pk")[0]
    assert given.data["why"]["decided_by"] == "dedicated"


def test_refused_where_there_is_none_or_it_is_theirs(cast: Cast) -> None:
    plain = cast.accepted(customer=CustomerData(name="李四", phone="13900000000"))
    with pytest.raises(Conflict):
        routing.to_dedicated(actor=cast.actor(cast.lin), number=plain.number, now=cast.now)
    assert "do/dedicated" not in cast.client(cast.lin).get(f"/tickets/{plain.number}/").content.decode()
    ticket = a_vips_ticket(cast)
    with pytest.raises(NotFound):
        routing.to_dedicated(actor=cast.actor(cast.zhao), number=ticket.number, now=cast.now)
    with pytest.raises(Denied):
        routing.to_dedicated(actor=cast.actor(cast.chen), number=ticket.number, now=cast.now)
    assert cast.api(cast.lin).post(f"/api/v1/tickets/{ticket.number}/to-dedicated").status_code == 200
    with pytest.raises(Conflict):
        routing.to_dedicated(actor=cast.actor(cast.sup), number=ticket.number, now=cast.now)
