"""How calendars and standards are checked when they are saved, and what follows when they change (C5, C7)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from jiying.base import documents, texts
from jiying.base.actor import Actor
from jiying.base.errors import Fault
from jiying.base.models import Department, Job, VersionedDocument
from jiying.clocks.services import revisions
from jiying.core import calendars as core_calendars
from jiying.core import standards as core_standards

REDATE = "clocks.redate"
DEPARTMENT_RIGHT = "clocks.approve_department"


def _calendar_faults(body: Any) -> list[Fault]:
    if not isinstance(body, dict):
        return [Fault("", "not_an_object")]
    return [Fault(p.path, f"calendar_{p.code}", _readable(p.params)) for p in core_calendars.problems(body)]


def _readable(params: Mapping[str, Any]) -> dict[str, Any]:
    """Minutes of the day as a time of day, weekdays by name, choices in a row: as the form shows them."""
    told: dict[str, Any] = {
        name: ", ".join(map(str, x)) if isinstance(x, list | tuple) else x for name, x in params.items()
    }
    for name in ("start", "end"):
        if isinstance(told.get(name), int):
            told[name] = f"{told[name] // 60:02d}:{told[name] % 60:02d}"
    if isinstance(told.get("day"), int | str) and str(told["day"]) in tuple("0123456"):
        told["day"] = texts.TERMS["weekday"][str(told["day"])]
    return told


def _standard_faults(body: Any) -> list[Fault]:
    known = set(VersionedDocument.objects.filter(kind="calendar").values_list("key", flat=True))
    return [Fault(p.path, f"standard_{p.code}", _readable(p.params)) for p in core_standards.problems(body, known)]


def _calendar_changed(document: VersionedDocument, actor: Actor, now: datetime) -> None:
    """An edited calendar re-dates the running clocks that use it, in one background job with progress (C5)."""
    _start_job(document, actor, now, now)


def _standard_approved(document: VersionedDocument, actor: Actor, now: datetime) -> None:
    """Running clocks keep their version, unless the approval says to re-date them from the effective date (C7)."""
    _redate_if_asked(document, actor, now)
    revisions.finish_by_version(document, actor, now)


def _redate_if_asked(document: VersionedDocument, actor: Actor, now: datetime) -> None:
    if document.redate:
        _start_job(document, actor, now, document.effective_from or now)


def _start_job(document: VersionedDocument, actor: Actor, now: datetime, at: datetime) -> None:
    Job.objects.create(
        kind=REDATE,
        params={"document": document.pk, "kind": document.kind, "key": document.key, "number": document.number},
        wake_at=at,
        created_by=actor.person,
        created_at=now,
    )


CALENDAR = documents.DocumentKind(
    "calendar", "clocks.edit", _calendar_faults, needs_approval=False, approved=_calendar_changed
)


def _agreement_faults(body: Any) -> list[Fault]:
    known = set(VersionedDocument.objects.filter(kind="calendar").values_list("key", flat=True))
    found = core_standards.agreement_problems(body, known)
    faults = [Fault(p.path, f"standard_{p.code}", _readable(p.params)) for p in found]
    asking = body.get("asking") if isinstance(body, dict) else None
    if not faults and asking and not Department.objects.filter(code=asking).exists():
        faults.append(Fault("asking", "not_found", {"kind": "department", "key": asking}))
    return faults


def _agreement_label(document: VersionedDocument) -> str:
    department = Department.objects.filter(code=document.key).first()
    names = {"department": department.label if department else _("Any department")}
    return _("Collaboration standard: %(department)s") % names


def _speaks_for(document: VersionedDocument, capacity: str, actor: Actor) -> bool:
    """Each side speaks for itself only: those asked, and those who ask (the one named, else any other department)."""
    own = actor.person.department.code if actor.person and actor.person.department else None
    if own is None:
        return False
    asking = document.body.get("asking")
    if capacity == "asking":
        return own == asking if asking else own != document.key
    return own == document.key if document.key != core_standards.ANY else own != asking


STANDARD = documents.DocumentKind(
    "standard",
    "clocks.edit",
    _standard_faults,
    approved=_standard_approved,
    url=lambda document: reverse("standards:version", args=[document.number]),
)
AGREEMENT = documents.DocumentKind(
    "collaboration",
    "clocks.edit",
    _agreement_faults,
    approved=_redate_if_asked,
    capacities={"asking": DEPARTMENT_RIGHT, "responding": DEPARTMENT_RIGHT},
    may_approve=_speaks_for,
    url=lambda document: reverse("standards:agreement_version", args=[document.key, document.number]),
    label=_agreement_label,
)
