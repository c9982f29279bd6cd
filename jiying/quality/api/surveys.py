"""Surveys over the API: what is asked, answers and figures, and scores that telephone systems report."""

from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field, StringConstraints

from jiying.base.api.wire import Body, Cursor, Key, Revision, actor_of, answer
from jiying.base.errors import NotFound
from jiying.desk.queries import ticket_page
from jiying.quality.queries import designs as design_queries
from jiying.quality.queries import figures as figure_queries
from jiying.quality.queries import surveys as queries
from jiying.quality.services import answering
from jiying.quality.services import designs as designs

router = Router(tags=["surveys"])
Number = Annotated[str, StringConstraints(max_length=24, pattern=r"^[A-Za-z0-9-]+$")]
Kind = Literal["rating", "nps", "ces"]
Days = Annotated[int, Field(ge=1, le=730)]
Short = Annotated[str, StringConstraints(max_length=80)]
Question = Annotated[str, StringConstraints(max_length=200)]
Code = Annotated[str, StringConstraints(max_length=120)]


class DesignIn(Body):
    """A design. Empty lists take all tickets; `share` in per cent, drawn from the ticket's number. `tells`: the link is
    written to the customer as an automatic reply. `revision` is that of the version it was made from; none makes a new
    one."""

    name_zh: Short
    name_en: Short = ""
    kind: Kind = "rating"
    items: Annotated[list[Literal["speed", "result", "attitude"]], Field(max_length=3)] = []
    question_zh: Question = ""
    question_en: Question = ""
    channels: Annotated[list[Code], Field(max_length=20)] = []
    categories: Annotated[list[Code], Field(max_length=200)] = []
    types: Annotated[list[Code], Field(max_length=20)] = []
    share: Annotated[int, Field(ge=1, le=100)] = 100
    delay_h: Annotated[int, Field(ge=0, le=240)] = 0
    expires_days: Annotated[int, Field(ge=1, le=60)] = 7
    tells: bool = False
    reminder_h: Annotated[int, Field(ge=0, le=720)] = 0
    quiet_days: Annotated[int, Field(ge=0, le=365)] = 30
    active: bool = False
    revision: Revision | None = None


class ScoreIn(Body):
    """`score` on the scale of the survey (1–5, 0–10 or 1–7), `marks` of its items from 1 to 5."""

    score: Annotated[int, Field(ge=0, le=10)]
    marks: Annotated[
        dict[Literal["speed", "result", "attitude"], Annotated[int, Field(ge=1, le=5)]], Field(max_length=3)
    ] = {}
    comment: Annotated[str, StringConstraints(max_length=answering.MAX_COMMENT)] = ""
    way: Literal["phone", "api"] = "phone"


@router.get("/survey-designs", response=design_queries.Designs)
def list_survey_designs(request: HttpRequest) -> HttpResponse:
    """Who is asked what, in the order in which it is tried; with the figures of the last 30 days."""
    return answer(design_queries.designs(actor_of(request), timezone.now()))


@router.put("/survey-designs/{key}", response=design_queries.DesignRow)
def save_survey_design(request: HttpRequest, key: Key, payload: DesignIn) -> HttpResponse:
    """Make or change a design; its code stays. Surveys that were made keep what they asked."""
    values: dict[str, Any] = {
        n: tuple(v) if isinstance(v, list) else v for n, v in payload.dict(exclude={"revision"}).items()
    }
    actor, now = actor_of(request), timezone.now()
    designs.save(actor=actor, data=designs.DesignData(code=key, **values), revision=payload.revision, now=now)
    return answer(design_queries.design(actor, key, now))


@router.get("/surveys", response=queries.SurveyPage)
def list_surveys(
    request: HttpRequest,
    kind: Kind = "rating",
    days: Days = 30,
    show: Literal["answered", "bad", "good", "asked"] = "answered",
    by: Literal["", "team", "agent", "channel", "category", "week"] = "",
    value: Code = "",
    cursor: Cursor = "",
) -> HttpResponse:
    """Surveys that were asked in the last `days`, of tickets that the caller may see, the latest first. `by` and
    `value` cut to one row of the figures."""
    wanted = queries.Wanted(kind, days, by, value.replace("\x00", ""), show)
    return answer(queries.answers(actor_of(request), wanted, timezone.now(), cursor))


@router.get("/survey-figures", response=figure_queries.SurveyFigures)
def survey_figures(
    request: HttpRequest,
    kind: Kind = "rating",
    days: Days = 30,
    by: Literal["team", "agent", "channel", "category", "week"] = "team",
) -> HttpResponse:
    """Asked, answered, mean and satisfied, for the whole and for each group."""
    wanted = queries.Wanted(kind, days)
    return answer(figure_queries.figures(actor_of(request), wanted, by, timezone.now()))


@router.get("/tickets/{number}/survey", response=queries.OfTicket)
def ticket_survey(request: HttpRequest, number: Number) -> HttpResponse:
    """The survey of a ticket with its answer, and the customer's address of it for who may handle the ticket."""
    actor = actor_of(request)
    found = queries.of_ticket(actor, ticket_page.load(actor, number), timezone.now())
    if found is None:
        raise NotFound("survey", number)
    return answer(found)


@router.post("/surveys/{number}/answer", response=queries.SurveyRow)
def report_survey_answer(request: HttpRequest, number: Number, payload: ScoreIn) -> HttpResponse:
    """Report what the customer of a ticket answered elsewhere, such as a score keyed in at the end of a call (right
    `quality.report_scores`). It takes the place of an earlier answer."""
    given = answering.Given(payload.score, payload.dict()["marks"], payload.comment)
    made = answering.report(actor=actor_of(request), number=number, given=given, way=payload.way, now=timezone.now())
    return answer(queries.one(made.pk))
