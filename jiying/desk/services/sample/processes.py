"""How the made-up centre has set up its work: support lines with a rule, and tickets that went up a line.

Everything goes through the ordinary services, as of instants shortly before now.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from jiying.base.actor import SYSTEM, of_person
from jiying.base.models import Person
from jiying.desk.models import Ticket
from jiying.desk.services import line_setup, lines
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


def set_up(now: datetime) -> None:
    """The configuration, as an administrator would have entered it some weeks ago."""
    for team in SECOND:
        line_setup.set_line(actor=SYSTEM, team=team, line=2, now=now)
    rule = {"event": "escalated", "type": "complaint", "level": 2, "team": "care"}
    line_setup.save_rules(actor=SYSTEM, body={"rules": [rule]}, now=now)


def live(rng: Random, people: Staff, now: datetime) -> None:
    """Let some of the open tickets go through it."""
    _hand_up(rng, people, now)


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


def _first_line(people: Staff) -> Sequence[Ticket]:
    """Open tickets of first-line agents that are in work; the printed agent's come first."""
    printed = people.sign_ins["agent"].pk
    rows = Ticket.objects.filter(status="in_progress", team__code__in=("aftersale", "presale"), assignee__isnull=False)
    return sorted(rows.order_by("pk")[:40], key=lambda t: (t.assignee_id != printed, t.pk))[:6]
