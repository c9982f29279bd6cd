"""The verbs of a ticket: each calls one service and answers with the ticket as it is afterwards."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Body, Router

from jiying.base.api.wire import actor_of, answer
from jiying.desk.api import schemas as s
from jiying.desk.queries import tickets_api as rows
from jiying.desk.services import asking, codes, collaboration, handling, routing, talking

router = Router(tags=["ticket verbs"])


def _now(request: HttpRequest, number: str) -> HttpResponse:
    """The ticket after the verb, even if the caller gave it out of sight."""
    return answer(rows.one(actor_of(request), number))


@router.post("/tickets/{number}/accept", response=rows.TicketRow)
def accept_ticket(request: HttpRequest, number: s.Number) -> HttpResponse:
    """The assigned agent accepts; a ticket of the queue is taken."""
    handling.accept(actor=actor_of(request), number=number, now=timezone.now())
    return _now(request, number)


@router.post("/tickets/{number}/reply", response=rows.TicketRow)
def reply_to_customer(request: HttpRequest, number: s.Number, payload: s.ReplyIn) -> HttpResponse:
    """A public answer to the customer."""
    talking.reply(
        actor=actor_of(request),
        number=number,
        body=talking.Written(payload.body, payload.markup, payload.last_seen),
        hold_for=payload.hold_for or "",
        by=payload.by,
        revision=payload.revision,
        now=timezone.now(),
    )
    return _now(request, number)


@router.post("/tickets/{number}/note", response=rows.TicketRow)
def add_note(request: HttpRequest, number: s.Number, payload: s.NoteIn) -> HttpResponse:
    """An internal note; the customer never sees it."""
    written = talking.Written(payload.body, payload.markup, mentions=tuple(payload.mentions))
    talking.note(actor=actor_of(request), number=number, body=written, now=timezone.now())
    return _now(request, number)


@router.post("/tickets/{number}/call", response=rows.TicketRow)
def record_call(request: HttpRequest, number: s.Number, payload: s.CallIn) -> HttpResponse:
    """An answered call: acceptance and first response in one."""
    talking.call(actor=actor_of(request), number=number, **payload.dict(), now=timezone.now())
    return _now(request, number)


@router.post("/tickets/{number}/customer-message", response=rows.TicketRow)
def record_customer_message(request: HttpRequest, number: s.Number, payload: s.CustomerMessageIn) -> HttpResponse:
    """What the customer said: wakes a waiting ticket, reopens an ended one."""
    talking.customer_message(
        actor=actor_of(request), number=number, body=payload.body, at=payload.at, now=timezone.now()
    )
    return _now(request, number)


@router.post("/tickets/{number}/hold", response=rows.TicketRow)
def hold_ticket(request: HttpRequest, number: s.Number, payload: s.HoldIn) -> HttpResponse:
    """Wait for somebody; the standard says which clocks pause."""
    handling.hold(actor=actor_of(request), number=number, **payload.dict(), now=timezone.now())
    return _now(request, number)


@router.post("/tickets/{number}/resume", response=rows.TicketRow)
def resume_ticket(request: HttpRequest, number: s.Number) -> HttpResponse:
    """Work goes on."""
    handling.resume(actor=actor_of(request), number=number, now=timezone.now())
    return _now(request, number)


@router.post("/tickets/{number}/resolve", response=rows.TicketRow)
def resolve_ticket(request: HttpRequest, number: s.Number, payload: s.ResolveIn = Body(s.ResolveIn())) -> HttpResponse:  # type: ignore[type-arg]  # noqa: B008
    """Solved, says the agent; the customer's confirmation or silence ends it."""
    handling.resolve(
        actor=actor_of(request),
        number=number,
        note=payload.note,
        booked=codes.Booked(payload.cause, payload.solution, payload.step),
        revision=payload.revision,
        now=timezone.now(),
    )
    return _now(request, number)


@router.post("/tickets/{number}/confirm", response=rows.TicketRow)
def confirm_ticket(request: HttpRequest, number: s.Number) -> HttpResponse:
    """The customer confirms that it is solved."""
    handling.confirm(actor=actor_of(request), number=number, now=timezone.now())
    return _now(request, number)


@router.post("/tickets/{number}/reject", response=rows.TicketRow)
def reject_solution(request: HttpRequest, number: s.Number, payload: s.RemarkIn = Body(s.RemarkIn())) -> HttpResponse:  # type: ignore[type-arg]  # noqa: B008
    """Not solved, says the customer: the same resolution clock runs on."""
    handling.reject(actor=actor_of(request), number=number, note=payload.note, now=timezone.now())
    return _now(request, number)


@router.post("/tickets/{number}/close", response=rows.TicketRow)
def close_ticket(request: HttpRequest, number: s.Number, payload: s.RemarkIn = Body(s.RemarkIn())) -> HttpResponse:  # type: ignore[type-arg]  # noqa: B008
    """Close a resolved ticket without waiting for the customer."""
    handling.close(actor=actor_of(request), number=number, note=payload.note, now=timezone.now())
    return _now(request, number)


@router.post("/tickets/{number}/reopen", response=rows.TicketRow)
def reopen_ticket(request: HttpRequest, number: s.Number, payload: s.ReopenIn = Body(s.ReopenIn())) -> HttpResponse:  # type: ignore[type-arg]  # noqa: B008
    """Start over: a new resolution clock, the old result stays."""
    handling.reopen(actor=actor_of(request), number=number, reason=payload.reason, now=timezone.now())
    return _now(request, number)


@router.post("/tickets/{number}/transfer", response=rows.TicketRow)
def transfer_ticket(request: HttpRequest, number: s.Number, payload: s.TransferIn) -> HttpResponse:
    """Give it to a person, or back to a team's queue."""
    routing.transfer(actor=actor_of(request), number=number, **payload.dict(), now=timezone.now())
    return _now(request, number)


@router.post("/tickets/{number}/to-dedicated", response=rows.TicketRow)
def transfer_to_dedicated(request: HttpRequest, number: s.Number) -> HttpResponse:
    """Give it to the dedicated agent of its customer."""
    routing.to_dedicated(actor=actor_of(request), number=number, now=timezone.now())
    return _now(request, number)


@router.post("/tickets/{number}/priority", response=rows.TicketRow)
def set_priority(request: HttpRequest, number: s.Number, payload: s.PriorityIn) -> HttpResponse:
    """Change the priority by hand; the clocks take the new target from the same start."""
    handling.set_priority(actor=actor_of(request), number=number, **payload.dict(), now=timezone.now())
    return _now(request, number)


@router.post("/tickets/{number}/reclassify", response=rows.TicketRow)
def reclassify_ticket(request: HttpRequest, number: s.Number, payload: s.ReclassifyIn) -> HttpResponse:
    """Correct category, channel or tags."""
    handling.reclassify(actor=actor_of(request), number=number, **payload.dict(), now=timezone.now())
    return _now(request, number)


@router.post("/tickets/{number}/fields", response=rows.TicketRow)
def complete_fields(request: HttpRequest, number: s.Number, payload: s.FieldsIn) -> HttpResponse:
    """Fill in or correct the answers to the intake form."""
    asking.complete(actor=actor_of(request), number=number, values=payload.fields, now=timezone.now())
    return _now(request, number)


@router.post("/tickets/{number}/cancel", response=rows.TicketRow)
def cancel_ticket(request: HttpRequest, number: s.Number, payload: s.CancelIn) -> HttpResponse:
    """Not a request after all."""
    handling.cancel(actor=actor_of(request), number=number, reason=payload.reason, now=timezone.now())
    return _now(request, number)


@router.post("/tickets/{number}/merge", response=rows.TicketRow)
def merge_ticket(request: HttpRequest, number: s.Number, payload: s.MergeIn) -> HttpResponse:
    """Mark it as a duplicate of another ticket."""
    handling.merge(actor=actor_of(request), number=number, into=payload.into, now=timezone.now())
    return _now(request, number)


@router.post("/tickets/{number}/escalate", response=rows.TicketRow)
def escalate_ticket(request: HttpRequest, number: s.Number, payload: s.EscalateIn) -> HttpResponse:
    """Raise it to a higher level; the responsible are told at once."""
    handling.escalate(
        actor=actor_of(request), number=number, level=payload.level, reason=payload.reason, now=timezone.now()
    )
    return _now(request, number)


@router.post("/tickets/{number}/collaborate", response={201: rows.CollaborationRow})
def ask_department(request: HttpRequest, number: s.Number, payload: s.CollaborateIn) -> HttpResponse:
    """Ask another department; the question has a clock of its own."""
    asked = collaboration.ask(
        actor=actor_of(request),
        number=number,
        department=payload.department,
        question=payload.question,
        kind=payload.kind,
        person_id=payload.person,
        hold_ticket=payload.hold_ticket,
        now=timezone.now(),
    )
    return answer(rows.collaboration(asked.pk), 201)
