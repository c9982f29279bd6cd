"""The configuration of tickets over the API: categories, and what hangs on them."""

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field, StringConstraints

from jiying.base.api.wire import Body, Revision, actor_of, answer
from jiying.base.policies import require
from jiying.desk.queries import categories as queries
from jiying.desk.services import categories as services

router = Router(tags=["ticket setup"])
RIGHTS = ("desk.create", "desk.handle", "desk.edit_rules")
Short = Annotated[str, StringConstraints(max_length=80)]
Code = Annotated[str, StringConstraints(max_length=40)]


class CategoryIn(Body):
    """A category. `revision` is that of the version it was made from; none makes a new one."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    name_zh: Short
    name_en: Short = ""
    team: Code = ""
    skills: dict[Code, Annotated[int, Field(ge=1, le=5)]] = {}
    type: Code = ""
    flow: Code = ""
    form: Code = ""
    codes: Code = ""
    active: bool = True
    revision: Revision | None = None


@router.get("/categories", response=queries.Categories)
def list_categories(request: HttpRequest) -> HttpResponse:
    """The category tree in order of path, with what tickets get from each category."""
    actor = actor_of(request)
    if actor.rights.isdisjoint(RIGHTS):
        require(actor, RIGHTS[0])
    return answer(queries.Categories(queries.tree()))


@router.put("/categories", response=queries.CategoryRow)
def save_category(request: HttpRequest, payload: CategoryIn) -> HttpResponse:
    """Make or change a category; its path stays, since rules and standards name it."""
    values = payload.dict(exclude={"revision"})
    saved = services.save(
        actor=actor_of(request), data=services.CategoryData(**values), revision=payload.revision, now=timezone.now()
    )
    return answer(queries.one(saved.path))
