"""The API of administration: teams, departments, roles, settings, the audit. Thin: parse, call, answer.

A row that can be changed carries a `mark` (a setting its `revision`); a change sends it back, and is refused where
somebody else was quicker. From a browser, what changes something here asks first who it is, as the pages do.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field, StringConstraints

from jiying.base import audit, organisation, organisation_rows, settings_store
from jiying.base.api.auth import Bearer, Proven
from jiying.base.api.wire import Body, Id, Key, Limit, Line, Revision, actor_of, answer
from jiying.base.errors import Invalid
from jiying.base.models import Job

router = Router(tags=["administration"], auth=[Bearer(), Proven()])
Text = Annotated[str, StringConstraints(max_length=254, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
Mark = Annotated[str, StringConstraints(max_length=16)]


class TeamIn(Body):
    """Without a mark: a new one."""

    name: Name
    department: Text = ""
    mark: Mark | None = None


class DepartmentIn(Body):
    """Without a mark: a new one."""

    name: Name
    mark: Mark | None = None


class RoleIn(Body):
    """Without a mark: a new one. Rights by the names of `GET /rights`."""

    name: Name
    rights: Annotated[list[Line], Field(max_length=300)]
    needs_second_factor: bool = False
    mark: Mark | None = None


class SettingIn(Body):
    value: bool | Revision | Line
    revision: Revision


class AuditFilter(Schema):
    """`person` acted or is the subject; days are those of the site."""

    person: Id | None = None
    kind: Annotated[str, StringConstraints(max_length=60)] = ""
    since: date | None = None
    until: date | None = None
    subject_kind: Annotated[str, StringConstraints(max_length=40)] = ""
    subject_id: Id | None = None
    cursor: Annotated[str, StringConstraints(max_length=19, pattern=r"^[0-9]*$")] = ""
    limit: Limit = 50


@dataclass(frozen=True, slots=True)
class TeamRows:
    items: list[organisation_rows.TeamRow]


@dataclass(frozen=True, slots=True)
class DepartmentRows:
    items: list[organisation_rows.DepartmentRow]


@dataclass(frozen=True, slots=True)
class RoleRows:
    items: list[organisation_rows.RoleRow]


@dataclass(frozen=True, slots=True)
class SettingRows:
    items: list[settings_store.SettingRow]


@dataclass(frozen=True, slots=True)
class ChainFault:
    position: int
    what: str


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """The last walk over the journal's chain of hashes; of its faults at most the first twenty."""

    state: Literal["never", "running", "done"]
    n_done: int
    n_total: int
    started_at: datetime | None
    finished_at: datetime | None
    n_faults: int = 0
    faults: list[ChainFault] = field(default_factory=list)


# --- teams, departments, roles ---------------------------------------------------------------------------------------


@router.get("/teams", response=TeamRows)
def list_teams(request: HttpRequest) -> HttpResponse:
    """Teams by name."""
    return answer(TeamRows(organisation_rows.teams(actor_of(request))))


@router.put("/teams/{code}", response=organisation_rows.TeamRow)
def put_team(request: HttpRequest, code: Key, payload: TeamIn) -> HttpResponse:
    """A new team, or another name and department for one; its code stays, because rules name it."""
    actor = actor_of(request)
    organisation.save_team(
        actor=actor,
        code=code,
        name=payload.name,
        department=payload.department,
        seen=payload.mark,
        now=timezone.now(),
    )
    return answer(organisation_rows.teams(actor, code)[0])


@router.get("/departments", response=DepartmentRows)
def list_departments(request: HttpRequest) -> HttpResponse:
    """Departments by name."""
    return answer(DepartmentRows(organisation_rows.departments(actor_of(request))))


@router.put("/departments/{code}", response=organisation_rows.DepartmentRow)
def put_department(request: HttpRequest, code: Key, payload: DepartmentIn) -> HttpResponse:
    """A new department, or another name for one."""
    actor = actor_of(request)
    organisation.save_department(actor=actor, code=code, name=payload.name, seen=payload.mark, now=timezone.now())
    return answer(organisation_rows.departments(actor, code)[0])


@router.get("/roles", response=RoleRows)
def list_roles(request: HttpRequest) -> HttpResponse:
    """Roles with their rights."""
    return answer(RoleRows(organisation_rows.roles(actor_of(request))))


@router.get("/rights", response=dict[str, str])
def list_rights(request: HttpRequest) -> HttpResponse:
    """All rights by name, with their words."""
    return answer(organisation_rows.rights(actor_of(request)))


@router.put("/roles/{code}", response=organisation_rows.RoleRow)
def put_role(request: HttpRequest, code: Key, payload: RoleIn) -> HttpResponse:
    """A new role, or other rights for one. Somebody must stay who can edit people."""
    actor = actor_of(request)
    organisation.save_role(
        actor=actor,
        code=code,
        name=payload.name,
        rights=payload.rights,
        needs_second_factor=payload.needs_second_factor,
        seen=payload.mark,
        now=timezone.now(),
    )
    return answer(organisation_rows.roles(actor, code)[0])


@router.post("/roles/{code}/take-shipped", response=organisation_rows.RoleRow)
def take_shipped_rights(request: HttpRequest, code: Key) -> HttpResponse:
    """Give an edited shipped role the rights that it ships with and lacks; what else it has stays."""
    actor = actor_of(request)
    organisation.take_shipped(actor=actor, code=code, now=timezone.now())
    return answer(organisation_rows.roles(actor, code)[0])


@router.delete("/roles/{code}", response={204: None})
def remove_role(request: HttpRequest, code: Key) -> HttpResponse:
    """Remove an own role that nobody has."""
    organisation.remove_role(actor=actor_of(request), code=code, now=timezone.now())
    return HttpResponse(status=204)


# --- settings, audit -------------------------------------------------------------------------------------------------


@router.get("/settings", response=SettingRows)
def list_settings(request: HttpRequest) -> HttpResponse:
    """Every setting of the house with its value, its default and its limits."""
    return answer(SettingRows(settings_store.rows(actor_of(request))))


@router.put("/settings/{name}", response=settings_store.SettingRow)
def put_setting(
    request: HttpRequest,
    name: Annotated[str, StringConstraints(max_length=80, pattern=r"^[a-z0-9_.]+$")],
    payload: SettingIn,
) -> HttpResponse:
    """Change one setting; the change is journalled."""
    actor = actor_of(request)
    settings_store.put(actor=actor, key=name, value=payload.value, revision=payload.revision, now=timezone.now())
    return answer(next(row for row in settings_store.rows(actor) if row.name == name))


@router.get("/audit", response=audit.AuditPage)
def list_audit(request: HttpRequest, filters: Query[AuditFilter]) -> HttpResponse:
    """Facts of administration and access, the newest first."""
    if filters.since and filters.until and filters.since > filters.until:
        raise Invalid.one("until", "before_since", since=filters.since.isoformat())
    wanted = audit.Wanted(**filters.dict(exclude={"cursor", "limit"}))
    before = int(filters.cursor) if filters.cursor else None
    return answer(audit.page(actor_of(request), wanted, before, filters.limit))


@router.post("/audit/check", response={202: ChainCheck})
def start_chain_check(request: HttpRequest) -> HttpResponse:
    """Ask the worker to walk the journal's whole chain; one that runs already is answered with."""
    return answer(_check(audit.check_chain(actor=actor_of(request), now=timezone.now())), 202)


@router.get("/audit/check", response=ChainCheck)
def get_chain_check(request: HttpRequest) -> HttpResponse:
    """How far the last check of the chain is, and what it found."""
    return answer(_check(audit.last_check_for(actor_of(request))))


def _check(job: Job | None) -> ChainCheck:
    if job is None:
        return ChainCheck("never", 0, 0, None, None)
    n_faults = int(job.result.get("n_faults", 0))
    return ChainCheck(
        state="done" if job.finished_at else "running",
        n_done=job.n_done,
        n_total=job.n_total,
        started_at=job.created_at,
        finished_at=job.finished_at,
        n_faults=n_faults,
        faults=[ChainFault(position, what) for position, what in audit.faults_of(job)],
    )
