"""Saved views of the made-up centre: of the team leaders, of everybody, and of the people who are let in."""

from datetime import datetime

from jiying.base.actor import of_person
from jiying.base.models import Person
from jiying.desk.services import views
from jiying.desk.services.sample.staff import Staff
from jiying.desk.services.views import View

FOR_ALL = (
    View("VIP 投诉", {"tier": "vip", "type": "complaint"}, reach="all"),
    View("今天 2 小时内到期", {"due": "120"}, reach="all"),
)
FOR_TEAMS = (
    View("本组急单", {"team": "mine", "priority": "P1,P2"}, reach="team"),
    View("等客户回复", {"view": "waiting", "team": "mine"}, reach="team"),
)
OWN = (
    View(
        "我的退款单",
        {"view": "mine", "category": "order/refund"},
        ("number", "priority", "subject", "customer", "status", "heard", "clock"),
    ),
)


def set_up(people: Staff, now: datetime) -> None:
    """Everything goes through the ordinary service."""
    for view in FOR_ALL:
        views.add(actor=of_person(people.supervisor), view=view, now=now)
    for lead in people.leads.values():
        for view in FOR_TEAMS:
            views.add(actor=of_person(lead), view=view, now=now)
    for name in ("agent", "lead"):
        person = Person.objects.get(pk=people.sign_ins[name].pk)
        for view in OWN:
            views.add(actor=of_person(person), view=view, now=now)
