"""The API of people: who there is, who I am, my tokens. Thin: parse, call one function, answer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field, StringConstraints

from jiying.base import people, tokens
from jiying.base.api.wire import Body, Cursor, Id, Key, Limit, Line, actor_of, answer
from jiying.base.errors import Invalid
from jiying.base.models import ApiToken

router = Router(tags=["people"])


class PeopleFilter(Schema):
    team: Key | None = None
    department: Key | None = None
    presence: Literal["online", "busy", "away", "break", "offline"] | None = None
    active: bool | None = None
    q: Line | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class TokenIn(Body):
    name: Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
    scopes: Annotated[list[Line], Field(max_length=100)] = []


@dataclass(frozen=True, slots=True)
class Me:
    """Who calls, and what the call may do: the person's rights, cut to the token's scopes."""

    person: people.PersonRow
    rights: list[str]
    by: str


@dataclass(frozen=True, slots=True)
class TokenRow:
    """`token` is shown once, in the answer to its making. No scopes: all rights of its person."""

    id: int
    name: str
    scopes: list[str]
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    items: list[TokenRow]


def _token(row: ApiToken, secret: str | None = None) -> TokenRow:
    return TokenRow(row.pk, row.name, row.scopes, row.created_at, row.used_at, row.expires_at, secret)


@router.get("/people", response=people.PeoplePage)
def list_people(request: HttpRequest, filters: Query[PeopleFilter]) -> HttpResponse:
    """People in order of id."""
    wanted = filters.dict(exclude={"cursor", "limit"})
    return answer(people.page(actor_of(request), wanted, filters.cursor, filters.limit))


@router.get("/people/{person_id}", response=people.PersonRow)
def get_person(request: HttpRequest, person_id: Id) -> HttpResponse:
    """One person; everybody may look at themselves."""
    return answer(people.one(actor_of(request), person_id))


@router.get("/me", response=Me)
def get_me(request: HttpRequest) -> HttpResponse:
    """Who calls, with their rights."""
    actor = actor_of(request)
    return answer(Me(people.one(actor, actor.id or 0), sorted(actor.rights), actor.kind))


@router.get("/tokens", response=Tokens, tags=["tokens"])
def list_tokens(request: HttpRequest) -> HttpResponse:
    """One's own tokens, the newest first."""
    return answer(Tokens([_token(row) for row in tokens.of_person(actor_of(request).id or 0)]))


@router.post("/tokens", response={201: TokenRow}, tags=["tokens"])
def create_token(request: HttpRequest, payload: TokenIn) -> HttpResponse:
    """A new token of one's own; its text is in this answer and nowhere else, not in that to a repeat either."""
    actor = actor_of(request)
    if actor.person is None:
        raise Invalid.one("person", "required", field="person")
    secret = tokens.issue(
        actor=actor, person=actor.person, name=payload.name, scopes=payload.scopes, now=timezone.now()
    )
    row = ApiToken.objects.get(digest=tokens.digest(secret))
    return answer(_token(row, secret), 201, {"Location": f"/api/v1/tokens/{row.pk}"}, kept=_token(row))


@router.delete("/tokens/{token_id}", response={204: None}, tags=["tokens"])
def revoke_token(request: HttpRequest, token_id: Id) -> HttpResponse:
    """End one of one's own tokens."""
    tokens.revoke(actor=actor_of(request), token_id=token_id, now=timezone.now())
    return HttpResponse(status=204)
