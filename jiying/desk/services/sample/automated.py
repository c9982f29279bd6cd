"""The automations of the made-up centre, and what they did on the last day.

They act through the ordinary services; what was written before is not read again by the automations' reader.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from jiying.base import journal, tails
from jiying.base.actor import SYSTEM
from jiying.base.models import JournalEntry
from jiying.core import automations as core
from jiying.desk.models import AutomationRun, AutomationTime, Ticket
from jiying.desk.services import automation_setup, automation_times, automations
from jiying.desk.services.holding import KIND, lock_many, settle

RULES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "vip-late": (
        "VIP 工单超时即升级",
        {
            "when": {"event": "late"},
            "if": [
                {"field": "tier", "op": "is", "values": ["vip"]},
                {"field": "metric", "op": "is", "values": ["first_response", "resolution"]},
            ],
            "then": [
                {"do": "escalate", "value": "1", "text": "VIP 工单已超时"},
                {"do": "tell", "value": "leads", "text": "VIP 工单已超时，请立即跟进"},
            ],
        },
    ),
    "refund-tag": (
        "退款类诉求打标签",
        {
            "when": {"event": "opened"},
            "if": [{"field": "words", "op": "is", "values": ["退款", "退货", "退钱", "refund"]}],
            "then": [{"do": "add_tags", "value": "退款", "text": ""}],
        },
    ),
    "angry-note": (
        "投诉工单提示安抚话术",
        {
            "when": {"event": "opened"},
            "if": [
                {"field": "type", "op": "is", "values": ["complaint"]},
                {"field": "priority", "op": "is", "values": ["P1", "P2"]},
            ],
            "then": [
                {"do": "note", "value": "", "text": "先致歉并确认诉求，两小时内给出方案；赔付超出权限的请组长确认。"}
            ],
        },
    ),
    "off-hours": (
        "非工作时间自动回复",
        {
            "when": {"event": "opened"},
            "if": [
                {"field": "hours", "op": "is", "values": ["closed"]},
                {"field": "channel", "op": "is", "values": ["web", "email", "social"]},
            ],
            "then": [
                {
                    "do": "reply",
                    "value": "",
                    "text": "{客户}，您好！我们已收到您的问题（{工单号}），客服会在上班后第一时间与您联系。",
                }
            ],
        },
    ),
    "remind-customer": (
        "客户 24 小时未补充资料则提醒",
        {
            "when": {"event": "held", "wait": 24, "unit": "h"},
            "if": [
                {"field": "status", "op": "is", "values": ["waiting"]},
                {"field": "waiting_for", "op": "is", "values": ["customer"]},
            ],
            "then": [
                {
                    "do": "reply",
                    "value": "",
                    "text": "{客户}，您好！工单 {工单号} 还在等您补充信息，您回复后我们马上继续处理。",
                }
            ],
        },
    ),
    "morning-check": (
        "每早提醒：等待客户超过 3 天",
        {
            "when": {"event": "time", "every": "day", "days": [], "at": "09:00", "workdays": True},
            "if": [
                {"field": "status", "op": "is", "values": ["waiting"]},
                {"field": "waiting_for", "op": "is", "values": ["customer"]},
                {"field": "state_for", "op": "is", "values": ["3d"]},
                {"field": "tags", "op": "not", "values": ["久未回复"]},
            ],
            "then": [
                {"do": "add_tags", "value": "久未回复", "text": ""},
                {"do": "note", "value": "", "text": "客户已超过 3 天未回复，请电话跟进；仍联系不上的按规范关闭。"},
            ],
        },
    ),
    "lost-parcel": (
        "丢件工单自动询问物流",
        {
            "on": False,
            "when": {"event": "accepted"},
            "if": [{"field": "category", "op": "is", "values": ["logistics/lost"]}],
            "then": [{"do": "ask", "value": "logistics", "text": "请核实 {工单号} 的包裹位置，并回复预计送达时间。"}],
        },
    ),
}
ACTED = ("vip-late", "refund-tag", "angry-note")  # those that have acted by now
A_RULE = 12


def set_up(now: datetime) -> None:
    """The rules, as somebody would have written them some weeks ago."""
    for key, (title, body) in RULES.items():
        automation_setup.save(actor=SYSTEM, key=key, title=title, body=body, now=now)


def live(now: datetime) -> None:
    """Let rules act on tickets of the last day that are open still, a moment after what set them off."""
    open_ones = Ticket.objects.filter(ended_at__isnull=True, received_at__gte=now - timedelta(days=2))
    tickets = open_ones.exclude(status="resolved").select_related("team").in_bulk()
    for key in ACTED:
        rule = core.parse(RULES[key][1])
        kinds, _data = core.EVENTS[rule.event]
        causes = JournalEntry.objects.filter(subject_kind=KIND, subject_id__in=tickets, kind__in=kinds)
        told: set[int] = set()
        for entry in causes.order_by("-at", "-pk"):
            checked = core.check(rule, automations.seen(rule, tickets[entry.subject_id], entry.data, entry.at))
            if len(told) < A_RULE and entry.subject_id not in told and core.fits(checked):
                told.add(entry.subject_id)
                _act(key, rule, entry, checked)
    for ticket in lock_many(AutomationRun.objects.values_list("ticket_id", flat=True), False).values():
        settle(SYSTEM, ticket, [], now=now)  # what became of its clocks since


def _act(key: str, rule: core.Rule, entry: JournalEntry, checked: tuple[core.Checked, ...]) -> None:
    run = AutomationRun.objects.create(
        rule=key,
        version=1,
        title=RULES[key][0],
        ticket_id=entry.subject_id,
        cause=entry,
        event=rule.event,
        why=[one.as_data() for one in checked],
        created_at=entry.at,
    )
    at = entry.at + timedelta(seconds=1)
    run.outcome = automations.act(run, rule, at)
    run.state, run.done_at = automations.state_of(run.outcome), at
    run.save()


def rest(now: datetime) -> None:
    """What stands in the journal by now sets nothing off; of set times only the last one is left to the worker."""
    for row in AutomationTime.objects.all():
        rule, _title = automation_setup.kept(row.rule, 1)
        at = _last(rule, now)
        AutomationTime.objects.filter(pk=row.pk).update(at=at, wake_at=at)
    tails.put(automations.READER, journal.last_position())


def _last(rule: core.Rule, now: datetime) -> datetime:
    """The last time before now at which a rule had to run."""
    at = now - timedelta(days=30)
    while rule.times and (following := automation_times.next_after(rule.times, at, now)) and following <= now:
        at = following
    return at
