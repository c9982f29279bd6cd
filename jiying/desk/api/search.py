"""Search: by words, number or its end, customer, phone or its end, e-mail."""

from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field, StringConstraints

from jiying.base.api.wire import Cursor, actor_of, answer
from jiying.desk.queries import search, search_api
from jiying.desk.queries.filters import Filters, read

router = Router(tags=["search"])
Several = Annotated[str, StringConstraints(max_length=400)]
Day = Annotated[str, StringConstraints(max_length=10)]


class FilterIn(Schema):
    """Several values of one filter are told by commas: `priority=P1,P2`. `assignee`: ids, `me`, `none`; `team`: ids,
    `mine`, `none`; `due`: minutes from now; `late=1`; `since`, `until`: days of receipt in your zone, both included."""

    view: Several = "all"
    status: Several = ""
    priority: Several = ""
    channel: Several = ""
    type: Several = ""
    category: Several = ""
    tag: Several = ""
    team: Several = ""
    assignee: Several = ""
    tier: Several = ""
    late: Several = ""
    due: Several = ""
    since: Day = ""
    until: Day = ""

    def filters(self, **more: Any) -> Filters:
        return read({**self.dict(), **more})


class SearchIn(FilterIn):
    """`sort=received` gives the latest first instead of the best."""

    q: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    sort: Several = ""
    cursor: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=50)] = 20


@router.get("/search", response=search_api.SearchPage)
def search_tickets(request: HttpRequest, asked: Query[SearchIn]) -> HttpResponse:
    """Tickets and customers that fit, the best first, with the place of the words. Words are cut as Chinese and as
    English; of a number or a phone the end is enough (4 digits of a phone). Masked data is found when written in full,
    by a part only if you may reveal it."""
    actor, filters = actor_of(request), asked.filters()
    return answer(search_api.page(actor, filters, search.offset_of(asked.cursor), asked.limit, timezone.now()))
