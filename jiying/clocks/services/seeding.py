"""The calendars and the standard of a new installation (C2, C6)."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from jiying.base import documents
from jiying.base.models import VersionedDocument
from jiying.clocks.queries import AGREEMENT
from jiying.core.calendars import CalendarSpec
from jiying.core.standards import SHIPPED, by_department
from jiying.core.statutory import seeded

WORKDAY = ((9 * 60, 12 * 60), (13 * 60 + 30, 18 * 60))
FIRST_YEAR = 2010  # history that is imported reaches back some years


def seed(now: datetime) -> None:
    """Add the shipped calendars and the shipped standard where they are missing."""
    known = set(VersionedDocument.objects.filter(number=1).values_list("kind", "key"))
    with translation.override(settings.LANGUAGE_CODE):
        for kind, key, title, body in _shipped(now):
            if (kind, key) not in known:
                VersionedDocument.objects.create(
                    kind=kind,
                    key=key,
                    number=1,
                    title=title,
                    body=body,
                    state=VersionedDocument.State.APPROVED,
                    effective_from=datetime(2000, 1, 1, tzinfo=now.tzinfo),
                    created_at=now,
                )
    documents.forget()
    _agreements(now)


def _agreements(now: datetime) -> None:
    """Collaboration standards begin as what the standard set says of departments, where nobody has agreed any yet."""
    if VersionedDocument.objects.filter(kind=AGREEMENT).exists():
        return
    number = documents.in_force("standard", now)["default"]
    body = documents.get("standard", "default", number).body
    VersionedDocument.objects.bulk_create(
        VersionedDocument(
            kind=AGREEMENT,
            key=key,
            number=1,
            body=document,
            state=VersionedDocument.State.APPROVED,
            effective_from=datetime(2000, 1, 1, tzinfo=now.tzinfo),
            created_at=now,
        )
        for key, document in by_department(body.get("collaboration", ())).items()
    )
    documents.forget()


def _shipped(now: datetime) -> list[tuple[str, str, str, dict[str, Any]]]:
    return [
        ("calendar", "24x7", _("Round the clock"), always().to_json()),
        ("calendar", "work", _("Workdays"), workdays(now.year).to_json()),
        ("standard", "default", _("Response time standard"), SHIPPED),
    ]


def always() -> CalendarSpec:
    return CalendarSpec(tz=settings.TIME_ZONE, weekly={day: ((0, 1440),) for day in range(7)})


def workdays(year: int) -> CalendarSpec:
    """Monday to Friday with the statutory days of China, as far as their notices are published."""
    spec = CalendarSpec(tz=settings.TIME_ZONE, weekly={day: WORKDAY for day in range(5)})
    return seeded(spec, range(FIRST_YEAR, year + 2))
