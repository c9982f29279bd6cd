"""Where deliveries of one target go: a mailbox, a phone, a group; what still holds there, and how it is sent.

Keeps no rows: leases, merging and putting off are `delivering`'s.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import ngettext

from jiying.alerts import queries
from jiying.alerts.models import Alert, Delivery
from jiying.alerts.services import checks, mails, throttling, ways
from jiying.alerts.services.posting import Line, NotSent
from jiying.base import connections
from jiying.base.models import Person
from jiying.core.robots import Item

OFF = timedelta(minutes=2)  # what waits for a connection that is switched off is looked at so often


class Later(Exception):
    """Not tried: the limit of the other side is reached until then."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"{until}")
        self.until = until


@dataclass(frozen=True, slots=True)
class Target:
    """Whoever gets one digest of all that waits for them: a person by a way, or a group by its connection."""

    person_id: int | None
    way: str
    connection_id: int | None

    @property
    def rows(self) -> Q:
        return Q(person_id=self.person_id, way=self.way, connection_id=self.connection_id)


class Outlet:
    """The line to one target for one turn that began at `now`; time that passes in the turn counts for limits."""

    def __init__(self, target: Target, mail: Line, now: datetime) -> None:
        self._target, self._mail, self._begun, self._started = target, mail, now, time.monotonic()
        self._open = connections.open_by_id(target.connection_id) if target.connection_id else None
        self._way = ways.WAYS.get(self._open.kind) if self._open else None
        self.n_items = self._way.n_items if self._way else 0

    def _now(self) -> datetime:
        return self._begun + timedelta(seconds=time.monotonic() - self._started)

    def rests(self) -> bool:
        """Whether its limit is reached or it is switched off; then all that is due for it is set to a later instant."""
        if self._target.connection_id is None:
            return False
        if self._open is None or self._way is None:
            self._wait(self._now() + OFF, last_error="connection_off")
            return True
        free = throttling.free_at(self._way, self._open, self._now())
        if free <= self._now():
            return False
        self._wait(free)
        return True

    def _wait(self, until: datetime, **more: str) -> None:
        due = Delivery.objects.filter(self._target.rows, state=Delivery.State.WAITING, wake_at__lte=self._now())
        due.filter(lease_until=None).update(wake_at=until, **more)
        due.exclude(lease_until=None).update(wake_at=until, lease_until=until, **more)

    def gone(self, row: Delivery, alerts: Sequence[Alert]) -> dict[int, str]:
        """{alert id: why it need not be told any more}. A group is told while it holds for anybody."""
        if row.way == "group":
            passed = checks.passed(alerts)
            alive = {_fact(alert) for alert in alerts if alert.pk not in passed}
            return {alert.pk: passed[alert.pk] for alert in alerts if _fact(alert) not in alive}
        person = row.person
        if person is None or not person.is_active:
            return dict.fromkeys((alert.pk for alert in alerts), "person_left")
        if not (person.phone if row.way == "sms" else person.email):
            return dict.fromkeys((alert.pk for alert in alerts), "no_number" if row.way == "sms" else "no_address")
        return checks.passed(alerts)

    def letter(self, row: Delivery, alerts: Sequence[Alert]) -> Callable[[], str]:
        """The message, composed; what it returns sends it and says to whom, or raises NotSent or Later."""
        if row.way == "mail" and row.person is not None:
            return partial(self._mail_out, mails.compose(row, row.person, alerts, self._begun))
        return partial(self._hand_over, row, alerts)

    def _mail_out(self, message: EmailMultiAlternatives) -> str:
        self._mail.send(message)
        return str(message.to[0])

    def _hand_over(self, row: Delivery, alerts: Sequence[Alert]) -> str:
        if self._open is None or self._way is None:
            raise NotSent("connection_off")
        message = _message(row, alerts, self._open, self._now())
        token = throttling.take(self._way, self._open, self._now())
        if isinstance(token, throttling.Wait):
            raise Later(token.until)
        try:
            self._way.send(self._open, message)
        except NotSent as error:
            throttling.rest(self._way, self._open, error, self._now())
            connections.failed(self._open.pk, str(error), self._now())
            raise
        finally:
            throttling.put_right(token, self._now())
        connections.succeeded(self._open.pk, self._now())
        return message.phone or self._open.name


def _fact(alert: Alert) -> tuple[str, str, int, datetime]:
    return alert.kind, alert.subject_kind, alert.subject_id, alert.at


def _message(row: Delivery, alerts: Sequence[Alert], open: connections.Open, now: datetime) -> ways.Message:
    """In the language and zone of the person, of a group in those of the house; each fact once, urgent ones first."""
    person = row.person if row.way == "sms" else None
    language = (person.language if person else "") or settings.LANGUAGE_CODE
    zone = ZoneInfo((person.time_zone if person else "") or settings.TIME_ZONE)
    once = {_fact(alert): alert for alert in alerts}
    with translation.override(language), timezone.override(zone):
        told = sorted(queries.told(list(once.values()), now, live=False), key=mails.urgency)
        heading = ngettext("%(n)s alert", "%(n)s alerts", len(told)) % {"n": len(told)}
    items = tuple(_item(one, bool(open.options.get("with_title"))) for one in told)
    return ways.Message(row.key, heading, items, int(now.timestamp() * 1000), _phone(person))


def _phone(person: Person | None) -> str:
    return person.phone if person else ""


def _item(one: queries.Told, with_title: bool) -> Item:
    return Item(
        label=one.label,
        text=one.text,
        priority=one.priority,
        title=one.title if with_title else "",
        url=f"{settings.BASE_URL}{one.url}" if one.url else "",
    )
