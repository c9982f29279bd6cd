"""When messages leave the house: gathering first, then the quiet times of the house and of the person (C18)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from jiying.alerts.queries import duty
from jiying.core import alerting

# What was missed comes in many batches: a message of it waits until nothing has been added for so long.
GATHER = timedelta(seconds=2)
WISH_FIELDS = ("alert_wish__quiet_from", "alert_wish__quiet_to", "alert_wish__digest_min")


def wish(quiet_from: str | None, quiet_to: str | None, digest_min: int | None) -> alerting.Wish:
    quiet = alerting.quiet_of(quiet_from, quiet_to) if quiet_from and quiet_to else None
    return alerting.Wish(quiet, digest_min or 0)


def at(about: Iterable[tuple[str, bool]], zone: str, wished: alerting.Wish, now: datetime) -> datetime:
    """When the first of these (severity, told late) may leave the house; the others go with it."""
    told = list(about)
    local = now.astimezone(ZoneInfo(zone or settings.TIME_ZONE))
    site, minute = duty.plan(now).quiet, local.hour * 60 + local.minute
    hold = min(alerting.hold_min(site, wished, severity, minute) for severity, _late in told)
    if hold:
        return now.replace(second=0, microsecond=0) + timedelta(minutes=hold)
    return now + GATHER if any(late for _severity, late in told) else now
