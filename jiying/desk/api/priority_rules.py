"""Priority rules over the API (D21): versions, drafts, two approvals, and trying them on past tickets."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field

from jiying.base import documents
from jiying.base.api.wire import Body, Prose, Version, actor_of, answer
from jiying.base.models import VersionedDocument
from jiying.clocks.api import rows, verbs
from jiying.desk.queries import priority_rules as queries
from jiying.desk.services import rules as services

router = Router(tags=["priority rules"])


class PriorityRulesIn(Body):
    """A rule document: `{"default": "P3", "rules": [{"key", "name", "priority", "when"}, …]}`."""

    note: Prose = ""
    body: dict[str, Any]


class TrialIn(Body):
    body: dict[str, Any]
    days: Annotated[int, Field(ge=1, le=366)] = 30


@dataclass(frozen=True, slots=True)
class MoveRow:
    was: str
    now: str
    n: int


@dataclass(frozen=True, slots=True)
class ExampleRow:
    """`was` and `now`: by the rules in force and by those tried; `had`: what the ticket has."""

    number: str
    subject: str
    was: str
    now: str
    had: str
    rule: str


@dataclass(frozen=True, slots=True)
class TrialRow:
    """`n_by_hand`: priorities that people corrected; `n_right` of them the tried rules meet, `n_right_before` those
    in force."""

    n_tickets: int
    n_changed: int
    moves: list[MoveRow]
    by_rule: dict[str, int]
    n_unknown: int
    n_by_hand: int
    n_right: int
    n_right_before: int
    examples: list[ExampleRow]


def _held() -> int | None:
    return documents.in_force("priority", timezone.now()).get(services.KEY)


def _find(request: HttpRequest, number: int) -> VersionedDocument:
    services.require_reading(actor_of(request))
    return documents.get("priority", services.KEY, number)


def _shown(number: int, status: int = 200) -> HttpResponse:
    found = documents.get("priority", services.KEY, number)
    headers = {"Location": f"/api/v1/priority-rules/{number}"} if status == 201 else None
    return answer(rows.document(found, _held()), status, headers)


@router.get("/priority-rules", response=rows.Documents)
def list_priority_rules(request: HttpRequest) -> HttpResponse:
    """The versions without their bodies, the newest first."""
    services.require_reading(actor_of(request))
    return answer(rows.documents(queries.history(), _held()))


@router.get("/priority-rules/{number}", response=rows.DocumentRow)
def get_priority_rules(request: HttpRequest, number: Version) -> HttpResponse:
    """One version with its rules and approvals."""
    _find(request, number)
    return _shown(number)


@router.post("/priority-rules", response={201: rows.DocumentRow})
def create_priority_rules(request: HttpRequest, payload: PriorityRulesIn) -> HttpResponse:
    """A draft; it holds after it was proposed and approved by a supervisor and by operations."""
    made = services.draft(actor=actor_of(request), body=payload.body, note=payload.note, now=timezone.now())
    return _shown(made.number, 201)


@router.put("/priority-rules/{number}", response=rows.DocumentRow)
def edit_priority_rules(request: HttpRequest, number: Version, payload: verbs.EditIn) -> HttpResponse:
    """Change a draft."""
    verbs.edit(actor_of(request), _find(request, number), payload)
    return _shown(number)


@router.post("/priority-rules/{number}/propose", response=rows.DocumentRow)
def propose_priority_rules(request: HttpRequest, number: Version, payload: verbs.ProposalIn) -> HttpResponse:
    """Hand a draft to its approvers."""
    verbs.propose(actor_of(request), _find(request, number), payload)
    return _shown(number)


@router.post("/priority-rules/{number}/approve", response=rows.DocumentRow)
def approve_priority_rules(request: HttpRequest, number: Version, payload: verbs.ApprovalIn) -> HttpResponse:
    """One of the two approvals; the second makes it hold from its date."""
    verbs.approve(actor_of(request), _find(request, number), payload)
    return _shown(number)


@router.post("/priority-rules/{number}/reject", response=rows.DocumentRow)
def reject_priority_rules(request: HttpRequest, number: Version, payload: verbs.ReasonIn) -> HttpResponse:
    """Send a proposal back; it is a draft again."""
    verbs.reject(actor_of(request), _find(request, number), payload)
    return _shown(number)


@router.post("/priority-rules/{number}/withdraw", response=rows.DocumentRow)
def withdraw_priority_rules(request: HttpRequest, number: Version, payload: verbs.ReasonIn) -> HttpResponse:
    """Take a proposal back, or an approved version that does not hold yet."""
    verbs.withdraw(actor_of(request), _find(request, number), payload)
    return _shown(number)


@router.post("/priority-rules/{number}/discard", response=rows.DocumentRow)
def discard_priority_rules(request: HttpRequest, number: Version) -> HttpResponse:
    """Give a draft up; it stays in the history."""
    verbs.discard(actor_of(request), _find(request, number))
    return _shown(number)


@router.post("/priority-rule-trials", response=TrialRow)
def try_priority_rules(request: HttpRequest, payload: TrialIn) -> HttpResponse:
    """What these rules would have made of the latest tickets, beside those in force; nothing is changed."""
    now = timezone.now()
    since = now - timedelta(days=payload.days)
    found = services.try_rules(actor=actor_of(request), body=payload.body, since=since, now=now)
    return answer(
        TrialRow(
            n_tickets=found.n_tickets,
            n_changed=found.n_changed,
            moves=[MoveRow(was, new, n) for (was, new), n in sorted(found.moves.items())],
            by_rule=dict(found.by_rule),
            n_unknown=found.n_unknown,
            n_by_hand=found.n_by_hand,
            n_right=found.n_right,
            n_right_before=found.n_right_before,
            examples=[ExampleRow(x.number, x.subject, x.was, x.now, x.had, x.rule) for x in found.examples],
        )
    )
