"""Versions of documents as the API shows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from jiying.base.api.wire import PersonRef
from jiying.base.models import Person, VersionedDocument
from jiying.clocks import queries


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    capacity: str
    person: PersonRef
    at: datetime


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One version. `state` draft, proposed, approved or rejected; approved ones hold from `effective_from` on.

    `uncovered_years` of a calendar: this year or the next, where its statutory days are not known yet."""

    key: str
    number: int
    title: str
    state: str
    in_force: bool
    effective_from: datetime | None
    redate: bool
    note: str
    revision: int
    created_by: PersonRef | None
    created_at: datetime
    approvals: list[ApprovalRow]
    uncovered_years: list[int]
    body: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Documents:
    items: list[DocumentRow]


def person(found: Person | None) -> PersonRef | None:
    return PersonRef(found.pk, found.username, found.name) if found else None


def document(found: VersionedDocument, in_force: int | None, with_body: bool = True) -> DocumentRow:
    """The row of a version whose maker and approvals are loaded; `in_force` is the number that holds now."""
    return DocumentRow(
        key=found.key,
        number=found.number,
        title=found.label,
        state=found.state,
        in_force=found.number == in_force,
        effective_from=found.effective_from,
        redate=found.redate,
        note=found.note,
        revision=found.revision,
        created_by=person(found.created_by),
        created_at=found.created_at,
        approvals=[
            ApprovalRow(a.capacity, PersonRef(a.person.pk, a.person.username, a.person.name), a.at)
            for a in found.approvals.all()
        ],
        uncovered_years=queries.uncovered(found.body, timezone.now()) if found.kind == "calendar" else [],
        body=found.body if with_body else None,
    )


def documents(found: Iterable[VersionedDocument], in_force: int | None, with_body: bool = False) -> Documents:
    return Documents([document(one, in_force, with_body) for one in found])
