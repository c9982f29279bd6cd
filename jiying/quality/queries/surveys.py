"""Surveys as people read them: of a ticket, on the customer's page, and the list of answers. Customers are masked."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from jiying.base import cursors
from jiying.base.actor import Actor
from jiying.base.policies import require
from jiying.base.texts import term
from jiying.channels.queries.chat_ends import Question, Score
from jiying.core.surveys import SCALES, is_bad, is_good
from jiying.desk.models import Ticket
from jiying.desk.policies import may_handle
from jiying.desk.queries.rows import Who, who
from jiying.quality.models import Survey
from jiying.quality.policies import RESULTS, reach
from jiying.quality.queries import links
from jiying.quality.queries.designs import question

PAGE = 50
GOOD, BAD, ANSWERED, ASKED = "good", "bad", "answered", "asked"
SHOWN = (ANSWERED, BAD, GOOD, ASKED)
State = Survey.State


@dataclass(frozen=True, slots=True)
class Mark:
    """A score with its word: of the whole, or of one item."""

    label: str
    score: int
    high: int
    hue: str


@dataclass(frozen=True, slots=True)
class SurveyRow:
    """One survey. `marks` {item: 1-5}; `way` how the answer came; `callback` the state of the call-back, if one."""

    ticket: str
    subject: str
    customer: Who | None
    agent: str
    team: str
    channel: str
    category: str
    kind: str
    state: str
    score: int | None
    marks: dict[str, int]
    comment: str
    way: str
    opens_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    n_changes: int
    callback: str
    callback_id: int | None

    @property
    def high(self) -> int:
        return SCALES[self.kind].high

    @property
    def hue(self) -> str:
        return hue(self.kind, self.score)

    @property
    def items(self) -> list[Mark]:
        return [Mark(term("survey_item", name), n, 5, hue("rating", n)) for name, n in self.marks.items()]


@dataclass(frozen=True, slots=True)
class SurveyPage:
    items: list[SurveyRow]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which surveys: of one kind, asked in the last `days`; `show` a band of answers; `by` and `value` name a group."""

    kind: str = "rating"
    days: int = 30
    by: str = ""
    value: str = ""
    show: str = ANSWERED


def hue(kind: str, score: int | None) -> str:
    if score is None:
        return "grey"
    return "red" if is_bad(kind, score) else "green" if is_good(kind, score) else "amber"


# --- the list of answers ---------------------------------------------------------------------------------------------


def answers(actor: Actor, wanted: Wanted, now: datetime, cursor: str = "", limit: int = PAGE) -> SurveyPage:
    """The answers behind a figure (or all that were asked), the latest asked first."""
    found = behind(actor, wanted, now)
    if cursor:
        found = found.filter(pk__lt=cursors.decode("surveys", cursor, 1)[0] or 0)
    rows = list(found[: limit + 1])
    following = cursors.encode("surveys", rows[limit - 1].pk) if len(rows) > limit else None
    return SurveyPage([row(one) for one in rows[:limit]], following)


def behind(actor: Actor, wanted: Wanted, now: datetime) -> QuerySet[Survey]:
    """Those surveys themselves, the latest asked first."""
    require(actor, RESULTS)
    return _joined(asked(actor, wanted, now).filter(_band(wanted))).order_by("-pk")


def asked(actor: Actor, wanted: Wanted, now: datetime) -> QuerySet[Survey]:
    """The surveys that figures count: asked in the period, of tickets that the actor may see, cut to the group."""
    found = Survey.objects.filter(reach(actor), kind=wanted.kind, state__in=("open", "answered", "expired"))
    found = found.filter(opens_at__gt=now - timedelta(days=wanted.days), opens_at__lte=now)
    return found.filter(_group(wanted)) if wanted.by else found


def _group(wanted: Wanted) -> Q:
    if wanted.by in ("agent", "team"):
        pk = int(wanted.value) if wanted.value.isdecimal() and len(wanted.value) < 19 else None
        return Q((wanted.by, pk)) if pk is not None else Q((f"{wanted.by}__isnull", True))
    if wanted.by == "week":
        try:
            since = datetime.fromisoformat(wanted.value)
        except ValueError:
            return Q(pk__in=[])
        return Q(opens_at__gte=since, opens_at__lt=since + timedelta(days=7)) if since.tzinfo else Q(pk__in=[])
    return Q((wanted.by, wanted.value)) if wanted.by in ("channel", "category") else Q()


def _band(wanted: Wanted) -> Q:
    scale = SCALES[wanted.kind]
    bands = {
        ASKED: Q(),
        GOOD: Q(state=State.ANSWERED, score__gte=scale.good),
        BAD: Q(state=State.ANSWERED, score__lte=scale.bad),
    }
    return bands.get(wanted.show, Q(state=State.ANSWERED))


def _joined(found: QuerySet[Survey]) -> QuerySet[Survey]:
    return found.select_related("ticket__customer", "agent", "team", "callback")


def row(one: Survey) -> SurveyRow:
    callback = getattr(one, "callback", None)
    return SurveyRow(
        ticket=one.ticket.number,
        subject=one.ticket.subject,
        customer=who(one.ticket.customer),
        agent=one.agent.name if one.agent else "",
        team=one.team.name if one.team else "",
        channel=one.channel,
        category=one.category,
        kind=one.kind,
        state=one.state,
        score=one.score,
        marks=dict(one.marks),
        comment=one.comment,
        way=one.way,
        opens_at=one.opens_at,
        expires_at=one.expires_at,
        answered_at=one.answered_at,
        n_changes=one.n_changes,
        callback=callback.state if callback else "",
        callback_id=callback.pk if callback else None,
    )


# --- of one ticket ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OfTicket:
    """`url`: the customer's own address of the survey, for who may handle the ticket, while they can still answer."""

    row: SurveyRow
    url: str


def of_ticket(actor: Actor, ticket: Ticket, now: datetime) -> OfTicket | None:
    """The survey of a ticket that the actor may see; one query."""
    joined = ("ticket__customer", "ticket__portal_link", "agent", "team", "callback")
    one = Survey.objects.filter(ticket=ticket).select_related(*joined).first()
    if one is None or one.state == State.WITHDRAWN:
        return None
    can_answer = one.state in (State.OPEN, State.ANSWERED) and now < one.expires_at
    gone = ticket.customer is None or ticket.customer.erased_at is not None
    return OfTicket(row(one), links.address(one) if can_answer and not gone and may_handle(actor, ticket) else "")


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the customer's page of the ticket shows: the question with its scores, or what was answered."""

    path: str
    question: str
    scores: tuple[int, ...]
    low: str
    high: str
    score: int | None
    best: int
    until: datetime

    def __str__(self) -> str:
        return f"s{self.score}"


def invitation(ticket: Ticket, now: datetime) -> Invitation | None:
    """While it can be answered, or changed."""
    found = Survey.objects.filter(ticket=ticket, state__in=(State.OPEN, State.ANSWERED), expires_at__gt=now)
    one = found.select_related("design", "ticket__portal_link").first()
    if one is None or ticket.customer is None or ticket.customer.erased_at is not None:
        return None
    scale = SCALES[one.kind]
    return Invitation(
        path=links.path(one),
        question=question(one.design, one.kind),
        scores=tuple(range(scale.low, scale.high + 1)),
        low=term("survey_low", one.kind),
        high=term("survey_high", one.kind),
        score=one.score,
        best=scale.high,
        until=one.expires_at,
    )


def in_chat(ticket: Ticket, now: datetime) -> Question | None:
    """The same survey in the window of a chat that has ended."""
    found = Survey.objects.filter(ticket=ticket, state__in=(State.OPEN, State.ANSWERED), expires_at__gt=now)
    one = found.select_related("design").first()
    if one is None or ticket.customer is None or ticket.customer.erased_at is not None:
        return None
    line = _line("score", question(one.design, one.kind), one.kind, one.score)
    scores = tuple(Score(option.value, option.label) for option in line.options)
    return Question(line.label, scores, line.low, line.high, one.score, one.comment)


@dataclass(frozen=True, slots=True)
class Option:
    """A score to choose, with its word."""

    value: int
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is asked: the whole (`name` score) or an item."""

    name: str
    label: str
    options: tuple[Option, ...]
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class AnswerPage:
    """The survey as its customer fills it in."""

    number: str
    subject: str
    whole: Line
    items: tuple[Line, ...]
    comment: str
    is_answered: bool
    can_answer: bool
    until: datetime


def answer_page(one: Survey, now: datetime, score: int | None = None) -> AnswerPage:
    """`score` was chosen before on another page; it counts only when the form is sent."""
    chosen = score if score is not None else one.score
    return AnswerPage(
        number=one.ticket.number,
        subject=one.ticket.subject,
        whole=_line("score", question(one.design, one.kind), one.kind, chosen),
        items=tuple(_line(name, term("survey_item", name), "rating", one.marks.get(name)) for name in one.items),
        comment=one.comment,
        is_answered=one.state == State.ANSWERED,
        can_answer=one.state in (State.OPEN, State.ANSWERED) and now < one.expires_at,
        until=one.expires_at,
    )


def _line(name: str, label: str, kind: str, chosen: int | None) -> Line:
    scale = SCALES[kind]
    values = range(scale.low, scale.high + 1)
    options = tuple(Option(n, term(f"survey_{kind}", str(n)), n == chosen) for n in values)
    return Line(name, label, options, term("survey_low", kind), term("survey_high", kind))


def one(survey_id: int) -> SurveyRow:
    """One that was just answered, for who reported the answer."""
    return row(_joined(Survey.objects.filter(pk=survey_id)).get())
