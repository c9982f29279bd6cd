"""How the made-up centre has set up its work: support lines with a rule, and tickets that went up a line.

Everything goes through the ordinary services, as of instants shortly before now.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from jiying.base import documents, journal
from jiying.base.actor import SYSTEM, of_person
from jiying.base.models import JournalEntry, Person
from jiying.desk.models import Category, Closing, FlowRun, FlowStep, HandUp, Ticket
from jiying.desk.services import asking, flow_setup, flows, form_setup, line_setup, lines, triage
from jiying.desk.services.holding import KIND, lock_many, settle
from jiying.desk.services.sample.staff import Staff

SECOND = ("tech", "care")  # teams of the second line
UP = (
    "客户提供的截图里有错误代码，一线查不到对应说明，请协助定位。",
    "同一批次已有多位客户反馈，疑似固件问题，请确认处理方案。",
    "客户要求主管级别答复赔付方案，请协助给出意见。",
    "系统里看不到该笔订单的结算记录，请帮忙核对后台日志。",
)
ANSWERS = (
    "已定位：新版本与旧网关不兼容，请客户升级到 2.4.1，升级包链接已附在知识库。",
    "可以按质量问题换新，运费由我们承担，请直接告知客户。",
)


SKIPPED = ("客户已自行处理", "客户要求不再联系", "已在电话中一并确认")
SOLUTIONS = ("explained", "refund", "exchange", "resent", "compensated", "corrected")
STEPS = ("order", "warehouse", "delivery", "service", "product", "system")
BOOKED = ("logistics/lost", "order/dispute", "product/defect")  # categories that require codes when solved
_ORDER = {"key": "order_no", "label": "订单号", "kind": "order", "required": True, "hint": "DD 开头加 8 位数字"}
FORMS: Mapping[str, tuple[str, list[dict[str, Any]]]] = {
    "damage": (
        "丢件破损登记",
        [
            {**_ORDER, "pattern": "DD[0-9]{8}"},
            {"key": "damage", "label": "情况", "kind": "choice", "options": ["丢件", "外箱破损", "商品破损"],
             "required": True},
            {"key": "photo", "label": "照片或视频链接", "when": "damage", "values": ["外箱破损", "商品破损"],
             "required": True},
            {"key": "contact", "label": "联系电话", "kind": "phone", "fill": "customer.phone", "required": True},
        ],
    ),
    "defect": (
        "质量故障登记",
        [
            {**_ORDER, "pattern": "DD[0-9]{8}"},
            {"key": "serial", "label": "序列号", "fill": "last"},
            {"key": "error", "label": "错误代码或现象", "required": True},
            {"key": "bought", "label": "购买日期", "kind": "date"},
        ],
    ),
}  # fmt: skip
ASKED = {"logistics/lost": "damage", "product/defect": "defect"}  # category: its intake form
# key: (title, steps); a step is (key, title, amount, unit, calendar, mandatory, role, checklist)
FLOWS: Mapping[str, tuple[str, tuple[tuple[Any, ...], ...]]] = {
    "defect": (
        "质量故障处理流程",
        (
            ("check", "核对订单与保修期", 30, "min", "24x7", True, "assignee", ("订单号", "购买日期", "序列号")),
            ("reproduce", "按手册复现或远程诊断", 2, "h", "24x7", True, "assignee", ("错误代码", "截图或视频")),
            ("offer", "给出维修或换新方案", 4, "h", "work", True, "assignee", ()),
            ("callback", "三个工作日内回访", 3, "wd", "work", False, "assignee", ()),
        ),
    ),
    "dispute": (
        "订单纠纷处理流程",
        (
            ("evidence", "收集双方凭证", 1, "h", "24x7", True, "assignee", ("聊天记录", "物流签收", "付款截图")),
            ("approve", "组长确认赔付方案", 4, "h", "work", True, "lead", ()),
            ("inform", "告知客户结果", 1, "wd", "work", True, "assignee", ()),
        ),
    ),
    "callback": (
        "满意度回访",
        (
            ("call", "电话回访一次", 4, "h", "work", False, "assignee", ("问题是否解决", "是否还有其他需求")),
            ("note", "记录回访结论", 1, "wd", "work", False, "assignee", ()),
        ),
    ),
}
WIRED = {"product/defect": "defect", "order/dispute": "dispute"}  # category: flow that its tickets start
_STEP = ("key", "title", "amount", "unit", "calendar", "mandatory", "role", "checklist")


def set_up(now: datetime) -> None:
    """The configuration, as an administrator would have entered it some weeks ago."""
    for team in SECOND:
        line_setup.set_line(actor=SYSTEM, team=team, line=2, now=now)
    rule = {"event": "escalated", "type": "complaint", "level": 2, "team": "care"}
    for key, (title, steps) in FLOWS.items():
        body = {"steps": [{**dict(zip(_STEP, step, strict=True)), "checklist": list(step[-1])} for step in steps]}
        flow_setup.save(actor=SYSTEM, key=key, title=title, body=body, now=now)
    for path, flow in WIRED.items():
        Category.objects.filter(path=path).update(flow=flow)
    for key, (title, fields) in FORMS.items():
        form_setup.save(actor=SYSTEM, key=key, title=title, body={"fields": fields}, now=now)
    for path, form in ASKED.items():
        Category.objects.filter(path=path).update(form=form)
    Category.objects.filter(path__in=BOOKED).update(codes="required")
    Category.objects.exclude(path__in=BOOKED).filter(path__contains="/").update(codes="optional")
    triage.forget()
    documents.forget()
    line_setup.save_rules(actor=SYSTEM, body={"rules": [rule]}, now=now)


def live(rng: Random, people: Staff, now: datetime) -> None:
    """Let some of the open tickets go through it."""
    _hand_up(rng, people, now)
    _work(rng, people, now)
    _book(rng, now)
    _ask(rng, now)
    _fold_again(now)


def _hand_up(rng: Random, people: Staff, now: datetime) -> None:
    """First-line tickets that the second line is asked about: waiting, in hand, and handed back."""
    for n, ticket in enumerate(_first_line(people)):
        at = now - timedelta(minutes=(4, 11, 19, 26, 70, 95)[n % 6], seconds=rng.randrange(60))
        team = SECOND[n % 2]
        actor = of_person(Person.objects.get(pk=ticket.assignee_id or 0))
        up = lines.hand_up(actor=actor, number=ticket.number, team=team, reason=UP[n % len(UP)], now=at)
        if n % 6 < 3:
            continue
        helper = rng.choice([a.person for a in people.agents if a.person.team and a.person.team.code == team])
        lines.take_in(actor=of_person(helper), hand_up_id=up.pk, now=at + timedelta(minutes=6))
        if n % 6 > 3:
            answer = ANSWERS[n % len(ANSWERS)]
            back_at = at + timedelta(minutes=40)
            lines.hand_back(actor=of_person(helper), hand_up_id=up.pk, answer=answer, now=back_at)


def _work(rng: Random, people: Staff, now: datetime) -> None:
    """Flows on what is open: those of the categories, and a call-back that the printed agent has started by hand."""
    open_ones = Ticket.objects.filter(ended_at__isnull=True, status__in=("accepted", "in_progress"))
    for ticket in open_ones.filter(category__in=WIRED).order_by("pk")[:40]:
        at = max(ticket.received_at, now - timedelta(hours=3)) + timedelta(seconds=5)
        journal.record(SYSTEM, flows.begin_by_category(SYSTEM, ticket, at), now=at)
        for step in FlowStep.objects.filter(run__ticket=ticket).order_by("n"):
            at += timedelta(minutes=rng.randrange(4, 25))
            if at > now - timedelta(minutes=2) or rng.random() < 0.25:
                break
            _do(rng, step, at)
    agent = of_person(people.sign_ins["agent"])
    own = open_ones.filter(assignee_id=agent.id, status="in_progress").order_by("-pk")[:2]
    for ticket in own:
        flows.start(actor=agent, number=ticket.number, flow="callback", now=now - timedelta(minutes=25))


def _do(rng: Random, step: FlowStep, at: datetime) -> None:
    if not step.mandatory and rng.random() < 0.5:
        flows.skip(actor=SYSTEM, step_id=step.pk, reason=rng.choice(SKIPPED), now=at)
        return
    for n in range(len(step.checklist)):
        flows.tick(actor=SYSTEM, step_id=step.pk, item=n, done=True, now=at)
    flows.finish(actor=SYSTEM, step_id=step.pk, now=at)


def _book(rng: Random, now: datetime) -> None:
    """Most of what was solved in the last month was booked: its cause as told, with a solution and a step."""
    solved = JournalEntry.objects.filter(subject_kind=KIND, kind="ticket.solved", at__gte=now - timedelta(days=30))
    rows = {}
    for ticket, at, data in solved.order_by("at", "pk").values_list("subject_id", "at", "data"):
        if data.get("cause") and rng.random() < 0.85:
            solution, step = rng.choice(SOLUTIONS), rng.choice(("", *STEPS))
            rows[ticket] = Closing(ticket_id=ticket, cause=data["cause"], solution=solution, step=step, at=at)
    Closing.objects.bulk_create(rows.values(), batch_size=500)


def answers(rng: Random, category: str, order: str, *, whole: bool) -> dict[str, str]:
    """What a customer fills in: an agent on the phone asks for all of it, others leave something out now and then."""
    if category not in ASKED:
        return {}
    given = {"order_no": order}
    if ASKED[category] == "damage":
        given["damage"] = rng.choice(("丢件", "外箱破损", "商品破损"))
        if given["damage"] != "丢件":
            given["photo"] = f"https://files.example.com/{order}.jpg"
        given["contact"] = "13800000000"
    else:
        given["serial"], given["error"] = f"SN{order[2:]}", rng.choice(("E17 无法联网", "开机无反应", "频繁重启"))
    if not whole and rng.random() < 0.3:
        del given[rng.choice(sorted(given))]
    return given


def _ask(rng: Random, now: datetime) -> None:
    """The tickets of the last month as their forms took them in."""
    found = []
    rows = Ticket.objects.filter(category__in=ASKED, received_at__gte=now - timedelta(days=30))
    for ticket in rows.only("pk", "category", "channel", "opened_by_id"):
        whole = ticket.opened_by_id is not None
        given = answers(rng, ticket.category, f"DD{rng.randrange(10**7, 10**8)}", whole=whole)
        asked = asking.answers(ticket.category, ticket.channel, given, {}, now)
        ticket.fields, ticket.form, ticket.is_incomplete = dict(asked.values), asked.form, bool(asked.wrong)
        found.append(ticket)
    Ticket.objects.bulk_update(found, ["fields", "form", "is_incomplete"], batch_size=300)


def _fold_again(now: datetime) -> None:
    """The verbs above were as of instants before now; what became of the tickets' clocks since is told anew."""
    touched = {
        *HandUp.objects.values_list("ticket_id", flat=True),
        *FlowRun.objects.values_list("ticket_id", flat=True),
    }
    for ticket in lock_many(sorted(touched), False).values():
        settle(SYSTEM, ticket, [], now=now)


def _first_line(people: Staff) -> Sequence[Ticket]:
    """Open tickets of first-line agents that are in work; the printed agent's come first."""
    printed = people.sign_ins["agent"].pk
    rows = Ticket.objects.filter(status="in_progress", team__code__in=("aftersale", "presale"), assignee__isnull=False)
    return sorted(rows.order_by("pk")[:40], key=lambda t: (t.assignee_id != printed, t.pk))[:6]
