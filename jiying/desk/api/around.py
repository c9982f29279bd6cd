"""What stands around tickets: collaborations, customers, presence."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router

from jiying.base import people
from jiying.base.api.wire import Id, actor_of, answer
from jiying.desk.api import schemas as s
from jiying.desk.queries import tickets_api as rows
from jiying.desk.services import collaboration, customers, routing

router = Router()


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
        actor=actor_of(request), customer_id=customer_id, ticket=payload.ticket, now=timezone.now()
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
