"""Versioned documents: draft, propose, two-person approval, effective date. Standards, calendars, priority rules.

Each kind registers how its body is checked; what is in force is cached for a second, versions for ever (immutable).
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Max

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Denied, Fault, Invalid, NotFound
from jiying.base.models import Approval, VersionedDocument
from jiying.base.policies import require
from jiying.base.transactions import short

State = VersionedDocument.State
CAPACITIES = {"supervisor": "clocks.approve_supervisor", "operations": "clocks.approve_operations"}


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """`faults(body)` lists what is wrong; `edit_right` is needed to draft; `approved` runs after approval.

    `capacities` are the approvals that a version needs, with the right for each; `may_approve` may ask for more.
    `url` is the version's page, `label` what people call it.
    """

    name: str
    edit_right: str
    faults: Callable[[Any], list[Fault]]
    needs_approval: bool = True
    approved: Callable[[VersionedDocument, Actor, datetime], None] | None = None
    capacities: Mapping[str, str] = field(default_factory=lambda: CAPACITIES)
    may_approve: Callable[[VersionedDocument, str, Actor], bool] = lambda document, capacity, actor: True
    url: Callable[[VersionedDocument], str] = lambda document: ""
    label: Callable[[VersionedDocument], str] = lambda document: document.label

    def allows(self, document: VersionedDocument, capacity: str, actor: Actor) -> bool:
        """Whether this person may give this approval, had they not given the other."""
        return self.capacities[capacity] in actor.rights and self.may_approve(document, capacity, actor)


KINDS: dict[str, DocumentKind] = {}


# Asked in the transaction of each step (verb, document, actor, note, now): who the step's fact rings for.
Follower = Callable[[str, VersionedDocument, Actor, str, datetime], Sequence[int]]
FOLLOWERS: list[Follower] = []


def register(kind: DocumentKind) -> None:
    KINDS[kind.name] = kind


# --- reading ---------------------------------------------------------------------------------------------------------

_CACHE_S = 1.0
_in_force: dict[str, tuple[float, dict[str, int]]] = {}
_lock = threading.Lock()


def in_force(kind: str, now: datetime) -> Mapping[str, int]:
    """{key: number} of the versions in force at `now`. Asked at each ticket, so kept for a second."""
    kept = _in_force.get(kind)
    if kept is not None and time.monotonic() - kept[0] < _CACHE_S:
        return kept[1]
    rows = (
        VersionedDocument.objects.filter(kind=kind, state=State.APPROVED, effective_from__lte=now)
        .values_list("key")
        .annotate(number=Max("number"))
    )
    fresh = {key: int(number) for key, number in rows}
    with _lock:
        _in_force[kind] = (time.monotonic(), fresh)
    return fresh


def forget() -> None:
    """Drop what is kept of versions in force (after a change, and between tests)."""
    with _lock:
        _in_force.clear()


def get(kind: str, key: str, number: int) -> VersionedDocument:
    try:
        return VersionedDocument.objects.get(kind=kind, key=key, number=number)
    except VersionedDocument.DoesNotExist:
        raise NotFound(kind, f"{key} v{number}") from None


def by_id(kind: str, document_id: int) -> VersionedDocument:
    try:
        return VersionedDocument.objects.get(kind=kind, pk=document_id)
    except VersionedDocument.DoesNotExist:
        raise NotFound(kind, document_id) from None


# --- writing ---------------------------------------------------------------------------------------------------------


def _lock_document(pk: int) -> VersionedDocument:
    try:
        return VersionedDocument.objects.select_for_update().get(pk=pk)
    except VersionedDocument.DoesNotExist:
        raise NotFound("document", pk) from None


def _expect(document: VersionedDocument, *states: str) -> None:
    if document.state not in states:
        raise Conflict.one("wrong_document_state", state=document.state)


def _check(kind: DocumentKind, body: Any) -> None:
    if faults := kind.faults(body):
        raise Invalid(*faults)


def _note(actor: Actor, document: VersionedDocument, verb: str, now: datetime, **data: Any) -> None:
    facts = {"kind": document.kind, "key": document.key, "number": document.number, **data}
    people = [one for follow in FOLLOWERS for one in follow(verb, document, actor, str(data.get("note", "")), now)]
    rings = [f"person:{person}" for person in people]
    journal.record(actor, [journal.Fact("document", document.pk, f"document.{verb}", now, facts, rings)], now=now)


@short
def create(
    *, actor: Actor, kind: str, key: str, body: Any, title: str = "", note: str = "", now: datetime
) -> VersionedDocument:
    """A new draft, numbered after the last version. A kind without approval is in force at once."""
    about = KINDS[kind]
    require(actor, about.edit_right)
    _check(about, body)
    last = VersionedDocument.objects.filter(kind=kind, key=key).aggregate(n=Max("number"))["n"] or 0
    state = State.DRAFT if about.needs_approval else State.APPROVED
    document = VersionedDocument.objects.create(
        kind=kind,
        key=key,
        number=last + 1,
        body=body,
        title=title,
        note=note,
        state=state,
        effective_from=None if about.needs_approval else now,
        created_by=actor.person,
        created_at=now,
    )
    _note(actor, document, "drafted" if about.needs_approval else "changed", now)
    transaction.on_commit(forget)
    if not about.needs_approval and about.approved:
        about.approved(document, actor, now)
    return document


@short
def edit(*, actor: Actor, document_id: int, body: Any, revision: int, now: datetime) -> VersionedDocument:
    """Change a draft; `revision` is the one that the form showed, a stale one is refused."""
    document = _lock_document(document_id)
    about = KINDS[document.kind]
    require(actor, about.edit_right)
    _expect(document, State.DRAFT)
    if document.revision != revision:
        raise Conflict.one("stale")
    _check(about, body)
    document.body, document.revision = body, revision + 1
    document.save(update_fields=["body", "revision"])
    _note(actor, document, "edited", now)
    return document


@short
def propose(
    *, actor: Actor, document_id: int, effective_from: datetime, redate: bool, note: str, now: datetime
) -> VersionedDocument:
    """Hand a draft to its two approvers, with the date from which it shall hold."""
    document = _lock_document(document_id)
    about = KINDS[document.kind]
    require(actor, about.edit_right)
    _expect(document, State.DRAFT)
    _check(about, document.body)
    document.state, document.effective_from, document.redate, document.note = (
        State.PROPOSED,
        effective_from,
        redate,
        note,
    )
    document.save(update_fields=["state", "effective_from", "redate", "note"])
    _note(actor, document, "proposed", now, effective_from=effective_from.isoformat(), redate=redate)
    return document


@short
def approve(*, actor: Actor, document_id: int, capacity: str, now: datetime) -> VersionedDocument:
    """One of the two approvals (C7). The second makes it effective from its date, never from a past instant."""
    document = _lock_document(document_id)
    about = KINDS[document.kind]
    if capacity not in about.capacities:
        raise Invalid.one("capacity", "unknown_value", value=capacity, known=", ".join(about.capacities))
    if not about.allows(document, capacity, actor):
        raise Denied(about.capacities[capacity])
    _expect(document, State.PROPOSED)
    if actor.person is None:
        raise Invalid.one("person", "required", field="person")
    given = list(document.approvals.all())
    if any(a.person_id == actor.person.pk for a in given):
        raise Conflict.one("same_person")
    if any(a.capacity == capacity for a in given):
        raise Conflict.one("duplicate", value=capacity)
    Approval.objects.create(document=document, capacity=capacity, person=actor.person, at=now)
    _note(actor, document, "approved", now, capacity=capacity)
    if len(given) + 1 == len(about.capacities):
        document.state = State.APPROVED
        document.effective_from = max(document.effective_from or now, now)
        document.save(update_fields=["state", "effective_from"])
        _note(actor, document, "effective", now, effective_from=document.effective_from.isoformat())
        transaction.on_commit(forget)
        if about.approved:
            about.approved(document, actor, now)
    return document


@short
def reject(*, actor: Actor, document_id: int, note: str, now: datetime) -> VersionedDocument:
    """Send a proposal back: it becomes a draft again, approvals given are dropped; the reason is journalled."""
    document = _lock_document(document_id)
    about = KINDS[document.kind]
    if not any(about.allows(document, capacity, actor) for capacity in about.capacities):
        raise Denied(next(iter(about.capacities.values())))
    _expect(document, State.PROPOSED)
    _back_to_draft(document)
    _note(actor, document, "rejected", now, note=_reason(note))
    return document


@short
def withdraw(*, actor: Actor, document_id: int, note: str, now: datetime) -> VersionedDocument:
    """Those who draft take it back, with a reason: a proposal becomes a draft again; a version that was approved, but
    does not hold yet, will not hold. One that has held stays: subjects are bound to it."""
    document = _lock_document(document_id)
    require(actor, KINDS[document.kind].edit_right)
    _expect(document, State.PROPOSED, State.APPROVED)
    if document.state == State.PROPOSED:
        _back_to_draft(document)
    elif document.effective_from is None or document.effective_from <= now:
        raise Conflict.one("in_force_already")
    else:
        document.state = State.REJECTED
        document.save(update_fields=["state"])
        transaction.on_commit(forget)
    _note(actor, document, "withdrawn", now, note=_reason(note))
    return document


def _back_to_draft(document: VersionedDocument) -> None:
    document.approvals.all().delete()
    document.state = State.DRAFT
    document.save(update_fields=["state"])
    VersionedDocument.objects.filter(pk=document.pk).update(revision=F("revision") + 1)


def _reason(note: str) -> str:
    if not note.strip():
        raise Invalid.one("note", "required", field="note")
    return note.strip()


@short
def discard(*, actor: Actor, document_id: int, now: datetime) -> VersionedDocument:
    """Give a draft up; it stays in the history as rejected."""
    document = _lock_document(document_id)
    require(actor, KINDS[document.kind].edit_right)
    _expect(document, State.DRAFT)
    document.state = State.REJECTED
    document.save(update_fields=["state"])
    _note(actor, document, "discarded", now)
    return document
