"""Who is told when a version waits for approval, and what became of it (C7, C18). Follows each step of `documents`.

Whoever may give an approval that is missing is told; nobody is asked about a proposal of their own. What was decided by
others leaves the screens. May not decide anything itself.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from jiying.alerts.models import Alert
from jiying.alerts.queries import duty
from jiying.alerts.services import raising, reading
from jiying.base import documents, subjects
from jiying.base.actor import Actor, of_person
from jiying.base.models import JournalEntry, Person, VersionedDocument
from jiying.base.policies import has

KIND = "document"
WAITS, GIVEN, BACK, UNDONE = "approval.waits", "approval.given", "approval.back", "approval.undone"
_ENDS = {"effective": GIVEN, "rejected": BACK, "withdrawn": UNDONE}
State = VersionedDocument.State


def follow(verb: str, document: VersionedDocument, actor: Actor, note: str, now: datetime) -> Sequence[int]:
    """The step of a version that needs approval, in its transaction. Returns whom its fact rings for."""
    if verb == "proposed":
        return _tell_approvers(document, actor, now)
    people = _settle(document, now) if verb in ("approved", *_ENDS) else []
    if verb in _ENDS:
        people += _tell_proposers(document, _ENDS[verb], actor, note, now)
    return people


def awaited(document: VersionedDocument) -> list[Person]:
    """Active people who may give an approval that is missing and have given none, but the proposers."""
    about = documents.KINDS[document.kind]
    given = {approval.capacity: approval.person_id for approval in document.approvals.all()}
    missing = [capacity for capacity in about.capacities if capacity not in given]
    if document.state != State.PROPOSED or not missing:
        return []
    out = {*given.values(), *proposers(document)}
    rights = {about.capacities[capacity] for capacity in missing}
    return [
        person
        for person in concerned(rights)
        if person.pk not in out and any(about.allows(document, one, of_person(person)) for one in missing)
    ]


def concerned(rights: Collection[str]) -> list[Person]:
    """Active people with one of these rights; for each, administrators only where nobody else has it: they have every
    right, and would hear of all."""
    rows = Person.objects.filter(is_active=True).select_related("department").prefetch_related("roles").order_by("pk")
    people = list(rows)
    found: dict[int, Person] = {}
    for right in rights:
        able = [person for person in people if right in person.rights()]
        others = [person for person in able if "admin" not in person.role_codes]
        found |= {person.pk: person for person in others or able}
    return sorted(found.values(), key=lambda person: person.pk)


def proposers(document: VersionedDocument) -> list[int]:
    """Who drafted it and who proposed it last."""
    facts = JournalEntry.objects.filter(
        subject_kind=KIND, subject_id=document.pk, kind="document.proposed", actor_kind__in=("person", "token")
    )
    last = facts.order_by("-id").values_list("actor_id", flat=True).first()
    return [person for person in dict.fromkeys((document.created_by_id, last)) if person is not None]


def _tell_approvers(document: VersionedDocument, actor: Actor, now: datetime) -> list[int]:
    """The journal does not know yet who proposes: it is who acts."""
    people = [person.pk for person in awaited(document) if person.pk != actor.id]
    raising.raise_alerts([_notice(WAITS, document, person, _who(actor), now) for person in people], now=now)
    return people


def _settle(document: VersionedDocument, now: datetime) -> list[int]:
    """Those who cannot give what is still missing need not look any more."""
    left = {person.pk for person in awaited(document)}
    waiting = Alert.objects.filter(subject_kind=KIND, subject_id=document.pk, kind=WAITS)
    people = waiting.filter(state__in=(Alert.State.NEW, Alert.State.SEEN)).exclude(person__in=left)
    gone = list(people.values_list("person_id", flat=True))
    reading.withdraw(KIND, [document.pk], now, kind=WAITS, without=left)
    return gone


def _tell_proposers(document: VersionedDocument, kind: str, actor: Actor, note: str, now: datetime) -> list[int]:
    people = [person for person in proposers(document) if person != actor.id]
    data = {**_who(actor), **({"reason": note} if note else {})}
    raising.raise_alerts([_notice(kind, document, person, data, now) for person in people], now=now)
    return people


def _who(actor: Actor) -> dict[str, str]:
    return {"who": actor.person.name if actor.person else ""}


def _notice(
    kind: str, document: VersionedDocument, person: int, data: Mapping[str, str], now: datetime
) -> raising.Notice:
    """One for each proposal of a version: what went back and is proposed again is told anew."""
    point, capacity = ("approval", "approver") if kind == WAITS else ("decided", "proposer")
    return raising.Notice(
        key=f"{kind}:{document.pk}:{_round(document)}:{person}",
        person_id=person,
        capacity=capacity,
        kind=kind,
        severity="notice",
        subject_kind=KIND,
        subject_id=document.pk,
        at=now,
        data=data,
        ways=duty.plan(now).ways(point, capacity),
    )


def _round(document: VersionedDocument) -> int:
    """Which proposal of this version it is."""
    facts = JournalEntry.objects.filter(subject_kind=KIND, subject_id=document.pk, kind="document.proposed")
    return facts.count() + (1 if document.state == State.PROPOSED else 0)


# --- as a kind of subject --------------------------------------------------------------------------------------------


def still_waits(alerts: Sequence[Alert]) -> set[int]:
    """Ids of those that are about a proposal which this person may still approve."""
    found = VersionedDocument.objects.in_bulk({alert.subject_id for alert in alerts})
    left = {pk: {person.pk for person in awaited(document)} for pk, document in found.items()}
    return {alert.pk for alert in alerts if alert.person_id in left.get(alert.subject_id, ())}


def _visible(actor: Actor, document_id: int) -> bool:
    document = VersionedDocument.objects.filter(pk=document_id).first()
    if document is None:
        return False
    about = documents.KINDS[document.kind]
    return has(actor, about.edit_right) or any(about.allows(document, one, actor) for one in about.capacities)


def _describe(ids: Collection[int]) -> Mapping[int, subjects.Described]:
    rows = VersionedDocument.objects.filter(pk__in=ids)
    return {
        row.pk: subjects.Described(f"{kind.label(row)} v{row.number}", row.note[:80], kind.url(row))
        for row in rows
        if (kind := documents.KINDS[row.kind])
    }


SUBJECT = subjects.Kind(
    name=KIND,
    lock=lambda ids, skip_locked: VersionedDocument.objects.select_for_update(skip_locked=skip_locked).in_bulk(ids),
    visible=_visible,
    describe=_describe,
    still_true=lambda ids: set(VersionedDocument.objects.filter(pk__in=ids).values_list("pk", flat=True)),
)
