"""Phone and messengers of the made-up centre: calls of the last hours, two who called in vain, talks, a public post.

All of it through the ordinary services, by connections that are switched off.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import translation

from jiying.base.actor import of_person
from jiying.base.connections import Open
from jiying.base.models import Connection, Person
from jiying.channels.models import PhoneCall
from jiying.channels.services import outbox, phone, social, wrap_ups
from jiying.channels.services.wrap_ups import WrapUp
from jiying.core.social import Said
from jiying.desk.models import Customer, Ticket
from jiying.desk.policies import may_handle
from jiying.desk.services import handling, talking
from jiying.desk.services.sample.centre import Extension
from jiying.desk.services.sample.staff import Staff

# Minutes ago, seconds of talk, how it was wrapped up (None: still to be done), and the note.
_TALKS: Sequence[tuple[int, int, str | None, str]] = (
    (205, 312, "solved", "客户问保修期，已告知两年，满意。"),
    (148, 95, "information", "问营业时间。"),
    (96, 428, "promised", "退款未到账，已转财务核对，承诺今天下班前回电。"),
    (41, 187, "solved", "指导重置设备，已恢复。"),
    (9, 233, None, ""),
)
_MISSED: Sequence[tuple[int, str]] = ((52, "13900000417"), (33, "13900000417"), (18, ""))
_QUEUES = ("售后专线", "技术专线")
# Minutes ago, who, what they wrote; then what their agent answered (empty: not yet).
_TALKED: Sequence[tuple[int, str, str, str]] = (
    (
        66,
        "小满",
        "你好，上周买的加湿器漏水，还能换吗？订单还在保修期内。",
        "您好，可以换新。麻烦拍一张底部铭牌的照片，我马上登记。",
    ),
    (23, "Leo", "发票抬头能改吗？填成个人了，要公司的。", ""),
    (6, "阿杰", "快递显示签收了，但我没收到！", ""),
)
_POST = "买的台灯三天就坏了，客服电话打了两次没人接，大家怎么看？"


def fill(people: Staff, now: datetime) -> None:
    """In the caller's transaction."""
    with translation.override(settings.LANGUAGE_CODE):
        _calls(people, now)
        _messages(now)


def _connection(kind: str, code: str, name: str, now: datetime, **options: Any) -> Open:
    made = now - timedelta(days=30)
    row = Connection.objects.create(
        kind=kind, code=code, name=name, options=options, active=False, created_at=made, ok_at=now
    )
    return Open(row.pk, kind, code, name, options, {})


# --- the telephone ---------------------------------------------------------------------------------------------------


def _calls(people: Staff, now: datetime) -> None:
    seats = [people.sign_ins["agent"], *(one.person for one in people.agents if one.person.presence == "online")]
    lines = [f"{8001 + n}={person.username}" for n, person in enumerate(dict.fromkeys(seats))]
    found = _connection("cti", "hotline", "400 客服热线", now, extensions=lines, longest_min=120)
    busy = Ticket.objects.filter(ended_at__isnull=True, customer__isnull=False).values("customer")
    free = Customer.objects.exclude(phone="").exclude(pk__in=busy).order_by("pk")  # a call opens a ticket of its own
    known = list(free[: len(_TALKS) + 1])
    for n, (customer, (ago, talk_s, result, note)) in enumerate(zip(known, _TALKS, strict=False)):
        extension = str(8001 + (len(_TALKS) - 1 - n) % len(lines))
        begun = now - timedelta(minutes=ago)
        call = _talk(found, f"talk-{n}", customer.phone, extension, begun, talk_s)
        _wrap_up(call, result, note, now)
    for n, (ago, number) in enumerate(_MISSED):
        told = {"caller": number or known[-1].phone, "queue": _QUEUES[n % 2]}
        at = int((now - timedelta(minutes=ago)).timestamp())
        for kind, after in (("ringing", 0), ("missed", 26)):
            _tell(found, {"event": kind, "call_id": f"missed-{n}", "at": at + after, **told})


def _talk(found: Open, call_id: str, caller: str, extension: str, begun: datetime, talk_s: int) -> PhoneCall:
    at = int(begun.timestamp())
    told = {"call_id": call_id, "caller": caller, "agent": extension, "queue": _QUEUES[talk_s % 2]}
    for kind, after in (("ringing", 0), ("answered", 7), ("ended", 7 + talk_s)):
        _tell(found, {**told, "event": kind, "at": at + after, "duration_s": talk_s})
    url = f"https://records.jiying.example/{call_id}.mp3"
    _tell(found, {**told, "event": "recording", "at": at + 12 + talk_s, "recording_url": url})
    return PhoneCall.objects.select_related("agent", "ticket").get(connection_id=found.pk, call_id=call_id)


def _tell(found: Open, told: Mapping[str, Any]) -> None:
    """As it was told then: what followed is dated so."""
    phone.act(found, json.dumps(told).encode(), datetime.fromtimestamp(int(told["at"]), UTC))


def _wrap_up(call: PhoneCall, result: str | None, note: str, now: datetime) -> None:
    if result is not None and call.agent is not None and call.ticket is not None and call.message_id is not None:
        wrap_ups.wrap_up(actor=of_person(call.agent), call_id=call.pk, done=WrapUp(result, note), now=now)


# --- messengers ------------------------------------------------------------------------------------------------------


def _messages(now: datetime) -> None:
    wechat = _connection("wecom_kf", "wechat-service", "微信客服", now, corp_id="ww0000000000000000")
    weibo = _connection("social", "weibo", "微博评论", now, reply_url="")
    for n, (ago, name, text, reply) in enumerate(_TALKED):
        at = now - timedelta(minutes=ago)
        who, account = f"wm-sample-{n}", "wk-sample"
        about = {"user": who, "account": account}
        ticket = social.receive(
            wechat, Said(f"m{n}", f"{account}/{who}", who, text, name=name, at_s=int(at.timestamp()), reply=about), now
        )
        if reply:
            _answer(ticket, reply, now)
    at_s = int((now - timedelta(minutes=31)).timestamp())
    social.receive(weibo, Said("p1", "public:sample", "wb-1", _POST, name="一只小鹿", is_public=True, at_s=at_s), now)


def _answer(ticket: Ticket, text: str, now: datetime) -> None:
    """By whoever got it, where somebody was free."""
    person = Person.objects.filter(pk=ticket.assignee_id or 0).first()
    if person is None:
        return
    actor = of_person(person)
    handling.accept(actor=actor, number=ticket.number, now=now)
    if may_handle(actor, Ticket.objects.get(pk=ticket.pk)):
        talking.reply(actor=actor, number=ticket.number, body=text, now=now)


EXTENSION = Extension(fill, (outbox.READER,))
