"""Intake forms as people see them: fields to fill in, what a ticket answers, the share of incomplete tickets (D1a)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q

from jiying.base import documents
from jiying.base.errors import NotFound
from jiying.base.models import VersionedDocument
from jiying.core import intake_forms as core
from jiying.desk.models import Category, Ticket

REPORTED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Shown:
    """A field with its value and what is wrong with it."""

    field: core.FormField
    value: str
    errors: list[str]


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of a ticket, own fields that no form asks for among them; `missing` are labels."""

    title: str
    given: list[tuple[str, str]]
    missing: list[str]


@dataclass(frozen=True, slots=True)
class FormRow:
    """A form in force, and how many of its tickets of the last 30 days came in incomplete."""

    key: str
    title: str
    version: int
    fields: list[dict[str, Any]]
    strict: list[str]
    n_tickets: int
    n_incomplete: int
    incomplete_share: int | None


@dataclass(frozen=True, slots=True)
class Forms:
    items: list[FormRow]


def of_category(path: str, now: datetime) -> core.IntakeForm | None:
    """The form that a request of this category is asked by: its own, or that of the nearest category above."""
    ways = [path.rsplit("/", n)[0] for n in range(path.count("/") + 1)]
    keys = dict(Category.objects.filter(path__in=ways, active=True).values_list("path", "form"))
    key = next((keys[way] for way in ways if way in keys), "")
    number = documents.in_force("form", now).get(key) if key else None
    return core.parse(documents.get("form", key, number).body) if number else None


def shown(
    form: core.IntakeForm, channel: str, values: Mapping[str, Any], errors: Mapping[str, list[str]]
) -> list[Shown]:
    """The fields that are asked now, with their values and faults."""
    return [
        Shown(field, str(values.get(field.key) or ""), list(errors.get(field.key, ())))
        for field in core.shown(form, channel, values)
    ]


def of_ticket(ticket: Ticket) -> Answers | None:
    """What a ticket answers to the form that it was taken in with; one query."""
    key, _slash, number = ticket.form.partition("/")
    if not number:
        return None
    document = documents.get("form", key, int(number))
    form = core.parse(document.body)
    asked = core.shown(form, ticket.channel, ticket.fields)
    given = [(f.label, str(ticket.fields[f.key])) for f in asked if ticket.fields.get(f.key) not in (None, "")]
    keys = {f.key for f in form.fields}
    given += [(key, str(value)) for key, value in ticket.fields.items() if key not in keys]
    wrong = {wrong.key for wrong in core.check(form, ticket.channel, ticket.fields)}
    return Answers(document.title or key, given, [f.label for f in asked if f.key in wrong])


# --- configuration and report ----------------------------------------------------------------------------------------


def titles() -> list[tuple[str, str]]:
    return [(d.key, d.title or d.key) for d in _latest()]


def forms(now: datetime) -> Forms:
    """Every form with its figures; three queries for any number of forms."""
    recent = Ticket.objects.filter(received_at__gte=now - REPORTED).exclude(form="")
    counts: dict[str, tuple[int, int]] = {}
    rows = recent.values_list("form").annotate(n=Count("pk"), open=Count("pk", filter=Q(is_incomplete=True)))
    for reference, n, incomplete in rows:
        key = reference.partition("/")[0]
        before = counts.get(key, (0, 0))
        counts[key] = (before[0] + n, before[1] + incomplete)
    return Forms([_row(document, *counts.get(document.key, (0, 0))) for document in _latest()])


def form(key: str, now: datetime) -> FormRow:
    found = next((row for row in forms(now).items if row.key == key), None)
    if found is None:
        raise NotFound("form", key)
    return found


def by_channel(key: str, now: datetime) -> list[tuple[str, int, int]]:
    """(channel, tickets, incomplete ones) of a form in the last 30 days."""
    recent = Ticket.objects.filter(received_at__gte=now - REPORTED, form__startswith=f"{key}/")
    rows = recent.values_list("channel").annotate(n=Count("pk"), open=Count("pk", filter=Q(is_incomplete=True)))
    return [(channel, n, incomplete) for channel, n, incomplete in rows.order_by("channel")]


def _latest() -> list[VersionedDocument]:
    newest: dict[str, VersionedDocument] = {}
    for row in VersionedDocument.objects.filter(kind="form", state="approved").order_by("key", "-number"):
        newest.setdefault(row.key, row)
    return list(newest.values())


def _row(document: VersionedDocument, n: int, incomplete: int) -> FormRow:
    return FormRow(
        key=document.key,
        title=document.title or document.key,
        version=document.number,
        fields=list(document.body["fields"]),
        strict=list(document.body.get("strict", ())),
        n_tickets=n,
        n_incomplete=incomplete,
        incomplete_share=round(100 * incomplete / n) if n else None,
    )


def versions(key: str) -> list[VersionedDocument]:
    rows = VersionedDocument.objects.filter(kind="form", key=key).select_related("created_by")
    return list(rows.order_by("-number")[:20])
