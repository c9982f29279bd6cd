"""What stands around tickets: collaborations, customers, presence."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import StringConstraints

from jiying.base import people
from jiying.base.api.wire import Cursor, Id, Key, actor_of, answer
from jiying.base.errors import NotFound
from jiying.desk.api import schemas as s
from jiying.desk.queries import asked
from jiying.desk.queries import tickets_api as rows
from jiying.desk.services import collaboration, customers, responding, routing

router = Router()


@router.get("/collaborations", response=asked.AskedRows, tags=["collaborations"])
def list_collaborations(
    request: HttpRequest,
    department: Key | None = None,
    show: Literal["open", "late", "answered"] = "open",
    row: Annotated[str, StringConstraints(max_length=80)] = "",
    verdict: Literal["", "met", "late"] = "",
    cursor: Cursor = "",
) -> HttpResponse:
    """What a department is asked, with its attainment of the last 30 days; one's own department as nothing is said.

    `row` and `verdict` give the requests behind a figure.
    """
    actor = actor_of(request)
    of = asked.department(actor, department or "")
    if of is None:
        raise NotFound("department", department or "")
    wanted = asked.Wanted(show, row, verdict if row else "", cursor)
    return answer(asked.api_rows(actor, of, wanted, timezone.now()))


@router.post("/collaborations/{collaboration_id}/people", response=rows.CollaborationRow, tags=["collaborations"])
def name_responders(request: HttpRequest, collaboration_id: Id, payload: s.RespondersIn) -> HttpResponse:
    """Who of the department answers, and who helps."""
    found = responding.name_people(
        actor=actor_of(request),
        collaboration_id=collaboration_id,
        person_id=payload.person,
        helper_ids=payload.helpers,
        now=timezone.now(),
    )
    return answer(rows.collaboration(found.pk))


@router.post("/collaborations/{collaboration_id}/decline", response=rows.CollaborationRow, tags=["collaborations"])
def decline_collaboration(request: HttpRequest, collaboration_id: Id, payload: s.DeclineIn) -> HttpResponse:
    """It is not for this department: the clock stops, the ticket goes on, who asked is told why."""
    found = responding.decline(
        actor=actor_of(request), collaboration_id=collaboration_id, reason=payload.reason, now=timezone.now()
    )
    return answer(rows.collaboration(found.pk))


@router.post("/collaborations/{collaboration_id}/hand-on", response=rows.CollaborationRow, tags=["collaborations"])
def hand_on_collaboration(request: HttpRequest, collaboration_id: Id, payload: s.HandOnIn) -> HttpResponse:
    """To another department; answers the new request."""
    new = responding.hand_on(
        actor=actor_of(request),
        collaboration_id=collaboration_id,
        department=payload.department,
        note=payload.note,
        now=timezone.now(),
    )
    return answer(rows.collaboration(new.pk))


@router.post("/collaborations/{collaboration_id}/answer", response=rows.CollaborationRow, tags=["collaborations"])
def answer_collaboration(request: HttpRequest, collaboration_id: Id, payload: s.AnswerIn) -> HttpResponse:
    """The department answers: its clock stops, and a ticket that waited for it wakes."""
    found = collaboration.answer(
        actor=actor_of(request), collaboration_id=collaboration_id, answer=payload.answer, now=timezone.now()
    )
    return answer(rows.collaboration(found.pk))


@router.post("/collaborations/{collaboration_id}/withdraw", response=rows.CollaborationRow, tags=["collaborations"])
def withdraw_collaboration(request: HttpRequest, collaboration_id: Id) -> HttpResponse:
    """The question is no longer needed."""
    found = collaboration.withdraw(actor=actor_of(request), collaboration_id=collaboration_id, now=timezone.now())
    return answer(rows.collaboration(found.pk))


@router.post("/customers/{customer_id}/reveal", response=rows.CustomerRow, tags=["customers"])
def reveal_customer(request: HttpRequest, customer_id: Id, payload: s.RevealIn) -> HttpResponse:
    """A customer's data unmasked; who looked, and from which ticket, is journalled."""
    found = customers.reveal(
        actor=actor_of(request),
        customer_id=customer_id,
        ticket=payload.ticket,
        reason=payload.reason,
        now=timezone.now(),
    )
    return answer(rows.customer_row(found, plain=True))


@router.post("/people/{person_id}/presence", response=people.PersonRow, tags=["people"])
def set_presence(request: HttpRequest, person_id: Id, payload: s.PresenceIn) -> HttpResponse:
    """One's own presence, or with the right to assign anybody's; who comes online is offered what waits."""
    person = routing.set_presence(
        actor=actor_of(request),
        person_id=person_id,
        presence=payload.presence,
        reason=payload.reason,
        now=timezone.now(),
    )
    return answer(people.row(person))
