"""Surveys of the made-up centre: weeks of answers with a believable spread, call-backs, some open and one late."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from jiying.base import journal
from jiying.base.actor import SYSTEM, Actor, of_person
from jiying.base.models import Person
from jiying.clocks.models import Clock
from jiying.core import lifecycle
from jiying.core.surveys import ITEMS
from jiying.desk.models import Ticket
from jiying.desk.services.holding import fact
from jiying.desk.services.sample.centre import Extension
from jiying.desk.services.sample.staff import Staff
from jiying.quality.models import Callback, Survey, SurveyDesign
from jiying.quality.services import answering, asking, callbacks, designs

DAYS, QUIET = timedelta(days=40), timedelta(days=5)
ANSWERS = 0.42  # of those who are asked
# How often a score from 1 to 5 is given: where every promise was kept, and where one was not.
KEPT, BROKEN = (2, 3, 8, 35, 52), (13, 14, 21, 30, 22)
WORDS: dict[int, Sequence[str]] = {
    1: ("等了两天才有人回，问题还是没解决。", "态度很差，一直在推。", "答应回电，没人打来。"),
    2: ("处理太慢了。", "换了三个人，每次都要重新说一遍。", "解释不清楚。"),
    3: ("一般，希望快一点。", "结果还行，就是等得久。", ""),
    4: ("不错。", "客服很耐心。", "", ""),
    5: ("很快就解决了，谢谢！", "小姐姐态度特别好。", "专业，点赞。", "", "", ""),
}
# Cause, and what the leader wrote after the call.
FOUND = (
    ("slow", "已致电致歉，首次响应超时，当班人手不足；客户接受。"),
    ("not_solved", "重新开单由技术跟进，客户同意三天后再回访。"),
    ("handed_around", "转派两次未写明原因，已在班会上提醒。"),
    ("promise_broken", "承诺回电未设提醒，已改用任务流。"),
    ("logistics", "承运商延误，补发优惠券，客户表示理解。"),
    ("attitude", "复听录音后与坐席面谈，安排话术辅导。"),
    ("misclick", "客户说点错了，实际满意。"),
)
LEFT_OPEN = timedelta(hours=21)  # what was opened within is still to be called back, and one of before, which is late


def fill(people: Staff, now: datetime) -> None:
    """The shipped design is switched on; customers answer and leaders call back through the ordinary services."""
    rng = Random(11)  # noqa: S311 - made-up answers
    design = _switch_on(now)
    asked = _ask(design, now)
    late = set(
        Clock.objects.filter(subject_kind="ticket", breached_at__isnull=False).values_list("subject_id", flat=True)
    )
    _answer([one for one in asked if rng.random() < ANSWERS], late, rng, now)
    _call_back(people, rng, now)
    _end_old(now)


def _switch_on(now: datetime) -> SurveyDesign:
    shipped = SurveyDesign.objects.get(code=designs.SHIPPED)
    same = ("code", "name_zh", "name_en", "kind", "share")
    data = designs.DesignData(**{name: getattr(shipped, name) for name in same})
    data = replace(data, items=ITEMS, tells=True, reminder_h=48, quiet_days=QUIET.days, active=True)
    return designs.save(actor=SYSTEM, data=data, revision=shipped.revision, now=now - DAYS)


def _ask(design: SurveyDesign, now: datetime) -> list[Survey]:
    """Those whose ticket was closed in these weeks, none of them twice within the quiet days."""
    closed = Ticket.objects.filter(status=lifecycle.CLOSED, customer__isnull=False, ended_at__gt=now - DAYS)
    last: dict[int, datetime] = {}
    rows, facts = [], []
    for ticket in closed.filter(ended_at__lt=now - timedelta(hours=1)).order_by("ended_at", "pk"):
        at, customer = ticket.ended_at or now, ticket.customer_id or 0
        if int(ticket.number[-3:]) % 5 < 3 or (customer in last and at - last[customer] < QUIET):
            continue
        last[customer] = at
        facts.append(fact(ticket, "survey_asked", at, {"design": design.code}))
        rows.append(_open_row(ticket, design, at))
    Survey.objects.bulk_create(rows, batch_size=200)
    journal.record(SYSTEM, facts, now=now)
    return rows


def _open_row(ticket: Ticket, design: SurveyDesign, at: datetime) -> Survey:
    ends = at + timedelta(days=design.expires_days)
    return Survey(
        ticket=ticket, design=design, kind=design.kind, items=list(design.items), state=Survey.State.OPEN, made_at=at,
        opens_at=at, expires_at=ends, reminded_at=at, wake_at=ends, team_id=ticket.team_id,
        agent_id=ticket.assignee_id, channel=ticket.channel, category=ticket.category,
    )  # fmt: skip


def _answer(asked: Sequence[Survey], late: set[int], rng: Random, now: datetime) -> None:
    """Most within hours, in order of time; the last few are bad ones, so that call-backs wait."""
    times = sorted(
        ((min(one.opens_at + timedelta(minutes=5 + 900 * rng.random() ** 3), now), one) for one in asked),
        key=lambda pair: (pair[0], pair[1].pk),
    )
    for n, (at, one) in enumerate(times):
        weights = BROKEN if one.ticket_id in late else KEPT
        score = rng.choices(range(1, 6), weights)[0]
        if n % 3 == 0 and at > now - timedelta(hours=40):
            score = rng.choice((1, 2, 3))
        marks = {item: max(1, min(5, score + rng.choice((-1, 0, 0, 0, 1)))) for item in ITEMS}
        given = answering.Given(score, marks if rng.random() < 0.8 else {}, rng.choice(WORDS[score]))
        actor = Actor("customer", one.ticket.customer_id)
        answering.answer(actor=actor, number=one.ticket.number, given=given, now=at)


def _call_back(people: Staff, rng: Random, now: datetime) -> None:
    """Leaders follow all but the latest ones, and one of yesterday, which is late."""
    rows = Callback.objects.select_related("survey").filter(opened_at__lt=now - LEFT_OPEN).order_by("-opened_at", "-pk")
    overdue = rows.filter(opened_at__lt=now - timedelta(hours=25)).first()
    for n, row in enumerate(one for one in rows if one != overdue):
        leader = people.leads.get(row.survey.team_id or 0, people.supervisor)
        _follow(of_person(Person.objects.get(pk=leader.pk)), row, n, rng, now)


def _follow(actor: Actor, row: Callback, n: int, rng: Random, now: datetime) -> None:
    at = row.opened_at + timedelta(hours=1 + 20 * rng.random())
    if at >= now:
        return
    if n % 4 == 0:
        callbacks.tried(actor=actor, callback_id=row.pk, now=at - timedelta(minutes=40))
    callbacks.reached(actor=actor, callback_id=row.pk, now=at)
    ended = at + timedelta(hours=2)
    if n < 3 or ended >= now:  # the cause is still to be named
        return
    cause, note = FOUND[n % len(FOUND)]
    callbacks.close(actor=actor, callback_id=row.pk, cause=cause, note=note, now=ended)


def _end_old(now: datetime) -> None:
    """What nobody answered has ended long ago."""
    over = Survey.objects.filter(state=Survey.State.OPEN, expires_at__lte=now)
    _told(over.select_related("ticket"), now)
    over.update(state=Survey.State.EXPIRED, wake_at=None)


def _told(over: Iterable[Survey], now: datetime) -> None:
    journal.record(SYSTEM, [fact(one.ticket, "survey_expired", one.expires_at) for one in over], now=now)


EXTENSION = Extension(fill, (asking.READER,))
