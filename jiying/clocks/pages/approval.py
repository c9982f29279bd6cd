"""What the pages of all versioned documents share: the steps of approval, what was sent back, and the verbs' forms."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from jiying.base import documents, texts
from jiying.base.actor import Actor
from jiying.base.context import actor_of
from jiying.base.errors import NotFound
from jiying.base.models import VersionedDocument
from jiying.base.policies import has
from jiying.clocks import queries
from jiying.clocks.forms import standards as forms

State = VersionedDocument.State
# What floors above offer for a version that is not approved yet: (label, address), or None.
LINKS: list[Callable[[Actor, VersionedDocument], tuple[str, str] | None]] = []
MAX_NOTE = 2000


def steps(actor: Actor, document: VersionedDocument) -> list[dict[str, Any]]:
    """The approvals that a version needs: who gave each, or whether the reader may; nobody gives both."""
    about = documents.KINDS[document.kind]
    given = {approval.capacity: approval for approval in document.approvals.select_related("person")}
    gave_one = any(approval.person_id == actor.id for approval in given.values())
    found = []
    for capacity in about.capacities:
        could = capacity not in given and about.allows(document, capacity, actor)
        step = {"capacity": capacity, "label": texts.term("capacity", capacity), "given": given.get(capacity)}
        may = document.state == State.PROPOSED and could and not gave_one
        found.append({**step, "may": may, "gave_other": gave_one and could})
    return found


def context(request: HttpRequest, document: VersionedDocument) -> dict[str, Any]:
    """For the templates `approval.html`, `propose.html` and `versions.html`."""
    actor, now = actor_of(request), timezone.now()
    found = steps(actor, document)
    sent_back = ("document.rejected", "document.withdrawn")
    may_edit = has(actor, documents.KINDS[document.kind].edit_right)
    future = document.effective_from is not None and document.effective_from > now
    return {
        "document": document,
        "now": now,
        "approvals": found,
        "may_send_back": any(step["may"] or (step["given"] and step["given"].person_id == actor.id) for step in found),
        "may_withdraw": may_edit
        and (document.state == State.PROPOSED or (document.state == State.APPROVED and future)),
        "sent_back": [fact for fact in queries.facts_of_document(document.pk) if fact.kind in sent_back],
        "is_open": document.state in (State.DRAFT, State.PROPOSED),
        "may_edit": may_edit,
        "links": [told for link in LINKS if (told := link(actor, document))],
    }


def propose(request: HttpRequest, document: VersionedDocument) -> None:
    documents.propose(
        actor=actor_of(request),
        document_id=document.pk,
        effective_from=forms.read_instant("effective_from", request.POST.get("effective_from", "")),
        redate=request.POST.get("redate") == "on",
        note=request.POST.get("note", "").strip()[:MAX_NOTE],
        now=timezone.now(),
    )


def approve(request: HttpRequest, document: VersionedDocument) -> None:
    capacity = request.POST.get("capacity", "")
    if capacity not in documents.KINDS[document.kind].capacities:
        raise NotFound("capacity", capacity)
    documents.approve(actor=actor_of(request), document_id=document.pk, capacity=capacity, now=timezone.now())


def reject(request: HttpRequest, document: VersionedDocument) -> None:
    documents.reject(actor=actor_of(request), document_id=document.pk, note=_note(request), now=timezone.now())


def withdraw(request: HttpRequest, document: VersionedDocument) -> None:
    documents.withdraw(actor=actor_of(request), document_id=document.pk, note=_note(request), now=timezone.now())


def _note(request: HttpRequest) -> str:
    return request.POST.get("note", "").strip()[:MAX_NOTE]
