"""What clocks answer about their alerts: which still hold before a message goes out (C16a), and their countdown."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from jiying.alerts.models import Alert
from jiying.base import texts
from jiying.clocks import queries
from jiying.clocks.models import Clock

PREFIX = "clock."


def still_true(alerts: Sequence[Alert]) -> set[int]:
    """Ids of those whose clock is open, not paused, and due at the very instant that the alert was about."""
    clocks = _clocks(alerts)
    return {alert.pk for alert in alerts if _holds(clocks.get(alert.pk), alert.data.get("due_at"))}


def pills(alerts: Sequence[Alert], now: datetime) -> Mapping[int, Any]:
    """The clock pill of each alert as it stands now, for the browser to tick."""
    return {pk: _pill(clock, now) for pk, clock in _clocks(alerts).items()}


def _clocks(alerts: Sequence[Alert]) -> dict[int, Clock]:
    found = Clock.objects.in_bulk({alert.data["clock"] for alert in alerts})
    return {alert.pk: found[alert.data["clock"]] for alert in alerts if alert.data["clock"] in found}


def _holds(clock: Clock | None, due_at: str | None) -> bool:
    if clock is None or clock.due_at is None or due_at is None:
        return False
    return clock.is_open and clock.state != Clock.State.PAUSED and clock.due_at == datetime.fromisoformat(due_at)


def _pill(clock: Clock, now: datetime) -> dict[str, Any]:
    made = queries.pill(clock, now)
    paused = clock.state == Clock.State.PAUSED
    return {
        "metric": clock.metric,
        "state": clock.state,
        "due": made.due,
        "warn1": made.warn1,
        "warn2": made.warn2,
        "open": made.open,
        "left": made.left_s if paused else None,
        "reason": texts.term("hold_reason", clock.paused_reason) if paused else "",
        "ended": queries.second_of(clock.ended_at) if clock.ended_at else None,
    }
