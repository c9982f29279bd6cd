"""The API of people: who there is, who I am, my tokens; hired, changed, parted with. Thin: parse, call, answer.

A person that can be changed carries a `mark`; a change sends it back, and is refused where somebody else was quicker.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field, StringConstraints

from jiying.base import people, personnel, second_factor, sessions, tokens
from jiying.base.api.auth import Bearer, Proven
from jiying.base.api.wire import Body, Cursor, Id, Key, Limit, Line, actor_of, answer
from jiying.base.errors import Invalid
from jiying.base.models import ApiToken

router = Router(tags=["people"])
PROVEN = [Bearer(), Proven()]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(max_length=254, strip_whitespace=True)]
Mark = Annotated[str, StringConstraints(max_length=16)]
Level = Annotated[int, Field(ge=1, le=5)]
Skills = Annotated[dict[Annotated[str, StringConstraints(max_length=40)], Level], Field(max_length=40)]


class PeopleFilter(Schema):
    team: Key | None = None
    department: Key | None = None
    presence: Literal["online", "busy", "away", "break", "offline"] | None = None
    active: bool | None = None
    q: Line | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class TokenIn(Body):
    name: Name
    scopes: Annotated[list[Line], Field(max_length=100)] = []


class ProfileIn(Body):
    """`skills` {code: 1..5}; team, department, roles by their codes, the mentor by user name. Empty: none."""

    username: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    name: Name
    email: Text = ""
    phone: Text = ""
    employee_no: Text = ""
    team: Text = ""
    department: Text = ""
    roles: Annotated[list[Key], Field(max_length=50)] = []
    mentor: Text = ""
    hire_date: date | None = None
    seniority: Level = 1
    skills: Skills = {}
    shift: Text = ""
    language: Text = ""
    time_zone: Text = ""
    is_active: bool = True

    def profile(self) -> personnel.Profile:
        data = self.dict(exclude={"mark", "roles"})
        return personnel.Profile(**data, roles=frozenset(self.roles))


class ProfileChange(ProfileIn):
    mark: Mark


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


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """Everything about a person that can be edited; `password` only in the answer to its making."""

    id: int
    mark: str
    profile: dict[str, Any]
    password: str | None = None


@dataclass(frozen=True, slots=True)
class NewPassword:
    """Shown once, kept as a hash only. Every session of the person has ended."""

    password: str


@dataclass(frozen=True, slots=True)
class Ended:
    n: int


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


@router.post("/tokens", response={201: TokenRow}, tags=["tokens"], auth=PROVEN)
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


# --- people ----------------------------------------------------------------------------------------------------------


@router.get("/people/{person_id}/profile", response=ProfileRow)
def get_profile(request: HttpRequest, person_id: Id) -> HttpResponse:
    """All that can be edited about a person, with the mark that a change sends back."""
    return answer(_profile(request, person_id))


def _profile(request: HttpRequest, person_id: int, password: str | None = None) -> ProfileRow:
    profile = personnel.profile(actor_of(request), person_id).facts()
    return ProfileRow(person_id, personnel.mark(profile), profile, password)


@router.post("/people", response={201: ProfileRow}, auth=PROVEN)
def hire_person(request: HttpRequest, payload: ProfileIn) -> HttpResponse:
    """A new person with a generated password, which is in this answer and nowhere else, not in that to a repeat."""
    person, password = personnel.hire(actor=actor_of(request), profile=payload.profile(), now=timezone.now())
    where = {"Location": f"/api/v1/people/{person.pk}"}
    return answer(_profile(request, person.pk, password), 201, where, kept=_profile(request, person.pk))


@router.put("/people/{person_id}", response=ProfileRow, auth=PROVEN)
def change_person(request: HttpRequest, person_id: Id, payload: ProfileChange) -> HttpResponse:
    """Change a person; what is left out becomes empty. `is_active` false parts with them."""
    personnel.change(
        actor=actor_of(request),
        person_id=person_id,
        profile=payload.profile(),
        seen=payload.mark,
        now=timezone.now(),
    )
    return answer(_profile(request, person_id))


@router.post("/people/{person_id}/password", response=NewPassword, auth=PROVEN)
def reset_person_password(request: HttpRequest, person_id: Id) -> HttpResponse:
    """A generated password in the place of a forgotten one; a repeat of the call does not show it again."""
    password = personnel.reset_password(actor=actor_of(request), person_id=person_id, now=timezone.now())
    return answer(NewPassword(password), kept=NewPassword(""))


@router.delete("/people/{person_id}/sessions", response=Ended, auth=PROVEN)
def end_person_sessions(request: HttpRequest, person_id: Id) -> HttpResponse:
    """Sign somebody out everywhere."""
    return answer(Ended(sessions.end_all(actor=actor_of(request), person_id=person_id, now=timezone.now())))


@router.delete("/people/{person_id}/factors", response=Ended, auth=PROVEN)
def take_person_factors(request: HttpRequest, person_id: Id) -> HttpResponse:
    """A lost phone: the second factors go, the password stays."""
    return answer(Ended(second_factor.take_away(actor=actor_of(request), person_id=person_id, now=timezone.now())))
