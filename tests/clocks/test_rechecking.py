"""Before a message goes out its clock is asked again (C16a); what alerts of clocks say, and their countdown."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jiying.alerts import queries
from jiying.alerts.models import Alert, Delivery
from jiying.alerts.services import checks
from jiying.base import due
from jiying.base.models import JournalEntry, Person
from jiying.clocks.models import Clock
from jiying.desk.models import Ticket
from jiying.desk.services import handling, talking
from tests.alerts import cast as promised
from tests.cast import Cast

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
DUE = NOW + timedelta(minutes=30)


@pytest.fixture
def kinds() -> Iterator[None]:
    with promised.registered_promises():
        yield


@pytest.fixture
def clock(kinds: None) -> Clock:
    return Clock.objects.create(
        subject_kind="promise",
        subject_id=1,
        metric="first_response",
        state="running",
        started_at=NOW,
        due_at=DUE,
        calendar="24x7",
        calendar_version=1,
        standard_version=1,
        row="default",
    )


def alert_of(clock: Clock, point: str = "warn1", at: datetime = NOW) -> Alert:
    return Alert.objects.create(
        key=f"clock:{clock.pk}:{point}",
        person=Person.objects.create_person("ann", name="Ann"),
        capacity="assignee",
        kind=f"clock.{point}",
        severity="notice",
        subject_kind="promise",
        subject_id=1,
        data={"clock": clock.pk, "metric": clock.metric, "point": point, "due_at": DUE.isoformat()},
        at=at,
        noticed_at=at,
    )


def test_a_running_clock_with_its_due_time_unchanged_still_holds(clock: Clock):
    assert checks.passed([alert_of(clock)]) == {}


def test_a_breached_clock_that_is_still_open_holds(clock: Clock):
    Clock.objects.update(state="breached", breached_at=DUE)
    assert checks.passed([alert_of(clock, "due", DUE)]) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"state": "met", "ended_at": NOW},
        {"state": "breached", "ended_at": DUE + timedelta(hours=1)},
        {"state": "cancelled"},
        {"state": "paused", "paused_at": NOW},
        {"due_at": DUE + timedelta(seconds=1)},
        {"due_at": None},
    ],
)
def test_met_paused_cancelled_or_redated_holds_no_more(clock: Clock, change: dict[str, Any]):
    alert = alert_of(clock)
    Clock.objects.update(**change)
    assert checks.passed([alert]) == {alert.pk: "reason_passed"}


def test_a_clock_that_is_gone_holds_no_more(clock: Clock):
    alert = alert_of(clock)
    clock.delete()
    assert checks.passed([alert]) == {alert.pk: "reason_passed"}


@pytest.mark.parametrize(
    ("point", "at", "now", "words"),
    [
        ("warn1", NOW, NOW + timedelta(minutes=25, seconds=1), ("5 ",)),
        ("warn2", NOW, DUE + timedelta(hours=1), ("10:30",)),
        ("due", DUE, DUE, ("10:30",)),
        ("late1", DUE + timedelta(minutes=20), DUE + timedelta(hours=3), ("20 ",)),
    ],
)
def test_every_point_says_its_metric_and_time(
    clock: Clock, point: str, at: datetime, now: datetime, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(queries, "PILLS", {})  # this clock's calendar is not stored
    (told,) = queries.told([alert_of(clock, point, at)], now)
    for word in words:
        assert word in told.text
    assert "%(" not in told.text
    assert "clock." not in told.text


# --- with real tickets -----------------------------------------------------------------------------------------------


def warned(cast: Cast) -> Alert:
    """A ticket that Lin has accepted, and the warning that its first response falls due."""
    ticket = cast.accepted(priority="P1")
    due.run(due.SWEEPS["clocks"], cast.now + timedelta(minutes=8))
    alert = Alert.objects.get(kind="clock.warn1", subject_id=ticket.pk, data__metric="first_response")
    assert (alert.state, alert.person) == ("new", cast.lin)
    return alert


def test_a_reply_takes_the_warning_off_the_screen(cast: Cast):
    alert = warned(cast)
    other = cast.accepted(priority="P1", now=cast.now)
    due.run(due.SWEEPS["clocks"], cast.now + timedelta(minutes=8))
    talking.reply(actor=cast.actor(cast.lin), number=number_of(alert), body="您好", now=cast.now + timedelta(minutes=9))
    states = dict(Alert.objects.filter(data__metric="first_response").values_list("subject_id", "state"))
    assert states == {alert.subject_id: "withdrawn", other.pk: "new"}


def test_a_breach_settled_before_its_mail_goes_out_is_withheld(cast: Cast, settings: Any):
    settings.MAIL_ENABLED = True
    Person.objects.filter(pk=cast.wang.pk).update(email="wang@example.com")
    ticket = cast.ticket()
    at = cast.now + timedelta(minutes=10)
    due.run(due.SWEEPS["clocks"], at)
    assert Delivery.objects.get().person == cast.wang
    handling.accept(actor=cast.actor(cast.lin), number=ticket.number, now=at + timedelta(seconds=1))
    due.run(due.SWEEPS["deliveries"], at + timedelta(seconds=2))
    assert Delivery.objects.get().state == "withheld"
    fact = JournalEntry.objects.get(kind="alert.withheld")
    assert (fact.subject_kind, fact.subject_id, fact.data["metric"]) == ("ticket", ticket.pk, "accept")


def number_of(alert: Alert) -> str:
    return Ticket.objects.get(pk=alert.subject_id).number
