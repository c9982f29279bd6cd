"""Dashboards for other systems: the figures of a card, the same as on the page, and one's own arrangement of cards."""

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import Field

from jiying.base.api.wire import Body, Revision, actor_of, answer
from jiying.base.errors import Conflict
from jiying.desk.policies import scope
from jiying.insight.api.reports import Text
from jiying.insight.queries import arrangements, cards, dashboards
from jiying.insight.services import arranging
from jiying.warehouse import reader

router = Router()


class CardAsked(Body):
    """`kind` trend, slices (a KPI cut `by` channel, team, tag …), heat, topics or correlation (then with `other`);
    `period` a stretch that ends with the present: 7d, 28d, 182d, week, last_month …; what is left out is as usual."""

    kind: Text = None
    kpi: Text = None
    other: Text = None
    period: Text = None
    step: Text = None
    by: Text = None
    across: Text = None
    method: Text = None
    size: Text = None
    channel: Text = None
    priority: Text = None
    team: Text = None
    category: Text = None


@router.get("/dashboards/card", response=dashboards.CardData, tags=["insight"])
def dashboard_card(request: HttpRequest, asked: Query[CardAsked]) -> HttpResponse:
    """What a card shows: a KPI over days or weeks with its control limits, a KPI by a slice, a heat map, hot topics, or
    how two KPIs go together; of all tickets, or for a team's supervisor of the team's."""
    part, card = scope(actor_of(request)), cards.read(asked.dict(exclude_none=True))
    try:
        return answer(dashboards.data(part, card, timezone.now()))
    except reader.Missing as missing:
        raise Conflict.one("no_copy", why=str(missing)) from None


class ArrangementIn(Body):
    """The cards in their order, at most twelve; with `revision` a change that somebody made meanwhile is not lost."""

    cards: Annotated[list[CardAsked], Field(max_length=cards.MAX_CARDS)]
    revision: Revision | None = None


@router.get("/dashboards/arrangement", response=arrangements.Arrangement, tags=["insight"])
def get_arrangement(request: HttpRequest) -> HttpResponse:
    """The caller's cards in their order; the usual ones where nothing was arranged."""
    return answer(arrangements.of(actor_of(request)))


@router.put("/dashboards/arrangement", response=arrangements.Arrangement, tags=["insight"])
def put_arrangement(request: HttpRequest, payload: ArrangementIn) -> HttpResponse:
    """These cards in this order, and no others."""
    actor = actor_of(request)
    scope(actor)
    wanted = [cards.read(card.dict(exclude_none=True)) for card in payload.cards]
    return answer(arranging.arrange(actor=actor, wanted=wanted, revision=payload.revision, now=timezone.now()))


@router.delete("/dashboards/arrangement", response=arrangements.Arrangement, tags=["insight"])
def reset_arrangement(request: HttpRequest) -> HttpResponse:
    """Back to the usual arrangement."""
    return answer(arranging.reset(actor=actor_of(request), now=timezone.now()))
