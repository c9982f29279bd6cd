"""Outside events of the made-up centre: late orders and faults that other systems told, each with another outcome."""

from datetime import datetime, timedelta

from jiying.base.actor import SYSTEM
from jiying.desk.models import Customer, Ticket
from jiying.desk.services import outside
from jiying.desk.services.customers import CustomerData
from jiying.desk.services.outside import Reported
from jiying.desk.services.sample.staff import Staff

_LATE = "承运商反馈：转运中心积压，预计再晚 2 天送达。"
_FAULT = "设备连续 10 分钟离线，信号低于阈值。"


def live(people: Staff, now: datetime) -> None:
    """Reported within the last hours, and acted on as the worker does."""
    printed = people.sign_ins["agent"].pk
    known = Customer.objects.exclude(phone="")
    waiting = Ticket.objects.filter(status__in=("in_progress", "waiting", "accepted"), customer__isnull=False)
    mine = waiting.filter(assignee_id=printed).order_by("pk").first() or waiting.order_by("pk").first()
    quiet = list(known.exclude(tickets__ended_at__isnull=True).order_by("pk")[:3])
    if not quiet:
        return
    first, second, third = (quiet[n % len(quiet)] for n in range(3))
    told = [
        ("oms", "order_late", _of(mine.customer if mine else first), "DD20260418", _LATE, "warning"),
        ("oms", "order_late", _of(first), "DD20260533", _LATE, "warning"),
        ("oms", "order_late", _of(first), "DD20260533", "承运商反馈：仍未出库。", "warning"),
        ("iot", "service_fault", _of(second), "SN8830172", _FAULT, "critical"),
        ("oms", "order_late", CustomerData(ref="C-90017", phone="13900009017"), "DD20260612", _LATE, "warning"),
        ("pay", "refund_failed", _of(third), "TK20260021", "银行卡已注销，退款被退回。", "warning"),
        ("pay", "chargeback", _of(third), "TK20260022", "发卡行发起拒付。", "critical"),
    ]
    for n, (source, kind, customer, reference, text, severity) in enumerate(told):
        at = now - timedelta(minutes=len(told) - n)
        event = Reported(source, f"{source}-{81_200 + n}", kind, at, customer, reference, text, severity)
        kept, _is_new = outside.report(actor=SYSTEM, reported=event, now=at)
        outside.serve([kept.pk], now)


def _of(customer: Customer | None) -> CustomerData:
    return CustomerData(phone=customer.phone, ref=customer.ref or "") if customer else CustomerData()
