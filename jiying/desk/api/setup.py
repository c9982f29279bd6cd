"""The configuration of tickets over the API: categories, and what hangs on them."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field, StringConstraints

from jiying.base.api.wire import Body, Key, Revision, actor_of, answer
from jiying.base.policies import require
from jiying.desk.api.schemas import Channel
from jiying.desk.queries import categories as queries
from jiying.desk.queries import codes as code_queries
from jiying.desk.queries import intake_forms as form_queries
from jiying.desk.services import categories as services
from jiying.desk.services import codes, form_setup

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


class CodeIn(Body):
    """A code. `revision` is that of the version it was made from; none makes a new one."""

    kind: Literal["cause", "solution", "step"]
    path: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    name_zh: Short
    name_en: Short = ""
    category: Annotated[str, StringConstraints(max_length=120)] = ""
    active: bool = True
    revision: Revision | None = None


class FieldIn(Body):
    """A field of an intake form. `when` and `values`: asked only if that field, which stands before, has one of them;
    `fill`: from what is known of the customer it is filled in and not asked twice."""

    key: Code
    label: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    kind: Literal["text", "number", "choice", "date", "phone", "order"] = "text"
    required: bool = False
    options: Annotated[list[Short], Field(max_length=40)] = []
    pattern: Annotated[str, StringConstraints(max_length=120)] = ""
    when: Code = ""
    values: Annotated[list[Short], Field(max_length=40)] = []
    channels: list[Channel] = []
    fill: Literal[
        "", "customer.name", "customer.phone", "customer.email", "customer.ref", "customer.organisation", "last"
    ] = ""
    hint: Annotated[str, StringConstraints(max_length=120)] = ""


class FormIn(Body):
    """`strict`: channels on which an incomplete request is refused; on others it is marked. Agents are always asked."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    fields: Annotated[list[FieldIn], Field(min_length=1, max_length=40)]
    strict: list[Channel] = []


@router.get("/intake-forms", response=form_queries.Forms)
def list_intake_forms(request: HttpRequest) -> HttpResponse:
    """The forms in force, with the share of incomplete tickets of the last 30 days."""
    actor = actor_of(request)
    if actor.rights.isdisjoint(RIGHTS):
        require(actor, RIGHTS[0])
    return answer(form_queries.forms(timezone.now()))


@router.put("/intake-forms/{key}", response=form_queries.FormRow)
def save_intake_form(request: HttpRequest, key: Key, payload: FormIn) -> HttpResponse:
    """A new form, or a new version of one; tickets name the version that they answer."""
    body = {"fields": [field.dict() for field in payload.fields], "strict": payload.strict}
    form_setup.save(actor=actor_of(request), key=key, title=payload.title, body=body, now=timezone.now())
    return answer(form_queries.form(key, timezone.now()))


@router.get("/codes", response=code_queries.Codes)
def list_codes(request: HttpRequest) -> HttpResponse:
    """Causes, solutions and process steps, with how often each was booked in the last 30 days."""
    actor = actor_of(request)
    if actor.rights.isdisjoint(RIGHTS):
        require(actor, RIGHTS[0])
    return answer(code_queries.codes(timezone.now()))


@router.put("/codes", response=code_queries.CodeRow)
def save_code(request: HttpRequest, payload: CodeIn) -> HttpResponse:
    """Make or change a code; its kind and path stay, since tickets name them."""
    values = payload.dict(exclude={"revision"})
    saved = codes.save(
        actor=actor_of(request), data=codes.CodeData(**values), revision=payload.revision, now=timezone.now()
    )
    found = code_queries.codes(timezone.now()).items
    return answer(next(row for row in found if (row.kind, row.path) == (saved.kind, saved.path)))


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
