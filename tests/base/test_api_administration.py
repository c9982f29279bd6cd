"""People, teams, roles, settings and the audit over the API: done with the rights, refused without, never half."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.test import Client

from jiying.base import due, tokens
from jiying.base.models import ApiToken, JournalEntry, Person, Role, Setting, Team
from tests.cast import PASSWORD, Cast

ZHOU = {"username": "zhou", "name": "周敏", "team": "team1", "roles": ["agent"], "skills": {"order": 3}, "seniority": 2}


@pytest.fixture
def admin(cast: Cast) -> Client:
    return cast.api(cast.admin)


def send(client: Client, method: str, path: str, body: dict[str, Any] | None = None, **more: Any) -> Any:
    return getattr(client, method)(f"/api/v1{path}", body, content_type="application/json", **more)


def test_somebody_is_hired_changed_and_parted_with(cast: Cast, admin: Client) -> None:
    made = send(admin, "post", "/people", ZHOU, headers={"Idempotency-Key": "k1"})
    assert made.status_code == 201, made.content
    one = made.json()
    person = Person.objects.get(pk=one["id"])
    assert person.check_password(one["password"])
    assert (str(person.team), person.skills, sorted(person.role_codes)) == (str(cast.team1), {"order": 3}, ["agent"])
    again = send(admin, "post", "/people", ZHOU, headers={"Idempotency-Key": "k1"}).json()
    assert (again["id"], again["password"]) == (one["id"], None)  # the secret is not kept
    change = {**ZHOU, "name": "周敏敏", "is_active": False, "mark": one["mark"]}
    changed = send(admin, "put", f"/people/{one['id']}", change)
    assert changed.status_code == 200, changed.content
    assert changed.json()["profile"]["is_active"] is False
    assert send(admin, "put", f"/people/{one['id']}", change).status_code == 409  # its mark is of before
    kinds = JournalEntry.objects.filter(subject_kind="person", subject_id=one["id"]).values_list("kind", flat=True)
    assert list(kinds.order_by("id")) == ["person.created", "person.changed"]


def test_a_profile_that_cannot_be_is_refused_with_all_its_faults(admin: Client) -> None:
    n = Person.objects.count()
    answer = send(admin, "post", "/people", {**ZHOU, "team": "nowhere", "roles": ["nobody"], "time_zone": "Mars"})
    assert answer.status_code == 422
    assert {fault["field"] for fault in answer.json()["errors"]} == {"team", "roles", "time_zone"}
    assert Person.objects.count() == n


def test_a_reset_password_is_shown_once_and_opens(cast: Cast, admin: Client) -> None:
    path = f"/people/{cast.lin.pk}/password"
    first = send(admin, "post", path, headers={"Idempotency-Key": "k2"}).json()["password"]
    assert Person.objects.get(pk=cast.lin.pk).check_password(first)
    assert send(admin, "post", path, headers={"Idempotency-Key": "k2"}).json()["password"] == ""


def test_sessions_are_ended_and_factors_taken_away(cast: Cast, admin: Client) -> None:
    at_work = Client(headers={"user-agent": "Firefox"})
    at_work.post("/accounts/login/", {"login": cast.lin.username, "password": PASSWORD})
    assert at_work.get("/me/").status_code == 200
    Authenticator.objects.create(user=cast.lin, type=Authenticator.Type.TOTP, data={"secret": "x"})
    for what, model in (("sessions", UserSession), ("factors", Authenticator)):
        path = f"/people/{cast.lin.pk}/{what}"
        assert send(cast.api(cast.sup), "delete", path).status_code == 403
        assert send(admin, "delete", path).json() == {"n": 1}
        assert not model.objects.filter(user=cast.lin).exists()
        assert send(admin, "delete", path).json() == {"n": 0}
    assert at_work.get("/me/").status_code == 302  # to the sign-in


def test_teams_departments_and_roles(admin: Client) -> None:
    team = send(admin, "put", "/teams/vip", {"name": "大客户组", "department": "logistics"})
    assert team.status_code == 200, team.content
    renamed = {"name": "贵宾组", "department": "", "mark": team.json()["mark"]}
    assert send(admin, "put", "/teams/vip", renamed).json()["department"] is None
    assert Team.objects.get(code="vip").name == "贵宾组"
    assert send(admin, "put", "/teams/vip", {"name": "又一组"}).status_code == 409  # there is one, and no mark
    assert "vip" in {row["code"] for row in send(admin, "get", "/teams").json()["items"]}
    assert send(admin, "put", "/departments/law", {"name": "法务"}).json()["n_people"] == 0
    role = send(admin, "put", "/roles/night", {"name": "夜班", "rights": ["desk.view_own"]}).json()
    assert (role["rights"], role["is_shipped"]) == (["desk.view_own"], False)
    assert "desk.view_own" in send(admin, "get", "/rights").json()
    assert send(admin, "delete", "/roles/night").status_code == 204
    assert send(admin, "delete", "/roles/agent").status_code == 409
    assert not Role.objects.filter(code="night").exists()


def test_a_shipped_role_gets_back_what_was_taken_from_it(admin: Client) -> None:
    role = next(row for row in send(admin, "get", "/roles").json()["items"] if row["code"] == "agent")
    fewer = {"name": role["name"], "rights": role["rights"][1:], "mark": role["mark"]}
    assert send(admin, "put", "/roles/agent", fewer).json()["lacking"] == role["rights"][:1]
    assert send(admin, "post", "/roles/agent/take-shipped").json()["rights"] == role["rights"]


def test_settings(admin: Client) -> None:
    rows = {row["name"]: row for row in send(admin, "get", "/settings").json()["items"]}
    number = next(row for row in rows.values() if row["high"])
    over = {"value": number["high"] + 1, "revision": number["revision"]}
    assert send(admin, "put", f"/settings/{number['name']}", over).status_code == 422
    assert send(admin, "put", "/settings/site.name", {"value": "北辰", "revision": 0}).json()["revision"] == 1
    assert send(admin, "put", "/settings/site.name", {"value": "南辰", "revision": 0}).status_code == 409
    assert send(admin, "put", "/settings/no.such", {"value": 1, "revision": 0}).status_code == 404
    assert Setting.objects.get(key="site.name").value == "北辰"


def test_the_audit_and_the_check_of_the_chain(cast: Cast, admin: Client) -> None:
    send(admin, "put", "/teams/vip", {"name": "大客户组"})
    send(admin, "put", "/departments/law", {"name": "法务"})
    found = send(admin, "get", "/audit?limit=1").json()
    assert found["items"][0]["kind"] == "department.created"
    older = send(admin, "get", f"/audit?kind=team.created&cursor={found['next_cursor']}").json()
    assert [row["subject"] for row in older["items"]] == ["大客户组"]
    assert send(admin, "get", "/audit?since=2026-02-02&until=2026-01-01").status_code == 422
    assert send(admin, "get", "/audit/check").json()["state"] == "never"
    started = send(admin, "post", "/audit/check")
    assert (started.status_code, started.json()["state"]) == (202, "running")
    for _ in range(3):
        due.run(due.SWEEPS["jobs"], cast.now.replace(year=2030))
    checked = send(admin, "get", "/audit/check").json()
    assert (checked["state"], checked["n_faults"], checked["n_done"]) == ("done", 0, checked["n_total"])


@pytest.mark.parametrize("path", ["/people/1/profile", "/settings", "/audit", "/audit/check"])
def test_who_lacks_the_right_reads_nothing(cast: Cast, path: str) -> None:
    assert send(cast.api(cast.lin), "get", path).status_code == 403


def test_a_token_of_few_rights_administers_nothing(cast: Cast) -> None:
    client, n = cast.api(cast.admin, "people.view"), Person.objects.count()
    assert send(client, "get", "/roles").status_code == 200
    assert send(client, "post", "/people", ZHOU).status_code == 403
    assert Person.objects.count() == n


def test_a_browser_left_open_must_prove_who_it_is(cast: Cast) -> None:
    """A session alone makes neither people nor tokens: pages ask for the password once more, and so does this."""
    client = Client(raise_request_exception=False)
    client.force_login(cast.admin, backend="allauth.account.auth_backends.AuthenticationBackend")
    n = Person.objects.count()
    for path, body in (("/people", ZHOU), ("/tokens", {"name": "x"})):
        answer = send(client, "post", path, body)
        assert answer.status_code == 403
        assert answer.json()["errors"][0]["code"] == "prove_again"
    assert (Person.objects.count(), ApiToken.objects.count()) == (n, 0)
    assert send(client, "get", "/roles").status_code == 200
    assert send(cast.client(cast.admin), "post", "/tokens", {"name": "x"}).status_code == 201  # it has proven itself
    assert tokens.of_person(cast.admin.pk)[0].name == "x"
