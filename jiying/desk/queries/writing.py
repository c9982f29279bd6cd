"""What the composer shows: one's drafts, the texts and people to choose from, who else is at the ticket."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Case, IntegerField, Max, Q, QuerySet, Value, When
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from jiying.base.actor import Actor, of_person
from jiying.base.errors import NotFound
from jiying.base.models import Attachment, Person
from jiying.desk.models import CannedText, Draft, Message, Ticket, Watcher
from jiying.desk.policies import canned_reach, may_edit_canned, sees, sees_canned
from jiying.desk.queries.customers import card

CHOICES = 8


@dataclass(frozen=True, slots=True)
class DraftRow:
    """What one has begun to write."""

    kind: str
    body: str
    last_seen: int
    changed_at: datetime
    files: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Composer:
    """`drafts` by kind; `last_seen` is the id of the latest message that the page shows."""

    last_seen: int
    drafts: Mapping[str, DraftRow] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CannedRow:
    id: int
    title: str
    shortcut: str
    body: str
    reach: str
    team: str
    n_used: int
    revision: int
    may_edit: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to insert: `text` as it will stand there, `mark` for whatever must be said beside it."""

    id: int
    label: str
    hint: str
    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Other:
    """Somebody else who has the ticket open."""

    name: str
    writes: bool


def last_said(ticket: Ticket) -> str:
    """What the customer said last, else what the ticket was opened with."""
    told = Message.objects.filter(ticket=ticket, kind=Message.Kind.CUSTOMER).order_by("-at", "-pk")
    return told.values_list("body", flat=True).first() or ticket.description


def composer(actor: Actor, ticket: Ticket) -> Composer:
    """Three queries, however much was written."""
    latest = Message.objects.filter(ticket=ticket).aggregate(latest=Max("pk"))["latest"]
    return Composer(latest or 0, {row.kind: row for row in drafts(actor, ticket)})


def drafts(actor: Actor, ticket: Ticket) -> list[DraftRow]:
    found = list(Draft.objects.filter(person=actor.person, ticket=ticket).order_by("kind")) if actor.person else []
    files: dict[int, tuple[Attachment, ...]] = defaultdict(tuple)
    for file in Attachment.objects.filter(subject_kind="draft", subject_id__in=[d.pk for d in found]).order_by("pk"):
        files[file.subject_id] += (file,)
    return [DraftRow(d.kind, d.body, d.last_seen, d.changed_at, files[d.pk]) for d in found]


# --- canned texts ----------------------------------------------------------------------------------------------------


def canned_texts(actor: Actor, q: str = "") -> list[CannedRow]:
    """Those that the actor may use, or take care of; one's own first, then the most used."""
    reach = canned_reach(actor)
    if {"desk.canned_texts", "desk.view_all"} <= actor.rights:
        reach |= Q(owner__isnull=True)
    return [_canned(actor, row) for row in _ordered(CannedText.objects.filter(reach, _fitting(q)))]


def canned_text(actor: Actor, pk: int) -> CannedRow:
    row = CannedText.objects.select_related("team").filter(pk=pk).first()
    if row is None or not sees_canned(actor, row):
        raise NotFound("canned_text", pk)
    return _canned(actor, row)


def canned_choices(actor: Actor, ticket: Ticket, q: str) -> list[Choice]:
    """The first few that fit what was typed after the `/`, filled in for this ticket."""
    values = _values(actor, ticket)
    rows = _ordered(CannedText.objects.filter(canned_reach(actor), _fitting(q)), q)[:CHOICES]
    return [Choice(row.pk, row.title, row.shortcut, fill_in(row.body, values)) for row in rows]


def _fitting(q: str) -> Q:
    return Q(title__icontains=q) | Q(shortcut__istartswith=q) | Q(body__icontains=q) if q else Q()


def _ordered(rows: QuerySet[CannedText], q: str = "") -> QuerySet[CannedText]:
    exact = Case(
        When(shortcut__iexact=q, then=Value(0)), When(shortcut__istartswith=q, then=Value(1)), default=Value(2)
    )
    rows = rows.select_related("team").annotate(fit=exact if q else Value(0, output_field=IntegerField()))
    return rows.order_by("fit", "-n_used", "title", "pk")


def _canned(actor: Actor, row: CannedText) -> CannedRow:
    return CannedRow(
        id=row.pk,
        title=row.title,
        shortcut=row.shortcut,
        body=row.body,
        reach="own" if row.owner_id else "team" if row.team_id else "all",
        team=row.team.name if row.team else "",
        n_used=row.n_used,
        revision=row.revision,
        may_edit=may_edit_canned(actor, row),
    )


# What a text may name, in either language: {customer} is {客户}.
PLACES = {
    "customer": "客户",
    "number": "工单号",
    "subject": "标题",
    "due": "到期时间",
    "agent": "客服",
    "team": "小组",
}
_NAMES = {zh: en for en, zh in PLACES.items()}
_PLACE = re.compile(r"\{(\w{1,20})\}")


def fill_in(body: str, values: Mapping[str, str]) -> str:
    """The text with its places filled in; a place that nobody knows stays as it is, so that its writer sees it."""
    return _PLACE.sub(lambda m: values.get(_NAMES.get(m[1], m[1]), m[0]), body)


def _values(actor: Actor, ticket: Ticket) -> dict[str, str]:
    known = None if ticket.customer is None else card(actor, ticket.customer, ticket)
    due = ticket.next_due_at
    return {
        "customer": known.name if known and known.is_plain else _("customer"),
        "number": ticket.number,
        "subject": ticket.subject,
        "due": date_format(timezone.localtime(due), "m-d H:i") if due else "–",
        "agent": actor.person.name if actor.person else "",
        "team": ticket.team.name if ticket.team else "",
    }


# --- people ----------------------------------------------------------------------------------------------------------


def people_choices(actor: Actor, ticket: Ticket, q: str) -> list[Choice]:
    """Colleagues whose name or sign-in fits, those who may see the ticket first; the others are marked."""
    fits = Q(name__icontains=q) | Q(username__istartswith=q) if q else Q()
    rows = Person.objects.filter(fits, is_active=True).exclude(pk=actor.id or 0).select_related("team", "department")
    found = []
    for person in rows.prefetch_related("roles").order_by("name", "pk")[: 4 * CHOICES]:
        may_see = sees(of_person(person), ticket)
        place = person.team or person.department
        mark = "" if may_see else _("cannot see this ticket")
        found.append(Choice(person.pk, person.name, place.name if place else "", f"@{person.name} ", mark))
    return sorted(found, key=lambda choice: bool(choice.mark))[:CHOICES]


def others(actor: Actor, ticket: Ticket, since: datetime) -> list[Other]:
    """Who else has the ticket open, writers first."""
    rows = Watcher.objects.filter(ticket=ticket, at__gte=since).exclude(person_id=actor.id or 0)
    found = rows.order_by("-writes", "person__name").values_list("person__name", "writes")
    return [Other(name, writes) for name, writes in found]
