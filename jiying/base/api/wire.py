"""Types that cross the wire, and the one way to answer.

Rows are finished frozen dataclasses: they are written out once, in Rust, and never validated again; tests hold them
against the schema that OpenAPI shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import to_json

from jiying.base import cursors
from jiying.base.actor import Actor
from jiying.base.api.reading import own_error

MAX_INT = 2**63 - 1
MAX_LIMIT = 200
FIRST_YEAR, LAST_YEAR = 1971, 2199  # what calendars reach; and no zone's offset leads out of what Python can hold


def _only_text(value: Any) -> Any:
    """Numbers are not read as epoch seconds: nobody can tell seconds from milliseconds by looking at them."""
    if not isinstance(value, str | datetime):
        raise own_error("bad_time", value=str(value)[:80])
    return value


def _in_reach(value: datetime) -> datetime:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise own_error("bad_time", value=value.isoformat())
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_only_text), AfterValidator(_in_reach)]
Id = Annotated[int, Field(ge=1, le=MAX_INT)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
Revision = Annotated[int, Field(ge=0, le=2**31 - 1)]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str, StringConstraints(max_length=cursors.MAX_LENGTH)]
Line = Annotated[str, StringConstraints(max_length=200)]
Prose = Annotated[str, StringConstraints(max_length=20_000)]
Key = Annotated[str, StringConstraints(max_length=40, pattern=r"^[A-Za-z0-9_-]+$")]


class Body(Schema):
    """A request's body: a field that we do not know is refused, since it is a misspelt one more often than not."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class PersonRef:
    id: int
    username: str
    name: str


@dataclass(frozen=True, slots=True)
class TeamRef:
    id: int
    code: str
    name: str


def actor_of(request: HttpRequest) -> Actor:
    """Who calls, as `auth` found out."""
    actor: Actor = request.auth  # type: ignore[attr-defined]
    return actor


def answer(
    row: object, status: int = 200, headers: Mapping[str, str] | None = None, *, kept: object = None
) -> HttpResponse:
    """A finished row (or a list or dict of them) as JSON. `kept` goes beside an idempotency key in its place, where the
    answer holds a secret that is shown once."""
    response = HttpResponse(to_json(row), status=status, content_type="application/json", headers=headers)
    if kept is not None:
        response.kept = to_json(kept)  # type: ignore[attr-defined]
    return response
