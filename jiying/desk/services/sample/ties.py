"""Ties between tickets of the made-up centre: repeat contacts, some with their cause, and what was split and linked."""

from datetime import datetime, timedelta

from jiying.base.actor import of_person
from jiying.base.models import Person
from jiying.desk.models import RepeatContact, Ticket
from jiying.desk.services import links, repeats
from jiying.desk.services.sample.staff import Staff

# Cause, and what the reviewer wrote.
CAUSES = (
    ("no_news", "答应当天回电，没有人跟进，客户只好再来问。"),
    ("unclear_script", "“尽快处理”没有给出时间，客户不知道要等多久。"),
    ("missed_step", "没有登记催件，物流没有收到。"),
    ("not_solved", "重启后恢复正常，第二天又断线，根本原因没有查。"),
    ("wrong_answer", "告知三天到账，财务口径是五个工作日。"),
)
DAYS = 14
LEFT_OPEN = 6  # of the latest ones nobody has named the cause yet


def set_up(people: Staff, now: datetime) -> None:
    """Found by the rule, judged and tied by the ordinary services."""
    fresh = Ticket.objects.filter(received_at__gte=now - timedelta(days=DAYS)).order_by("pk")
    repeats.find(ids=list(fresh.values_list("pk", flat=True)), now=now)
    judge = of_person(people.supervisor)
    for n, found in enumerate(RepeatContact.objects.order_by("-link__ticket__received_at", "-pk")[LEFT_OPEN:]):
        cause, note = CAUSES[n % len(CAUSES)]
        repeats.name_cause(actor=judge, link_id=found.pk, cause=cause, note=note, now=now)
    if agent := people.sign_ins.get("agent"):
        _tie_own(Person.objects.get(pk=agent.pk), now)


def _tie_own(agent: Person, now: datetime) -> None:
    """Two requests of one customer, the second split off the first; and two tickets about the same thing."""
    mine = list(Ticket.objects.filter(assignee=agent, ended_at__isnull=True).order_by("received_at", "pk"))
    pairs = [(a, b) for n, a in enumerate(mine) for b in mine[n + 1 :] if a.customer_id == b.customer_id]
    for origin, part in pairs:
        if origin.category != part.category:
            links.split_off(of_person(agent), part, origin.number, now)
            break
    alike = [(a, b) for n, a in enumerate(mine) for b in mine[n + 1 :] if a.category == b.category]
    for one, other in alike:
        if one.customer_id != other.customer_id:
            links.link(actor=of_person(agent), number=one.number, other=other.number, now=now)
            break
