"""The alert plan, who is on call, quiet times and digests: as shipped, changed, refused, and by pages and API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from jiying.alerts.models import Alert, Delivery, OnCall, Wish
from jiying.alerts.queries import duty
from jiying.alerts.services import on_call, plans, raising
from jiying.base import documents
from jiying.base.errors import Conflict, Denied, Invalid
from jiying.base.models import JournalEntry
from jiying.desk.services import handling, telling
from tests.cast import Cast

HOUR = timedelta(hours=1)
NIGHT = datetime(2026, 9, 9, 15, 30, tzinfo=UTC)  # 23:30 in Shanghai


def _plan(cast: Cast, **changes: Any) -> None:
    body = {**plans.body(cast.now), **changes}
    plans.save(actor=cast.actor(cast.admin), body=body, seen=duty.version(cast.now), now=cast.now)
    documents.forget()  # a test never commits


def _told(cast: Cast, point: str, metric: str = "resolution", at: datetime | None = None) -> dict[str, tuple[str, str]]:
    at = at or cast.now
    found = telling.watch(at).told(cast.accepted(), point, metric, at)
    names = {p.pk: p.username for p in cast.everybody()}
    return {names[one.person_id]: (one.capacity, " ".join(one.ways or ())) for one in found}


def test_as_shipped_the_supervisor_is_told_with_the_breach_and_the_next_level_when_it_stays(cast: Cast) -> None:
    assert _told(cast, "warn1") == {"lin": ("assignee", "app")}
    assert _told(cast, "due") == {"lin": ("assignee", "app mail"), "wang": ("supervisor", "app mail group")}
    assert _told(cast, "due", "accept") == {"wang": ("supervisor", "app mail group")}
    assert _told(cast, "late1") == {"wang": ("supervisor", "app mail group"), "ma": ("manager", "app mail")}


def test_who_is_on_call_is_told_in_place_of_all_supervisors_outside_open_hours(cast: Cast) -> None:
    admin = cast.actor(cast.admin)
    _plan(
        cast,
        calendar="work",
        rules=[
            {"key": "night", "when": {"hours": ["closed"]}, "tell": {"on_call": ["app", "mail"]}},
            {"key": "day", "tell": {"supervisor": ["app"]}},
        ],
    )
    closed = _closed_instant(cast)
    assert _told(cast, "due", at=closed) == {"wang": ("supervisor", "app mail")}  # nobody is on call: still told
    on_call.add(
        actor=admin, person_id=cast.zhao.pk, team_id=None, starts_at=closed - HOUR, ends_at=closed + HOUR, now=cast.now
    )
    assert _told(cast, "due", at=closed) == {"zhao": ("on_call", "app mail")}
    on_call.add(
        actor=admin, person_id=cast.lin.pk, team_id=cast.team1.pk, starts_at=closed, ends_at=closed + HOUR, now=cast.now
    )
    assert _told(cast, "due", at=closed) == {"lin": ("on_call", "app mail")}
    assert _told(cast, "due", at=closed + HOUR)["wang"][0] == "supervisor"  # its last instant is not on call any more


def _closed_instant(cast: Cast) -> datetime:
    watch = telling.watch(cast.now)
    instants = (cast.now + n * HOUR for n in range(24 * 8))
    return next(at for at in instants if watch.occasion(cast.accepted(), "due", "", at).hours == "closed")


def test_a_rule_that_tells_nobody_raises_nothing(cast: Cast) -> None:
    _plan(cast, rules=[{"key": "silent", "when": {"point": ["escalated"]}, "tell": {}}])
    ticket = cast.accepted()
    Alert.objects.all().delete()
    handling.escalate(actor=cast.actor(cast.lin), number=ticket.number, level=1, reason="投诉", now=cast.now)
    assert not Alert.objects.exists()


def _notice(cast: Cast, severity: str, n: int = 1) -> raising.Notice:
    return raising.Notice(
        key=f"k{severity}{n}", person_id=cast.lin.pk, capacity="assignee", kind="clock.due", severity=severity,
        subject_kind="ticket", subject_id=1, at=NIGHT, ways=("app", "mail"),
    )  # fmt: skip


@pytest.fixture
def mail(settings: Any) -> None:
    settings.MAIL_ENABLED = True


@pytest.mark.usefixtures("mail")
def test_messages_wait_for_the_morning_unless_they_may_go_through(cast: Cast) -> None:
    _plan(cast, quiet={"from": "22:00", "to": "08:00", "through": []})
    raising.raise_alerts([_notice(cast, "breach")], now=NIGHT)
    assert Delivery.objects.get().wake_at == datetime(2026, 9, 10, 0, 0, tzinfo=UTC)  # 08:00 in Shanghai
    raising.raise_alerts([_notice(cast, "critical")], now=NIGHT)
    assert Delivery.objects.order_by("-pk").first().wake_at == NIGHT  # type: ignore[union-attr]


@pytest.mark.usefixtures("mail")
def test_a_person_gathers_messages_and_has_a_quiet_time_of_their_own(cast: Cast) -> None:
    lin = cast.actor(cast.lin)
    on_call.wish(actor=lin, quiet_from="", quiet_to="", digest_min=30, now=NIGHT)
    raising.raise_alerts([_notice(cast, "breach")], now=NIGHT)
    assert Delivery.objects.get().wake_at == NIGHT + HOUR / 2
    Delivery.objects.all().delete()
    on_call.wish(actor=lin, quiet_from="23:00", quiet_to="06:00", digest_min=0, now=NIGHT)
    raising.raise_alerts([_notice(cast, "breach", 2)], now=NIGHT)
    assert Delivery.objects.get().wake_at == datetime(2026, 9, 9, 22, 0, tzinfo=UTC)


def test_a_stale_or_faulty_plan_is_refused_whole(cast: Cast) -> None:
    admin = cast.actor(cast.admin)
    _plan(cast, rules=[])
    with pytest.raises(Conflict):
        plans.save(actor=admin, body=plans.body(cast.now), seen=0, now=cast.now)
    with pytest.raises(Invalid) as refused:
        plans.save(actor=admin, body={"rules": [{"key": "x", "tell": {"boss": ["app"]}}]}, seen=1, now=cast.now)
    assert [(f.field, f.code) for f in refused.value.faults] == [("rules.0.tell.boss", "plan_unknown")]
    assert all(f.text for f in refused.value.faults)
    assert duty.version(cast.now) == 1


def test_only_who_may_changes_the_plan(cast: Cast) -> None:
    for person in cast.everybody():
        actor = cast.actor(person)
        if plans.RIGHT in actor.rights:
            continue
        with pytest.raises(Denied):
            plans.save(actor=actor, body={"rules": []}, seen=0, now=cast.now)
    assert duty.version(cast.now) == 0


def test_a_leader_arranges_their_own_team_only(cast: Cast) -> None:
    wang = cast.actor(cast.wang)
    times = {"starts_at": cast.now, "ends_at": cast.now + HOUR, "now": cast.now}
    about: dict[str, Any] = {"actor": wang, "person_id": cast.lin.pk, **times}
    on_call.add(team_id=cast.team1.pk, **about)
    for team in (cast.team2.pk, None):
        with pytest.raises(Denied):
            on_call.add(team_id=team, **about)
    assert OnCall.objects.count() == 1
    row = OnCall.objects.get()
    with pytest.raises(Denied):
        on_call.remove(actor=cast.actor(cast.lin), on_call_id=row.pk, now=cast.now)
    on_call.remove(actor=wang, on_call_id=row.pk, now=cast.now)
    assert not OnCall.objects.exists()
    assert JournalEntry.objects.filter(subject_kind="on_call").count() == 2


@pytest.mark.parametrize(("hours", "code"), [((2, 1), "on_call_length"), ((0, 24 * 40), "on_call_length"),
                                             ((-5, -1), "on_call_past")])  # fmt: skip
def test_impossible_times_on_call(cast: Cast, hours: tuple[int, int], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        on_call.add(
            actor=cast.actor(cast.admin), person_id=cast.lin.pk, team_id=None, now=cast.now,
            starts_at=cast.now + hours[0] * HOUR, ends_at=cast.now + hours[1] * HOUR,
        )  # fmt: skip
    assert [f.code for f in refused.value.faults] == [code]


def _post(client: Client, path: str, form: dict[str, Any]) -> Any:
    answer = client.post(f"/alerts/plan/{path}", form)
    documents.forget()
    return answer


def test_the_pages_of_the_plan(cast: Cast) -> None:
    client = cast.client(cast.admin)
    assert "/alerts/plan/rules/due/" in client.get("/alerts/plan/").content.decode()
    new = {"seen": "0", "name": "夜间", "when.hours": ["closed"], "tell.on_call": "mail"}
    assert _post(client, "rules/new", new).status_code == 302
    first = plans.body(datetime.now(UTC))["rules"][0]
    assert (first["name"], first["when"], first["tell"]) == (
        "夜间",
        {"hours": ["closed"]},
        {"on_call": ["app", "mail"]},
    )
    again = _post(client, "rules/new", new)
    assert again.status_code == 409 and "夜间" in again.content.decode()
    key = first["key"]
    assert _post(client, f"rules/{key}/down", {"seen": "1"}).status_code == 302
    assert plans.body(datetime.now(UTC))["rules"][1]["key"] == key
    assert _post(client, f"rules/{key}/remove", {"seen": "2"}).status_code == 302
    quiet = {"seen": "3", "from": "22:00", "to": "07:30", "through": ["breach"], "calendar": ""}
    assert _post(client, "times", quiet).status_code == 302
    assert plans.body(datetime.now(UTC))["quiet"] == {"from": "22:00", "to": "07:30", "through": ["breach"]}
    assert _post(client, "times", {**quiet, "seen": "4", "to": "22:00"}).status_code == 422
    agent = cast.client(cast.lin)
    assert agent.get("/alerts/plan/").status_code == 403
    assert agent.post("/alerts/plan/rules/new", {**new, "seen": "4"}).status_code == 403


def test_who_would_be_told(cast: Cast) -> None:
    ticket = cast.accepted()
    lead = cast.client(cast.wang)
    page = lead.get("/supervise/who-is-told", {"ticket": ticket.number}).content.decode()
    assert "林晓" in page and "王芳" in page
    assert lead.get("/supervise/who-is-told", {"ticket": "GD1"}).status_code == 422
    made_up: dict[str, str | int] = {"metric": "resolution", "priority": "P1", "tier": "vip", "team": cast.team1.pk}
    assert "马总" in lead.get("/supervise/who-is-told", made_up).content.decode()
    assert cast.client(cast.lin).get("/supervise/who-is-told").status_code == 403


def test_on_call_and_wishes_as_pages_and_api(cast: Cast) -> None:
    start, end = datetime.now(UTC) + HOUR, datetime.now(UTC) + 2 * HOUR
    lead = cast.client(cast.wang)
    form = {"person": cast.lin.pk, "team": cast.team1.pk, "starts_at": f"{start:%Y-%m-%dT%H:%M}"}
    later = f"{end + 9 * HOUR:%Y-%m-%dT%H:%M}"
    assert lead.post("/alerts/on-call/", {**form, "ends_at": later}).status_code == 302
    assert "林晓" in lead.get("/alerts/on-call/").content.decode()
    assert lead.post("/alerts/on-call/", {**form, "ends_at": form["starts_at"]}).status_code == 422
    api = cast.api(cast.admin)
    row = {"person": cast.lin.pk, "starts_at": start.isoformat(), "ends_at": end.isoformat()}
    made = api.post("/api/v1/on-call", row, content_type="application/json")
    assert made.status_code == 201
    assert len(api.get("/api/v1/on-call").json()["items"]) == 2
    assert api.delete(f"/api/v1/on-call/{made.json()['id']}").status_code == 204
    body = api.get("/api/v1/alerts/plan").json()
    assert body["version"] == 0
    put = {"body": {**body["body"], "quiet": {"from": "1", "to": "2"}}, "seen": 0}
    assert api.put("/api/v1/alerts/plan", put, content_type="application/json").status_code == 422
    wish = {"quiet_from": "22:00", "quiet_to": "07:00", "digest_min": 15}
    assert api.put("/api/v1/me/alert-wishes", wish, content_type="application/json").json() == wish
    assert cast.client(cast.lin).post("/alerts/mine/", wish).status_code == 302
    assert Wish.objects.get(person=cast.lin).digest_min == 15
    assert cast.client(cast.lin).post("/alerts/mine/", {**wish, "quiet_to": ""}).status_code == 422
