"""Offers of the made-up centre: some open and shown to the customer, others accepted, refused or taken back."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from jiying.base.actor import SYSTEM, of_person
from jiying.base.models import Person
from jiying.desk.models import Ticket
from jiying.desk.services import offers
from jiying.desk.services.holding import lock_many, settle
from jiying.desk.services.offers import NewOffer
from jiying.desk.services.sample.staff import Staff

# What was offered, what the customer said (empty: nothing yet), and what was noted of that.
MADE: Sequence[tuple[NewOffer, str, str]] = (
    (NewOffer("voucher", "满 100 元可用", 2000, "配送延误致歉", shown=True), "", ""),
    (
        NewOffer("extended_warranty", "12 个月", None, "同一故障第二次报修", shown=True),
        "accepted",
        "可以，希望别再坏了。",
    ),
    (NewOffer("partial_refund", "", 4500, "外包装破损，商品可正常使用"), "refused", "客户坚持换新。"),
    (NewOffer("plan", "网速升级 3 个月", 0, "宽带多次断线"), "accepted", "电话中同意。"),
    (NewOffer("points", "500 积分", None, ""), "accepted", ""),
    (NewOffer("gift", "数据线一条", None, "等待时间较长", shown=True), "refused", "不需要，尽快修好就行。"),
    (NewOffer("free_shipping", "退换货往返运费", None, ""), "", ""),
    (NewOffer("voucher", "", 5000, "金额填错，重新报价"), "withdrawn", ""),
)


def live(people: Staff, now: datetime) -> None:
    """The ordinary services on tickets in work, the printed agent's first."""
    printed = people.sign_ins["agent"].pk
    found = Ticket.objects.filter(status__in=("in_progress", "waiting"), assignee__isnull=False, customer__isnull=False)
    tickets = sorted(found.order_by("pk")[:80], key=lambda t: (t.assignee_id != printed, t.pk))[: len(MADE)]
    for ticket, (new, said, note) in zip(tickets, MADE, strict=False):
        since = ticket.public_reply_at or ticket.received_at
        _make(ticket, new, said, note, min(since + timedelta(minutes=4), now - timedelta(minutes=2)), now)
    for one in lock_many([ticket.pk for ticket in tickets], False).values():
        settle(SYSTEM, one, [], now=now)  # what became of its clocks since


def _make(ticket: Ticket, new: NewOffer, said: str, note: str, at: datetime, now: datetime) -> None:
    agent = of_person(Person.objects.get(pk=ticket.assignee_id or 0))
    made = offers.make(actor=agent, number=ticket.number, new=new, now=at)
    later = min(at + timedelta(minutes=11), now)
    if said == "withdrawn":
        offers.withdraw(actor=agent, offer_id=made.pk, now=later)
    elif said:
        offers.answer(actor=agent, offer_id=made.pk, answer=said, note=note, now=later)
