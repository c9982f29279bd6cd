"""Connections with the world over the API: kinds, list, create or change, test. Secrets go in and never come out."""

from dataclasses import dataclass
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field, StringConstraints

from jiying.base import connection_rows, connections
from jiying.base.api.auth import Bearer, Proven
from jiying.base.api.wire import Body, Key, Revision, actor_of, answer
from jiying.base.policies import require

router = Router(tags=["connections"], auth=[Bearer(), Proven()])
Name = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
FieldName = Annotated[str, StringConstraints(max_length=60)]
Secret = Annotated[str, StringConstraints(max_length=connections.MAX_TEXT)]


class ConnectionIn(Body):
    """`options` as `GET /connection-kinds` names them; an empty or absent secret keeps the old one, `forget` drops it.

    Without a revision: a new one."""

    kind: Key
    name: Name
    options: Annotated[dict[FieldName, Any], Field(max_length=100)] = {}
    secrets: Annotated[dict[FieldName, Secret], Field(max_length=20)] = {}
    forget: Annotated[list[FieldName], Field(max_length=20)] = []
    active: bool = True
    revision: Revision | None = None


@dataclass(frozen=True, slots=True)
class FieldRow:
    """`kind`: text | prose | url | host | number | choice | tick | lines | headers; `choices` where some are known."""

    name: str
    label: str
    kind: str
    required: bool
    default: Any
    hint: str
    choices: list[str]
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class KindRow:
    code: str
    label: str
    group: str
    hint: str
    can_test: bool
    options: list[FieldRow]
    secrets: list[FieldRow]


@dataclass(frozen=True, slots=True)
class Kinds:
    items: list[KindRow]


@dataclass(frozen=True, slots=True)
class Tested:
    """Whether it works, and the sentence of what was reached or why not."""

    works: bool
    text: str


@router.get("/connection-kinds", response=Kinds)
def list_connection_kinds(request: HttpRequest) -> HttpResponse:
    """What this house can be connected with, and what each kind is asked for."""
    require(actor_of(request), connections.RIGHT)
    return answer(Kinds([_kind(one) for one in connections.KINDS.values()]))


@router.get("/connections", response=connection_rows.Connections)
def list_connections(request: HttpRequest) -> HttpResponse:
    """All connections with how they fare."""
    return answer(connection_rows.Connections(connection_rows.rows(actor_of(request), timezone.now())))


@router.put("/connections/{code}", response=connection_rows.ConnectionRow)
def put_connection(request: HttpRequest, code: Key, payload: ConnectionIn) -> HttpResponse:
    """A new connection, or another configuration of one. Where an address changes, its secrets are to be sent again."""
    actor, now = actor_of(request), timezone.now()
    connections.save(
        actor=actor,
        kind=payload.kind,
        code=code,
        data=connections.ConnectionData(**payload.dict(include={"name", "options", "secrets", "forget", "active"})),
        revision=payload.revision,
        now=now,
    )
    return answer(connection_rows.row(actor, code, now))


@router.post("/connections/{code}/test", response=Tested)
def test_connection(request: HttpRequest, code: Key) -> HttpResponse:
    """Try the stored configuration on the real thing, switched on or not."""
    try:
        return answer(Tested(True, connections.test(actor=actor_of(request), code=code, now=timezone.now())))
    except connections.Failed as error:
        return answer(Tested(False, str(error)))


def _kind(kind: connections.Kind) -> KindRow:
    return KindRow(
        kind.code,
        str(kind.label),
        kind.group,
        str(kind.hint),
        kind.test is not None,
        [_field(one) for one in kind.fields],
        [_field(one) for one in kind.secrets],
    )


def _field(one: connections.Field) -> FieldRow:
    is_number = one.kind == "number"
    return FieldRow(
        name=one.name,
        label=str(one.label),
        kind=one.kind,
        required=one.required,
        default=one.default or one.empty,
        hint=str(one.hint),
        choices=[code for code, _label in one.options],
        low=one.low if is_number else None,
        high=one.high if is_number else None,
    )
