"""A delivery as an e-mail, in its person's language and time zone: one alert, or a digest. Sends nothing."""

import zoneinfo
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jiying.alerts import queries
from jiying.alerts.models import Alert, Delivery
from jiying.base import subjects
from jiying.base.actor import of_person
from jiying.base.models import Person

MAX_SUBJECT = 120


def compose(delivery: Delivery, person: Person, alerts: Sequence[Alert], now: datetime) -> EmailMultiAlternatives:
    """The message of these alerts, the most urgent first. Its key and Message-ID are the delivery's on every try."""
    zone = zoneinfo.ZoneInfo(person.time_zone or settings.TIME_ZONE)
    with translation.override(person.language or settings.LANGUAGE_CODE), timezone.override(zone):
        items = sorted(queries.told(alerts, now, live=False), key=urgency)
        context = {
            "items": items,
            "person": person,
            "base_url": settings.BASE_URL,
            "heading": _heading(items),
            "n_late": sum(item.alert.late for item in items),
            "language": translation.get_language(),
        }
        message = EmailMultiAlternatives(
            subject=_subject(items),
            body=render_to_string("alerts/mail.txt", context),
            to=[person.email],
            headers=_headers(delivery.key),
        )
        message.attach_alternative(render_to_string("alerts/mail.html", context), "text/html")
        for file in _enclosed(person, items):
            message.attach(file.name, file.body, file.content_type)
    return message


def _enclosed(person: Person, items: Sequence[queries.Told]) -> list[subjects.Enclosure]:
    """Files of what the mail tells of, each once, as this reader may see them."""
    actor, found = of_person(person), {}
    for alert in (item.alert for item in items):
        file = subjects.kind(alert.subject_kind).enclosed(actor, alert.subject_id)
        if file is not None:
            found[alert.subject_kind, alert.subject_id] = file
    return list(found.values())


def urgency(item: queries.Told) -> tuple[int, datetime, int]:
    """Breaches before warnings; among them what was due first."""
    return 0 if item.level == "breached" else 1, item.due_at or item.alert.at, item.alert.pk


def _subject(items: Sequence[queries.Told]) -> str:
    """What and when, on one line."""
    first = " ".join(f"{items[0].label} {items[0].text}".split())
    if len(items) == 1:
        text = " ".join(f"{first} {items[0].title}".split())
    else:
        text = _("%(n)s alerts, first of all %(first)s") % {"n": len(items), "first": first}
    return text if len(text) <= MAX_SUBJECT else text[: MAX_SUBJECT - 1] + "…"


def _heading(items: Sequence[queries.Told]) -> str:
    n = len(items)
    return ngettext("%(n)s alert for you", "%(n)s alerts for you", n) % {"n": n}


def _headers(key: str) -> dict[str, str]:
    """`Auto-Submitted` keeps out-of-office replies away (RFC 3834)."""
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    return {"Message-ID": f"<{key}@{host}>", "X-Jiying-Key": key, "Auto-Submitted": "auto-generated"}
