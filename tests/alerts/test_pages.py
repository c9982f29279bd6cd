"""The pages of alerts: everybody sees and answers their own, supervisors their team's, health the dead letters."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jiying.alerts import queries
from jiying.alerts.models import Alert, Delivery
from jiying.alerts.services import raising
from jiying.base import settings_store
from jiying.base.models import JournalEntry, Person
from tests.alerts import cast
from tests.alerts.cast import NOW, Promises, notice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("promises")]


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def raised(who: Person, subject: int = 1, **more: Any) -> Alert:
    told = notice(who, subject, **more)
    raising.raise_alerts([told], now=told.at)
    return Alert.objects.get(key=told.key)


@pytest.fixture
def ann() -> Person:
    return cast.person("ann")


@pytest.mark.parametrize("path", ["", "popups", "count", "team/", "deliveries/"])
def test_strangers_are_sent_to_the_door(path: str):
    answer = Client().get(f"/alerts/{path}")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_my_alerts_are_listed_with_what_they_say(ann: Person):
    raised(ann, 1)
    raised(cast.person("ben"), 2)
    page = signed_in(ann).get("/alerts/").content.decode()
    assert "PR1" in page
    assert 'href="/promises/1"' in page
    assert "promise overdue since" in page
    assert "PR2" not in page


def test_an_empty_list_says_what_would_be_here(ann: Person):
    assert 'class="jy-empty"' in signed_in(ann).get("/alerts/").content.decode()


def test_popups_show_what_is_new_until_it_is_seen(ann: Person):
    alert, client = raised(ann), signed_in(ann)
    shown = client.get("/alerts/popups").content.decode()
    assert f'data-alert="{alert.pk}"' in shown
    assert "data-sound" in shown
    assert 'data-level="breached"' in shown
    assert 'data-n="1"' in shown
    after = client.post(f"/alerts/seen?ids={alert.pk}").content.decode()
    assert "data-alert" not in after
    assert 'data-n="0"' in after
    alert.refresh_from_db()
    assert alert.state == "seen"
    assert alert.seen_at is not None


def test_the_bell_counts_what_is_new(ann: Person):
    for n in range(3):
        raised(ann, n)
    assert ">3<" in signed_in(ann).get("/alerts/count").content.decode()
    assert queries.count_new(ann.pk) == 3


def test_taking_note_is_journalled_on_the_subject(ann: Person):
    alert, client = raised(ann, 7), signed_in(ann)
    for _click in range(2):
        assert client.post("/alerts/acknowledge", {"id": alert.pk}).status_code == 302
    alert.refresh_from_db()
    assert alert.state == "acknowledged"
    fact = JournalEntry.objects.get(kind="alert.acknowledged")
    assert (fact.subject_kind, fact.subject_id, fact.actor_id) == ("promise", 7, ann.pk)
    assert fact.rings == f"person:{ann.pk}"


def test_htmx_gets_the_row_back(ann: Person):
    alert = raised(ann)
    answer = signed_in(ann).post("/alerts/acknowledge", {"id": alert.pk}, headers={"HX-Request": "true"})
    row = answer.content.decode()
    assert f'<tr id="alert-{alert.pk}" data-state="acknowledged">' in row
    assert "<form" not in row


def test_noting_all_spares_what_the_page_did_not_show(ann: Person):
    shown, later = raised(ann, 1), raised(ann, 2)
    other = raised(cast.person("ben"), 1)
    signed_in(ann).post("/alerts/acknowledge-all", {"up_to": shown.pk})
    states = dict(Alert.objects.values_list("pk", "state"))
    assert states == {shown.pk: "acknowledged", later.pk: "new", other.pk: "new"}


@pytest.mark.parametrize("way", ["seen?ids={}", "acknowledge?id={}"])
def test_a_foreign_alert_is_denied_and_nothing_changed(ann: Person, way: str):
    foreign = raised(cast.person("ben"))
    before = (list(Alert.objects.values()), JournalEntry.objects.count())
    assert signed_in(ann).post(f"/alerts/{way.format(foreign.pk)}").status_code == 403
    assert (list(Alert.objects.values()), JournalEntry.objects.count()) == before


def test_one_foreign_alert_among_own_ones_denies_all(ann: Person):
    own, foreign = raised(ann), raised(cast.person("ben"))
    assert signed_in(ann).post("/alerts/seen", {"ids": [own.pk, foreign.pk]}).status_code == 403
    assert set(Alert.objects.values_list("state", flat=True)) == {"new"}


@pytest.mark.parametrize(
    ("path", "status"),
    [("acknowledge?id=99", 404), ("acknowledge", 422), ("acknowledge?id=x", 422), ("seen?ids=-1", 422)],
)
def test_bad_input_is_refused(ann: Person, path: str, status: int):
    assert signed_in(ann).post(f"/alerts/{path}").status_code == status


@pytest.mark.parametrize("cursor", ["x", "2026-01-01T00:00:00_1", "2026-01-01T00:00:00+00:00_-1", "_", "_1"])
def test_a_false_cursor_is_refused(ann: Person, cursor: str):
    assert signed_in(ann).get("/alerts/", {"cursor": cursor}).status_code == 422


def test_a_long_list_comes_in_pages_without_gap_or_repeat(ann: Person):
    raising.raise_alerts([notice(ann, n, at=NOW + timedelta(seconds=n // 7)) for n in range(120)], now=NOW)
    seen, cursor = [], ""
    while True:
        page = queries.of_person(ann.pk, NOW, cursor)
        seen += [item.alert.pk for item in page.items]
        cursor = page.cursor
        if not cursor:
            break
    assert seen == list(Alert.objects.order_by("-at", "-pk").values_list("pk", flat=True))


@pytest.mark.usefixtures("still")
def test_the_list_costs_the_same_number_of_queries_however_long(ann: Person):
    client = signed_in(ann)
    costs = []
    for subjects in (range(1), range(1, 40)):
        raising.raise_alerts([notice(ann, n) for n in subjects], now=NOW)
        settings_store.forget()  # kept for a second: both pay for it
        with CaptureQueriesContext(connection) as queries_made:
            client.get("/alerts/")
        costs.append(len(queries_made))
    assert costs[0] == costs[1] <= 7


def test_a_supervisor_sees_the_own_teams_alerts_once_each(ann: Person):
    here, there = cast.team("here"), cast.team("there")
    lead = cast.person("lead", "alerts.view_team", team=here)
    mate, stranger = cast.person("mate", team=here), cast.person("stranger", team=there)
    now = timezone.now()
    for who in (lead, mate):
        raised(who, 1, at=now)
    raised(stranger, 2, at=now)
    page = signed_in(lead).get("/alerts/team/").content.decode()
    assert page.count('href="/promises/1"') == 1
    assert "Mate" in page
    assert "PR2" not in page
    assert signed_in(mate).get("/alerts/team/").status_code == 403


def test_dead_letters_are_shown_with_their_reason_to_those_in_charge(settings: Any, ann: Person):
    settings.MAIL_ENABLED = True
    raised(ann)
    Delivery.objects.update(state="dead", parked_at=NOW, wake_at=None, attempts=16, last_error="550 no such user")
    dead = Delivery.objects.get()
    root = signed_in(cast.person("root", "system.health"))
    page = root.get("/alerts/deliveries/").content.decode()
    assert "550 no such user" in page
    assert f'action="/alerts/deliveries/{dead.pk}/send-again"' in page
    assert signed_in(ann).get("/alerts/deliveries/").status_code == 403
    assert signed_in(ann).post(f"/alerts/deliveries/{dead.pk}/send-again").status_code == 403
    assert Delivery.objects.get().state == "dead"
    assert root.post(f"/alerts/deliveries/{dead.pk}/send-again").status_code == 302
    again = Delivery.objects.get()
    assert (again.state, again.parked_at, again.key) == ("waiting", None, dead.key)


def test_a_warning_says_how_long_is_left_and_in_a_mail_when(promises: Promises, ann: Person):
    alert = raised(ann, kind="promise.warn")
    (live,) = queries.told([alert], NOW + timedelta(minutes=10))
    (kept,) = queries.told([alert], NOW + timedelta(minutes=10), live=False)
    (passed,) = queries.told([alert], NOW + timedelta(minutes=20))
    assert live.text.startswith("promise due in 5 ")
    assert (kept.text, passed.text) == ("promise due at 10:15", "promise due at 10:15")
