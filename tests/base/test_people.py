"""People, teams and roles: who may change them, what is journalled, what a stale or wrong form leaves untouched."""

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from jiying.base import organisation, personnel, settings_store, tokens
from jiying.base.errors import Conflict, Denied, Invalid
from jiying.base.models import ApiToken, Department, JournalEntry, Person, Role, Setting, Team
from jiying.desk.models import AgentLoad, RouteCall
from tests.cast import PASSWORD, Cast

NEW = personnel.Profile(
    username="qian",
    name="钱多多",
    email="qian@example.com",
    team="team1",
    department="service",
    roles=frozenset({"agent"}),
    skills={"refund": 3},
)


def state() -> list[Any]:
    """Everything that a refused request could have changed (a sign-in itself dates `last_login`)."""
    people = [{**row, "last_login": None} for row in Person.objects.order_by("pk").values()]
    tables = (Team, Department, Role, Setting, ApiToken, AgentLoad)
    roles = sorted(Person.objects.values_list("username", "roles__code"), key=str)
    rows = [list(table.objects.order_by("pk").values()) for table in tables]
    return [people, rows, roles, JournalEntry.objects.count()]


def form_of(person: Person, **changed: Any) -> dict[str, Any]:
    """The edit form as the browser would send it back."""
    profile = personnel.profile_of(person)
    form: dict[str, Any] = {name: value or "" for name, value in profile.facts().items() if name != "skills"}
    for number, (code, level) in enumerate(profile.skills.items()):
        form |= {f"skill.{number}.code": code, f"skill.{number}.level": str(level)}
    form["is_active"] = "on" if profile.is_active else ""
    form = {**form, "seen": personnel.fingerprint(person), **changed}
    return {name: value for name, value in form.items() if value != ""}


def page(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, answer.content.decode()[:2000]
    return answer.content.decode()


# --- hiring and changing ---------------------------------------------------------------------------------------------


def test_a_new_person_can_sign_in_with_the_password_shown_once(cast: Cast) -> None:
    person, password = personnel.hire(actor=cast.actor(cast.admin), profile=NEW, now=cast.now)
    assert person.check_password(password)
    assert len(password) >= 16
    assert cast.actor(person).rights >= {"desk.handle"}
    entry = JournalEntry.objects.get(subject_kind="person", subject_id=person.pk)
    assert (entry.kind, entry.actor_id) == ("person.created", cast.admin.pk)
    assert password not in str(entry.data)


def test_the_page_shows_the_password_once_and_never_again(cast: Cast) -> None:
    client = cast.client(cast.admin)
    form = {"name": "钱多多", "username": "qian", "seniority": "1", "roles": ["agent"], "is_active": "on"}
    answer = client.post("/people/new", form)
    person = Person.objects.get(username="qian")
    shown = answer.content.decode().split('class="jy-secret">')[1].split("<")[0]
    assert person.check_password(shown)
    assert "no-store" in answer["Cache-Control"] or "no-cache" in answer["Cache-Control"]
    assert shown not in page(client, f"/people/{person.pk}/")


def test_a_change_is_journalled_with_before_and_after(cast: Cast) -> None:
    client = cast.client(cast.admin)
    form = form_of(cast.lin, team="team2", roles=["agent", "lead"], **{"skill.0.code": "english", "skill.0.level": "4"})
    assert client.post(f"/people/{cast.lin.pk}/edit", form).status_code == 302
    lin = Person.objects.get(pk=cast.lin.pk)
    assert (lin.team, lin.skills) == (cast.team2, {"english": 4})
    assert lin.role_codes == {"agent", "lead"}
    entry = JournalEntry.objects.get(subject_kind="person", subject_id=lin.pk, kind="person.changed")
    assert entry.data["changes"] == {
        "team": ["team1", "team2"],
        "roles": [["agent"], ["agent", "lead"]],
        "skills": [{}, {"english": 4}],
    }
    shown = page(client, f"/people/{lin.pk}/")
    assert cast.admin.name in shown
    assert "team2" in shown


def test_saving_without_a_change_journals_nothing(cast: Cast) -> None:
    before = JournalEntry.objects.count()
    assert cast.client(cast.admin).post(f"/people/{cast.lin.pk}/edit", form_of(cast.lin)).status_code == 302
    assert JournalEntry.objects.count() == before


def test_a_stale_form_is_refused(cast: Cast) -> None:
    seen = personnel.fingerprint(cast.lin)
    profile = personnel.profile_of(cast.lin)
    admin = cast.actor(cast.admin)
    change: dict[str, Any] = {"actor": admin, "person_id": cast.lin.pk, "seen": seen, "now": cast.now}
    personnel.change(**change, profile=replace(profile, seniority=3))
    before = state()
    with pytest.raises(Conflict, match="stale"):
        personnel.change(**change, profile=replace(profile, seniority=4))
    answer = cast.client(cast.admin).post(f"/people/{cast.lin.pk}/edit", form_of(cast.lin, seen=seen))
    assert answer.status_code == 422
    assert state() == before


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"username": "two words"}, "username"),
        ({"username": "LIN"}, "username"),
        ({"name": " "}, "name"),
        ({"email": "nobody"}, "email"),
        ({"employee_no": "9" * 41}, "employee_no"),
        ({"team": "moon"}, "team"),
        ({"department": "moon"}, "department"),
        ({"roles": frozenset({"king"})}, "roles"),
        ({"mentor": "nobody"}, "mentor"),
        ({"seniority": 6}, "seniority"),
        ({"skills": {"refund": 6}}, "skills"),
        ({"skills": {"two words": 1}}, "skills"),
        ({"language": "fr"}, "language"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
    ],
)
def test_wrong_facts_are_refused_at_their_field(cast: Cast, wrong: dict[str, Any], field: str) -> None:
    before = state()
    with pytest.raises(Invalid) as refused:
        personnel.hire(actor=cast.actor(cast.admin), profile=replace(NEW, **wrong), now=cast.now)
    assert [fault.field for fault in refused.value.faults] == [field]
    assert all(fault.text for fault in refused.value.faults)
    assert state() == before


def test_a_wrong_form_keeps_what_was_typed(cast: Cast) -> None:
    before = state()
    form = form_of(cast.lin, email="nobody", time_zone="Mars/Base", **{"skill.0.code": "two words"})
    html = cast.client(cast.admin).post(f"/people/{cast.lin.pk}/edit", form).content.decode()
    assert 'value="nobody"' in html
    assert 'value="two words"' in html
    assert html.count("invalid-feedback") >= 2
    assert state() == before


# --- switching off ---------------------------------------------------------------------------------------------------


def test_switching_off_ends_sessions_and_tokens_but_frees_no_ticket(cast: Cast) -> None:
    ticket = cast.accepted()
    lin, token_client = cast.client(cast.lin), cast.api(cast.lin)
    assert token_client.get("/api/v1/me").status_code == 200
    admin = cast.client(cast.admin)
    told = page(admin, f"/people/{cast.lin.pk}/edit")
    assert f"/tickets/?assignee={cast.lin.pk}" in told
    assert admin.post(f"/people/{cast.lin.pk}/edit", form_of(cast.lin, is_active="")).status_code == 302
    ticket.refresh_from_db()
    assert ticket.assignee_id == cast.lin.pk
    assert f"/tickets/?assignee={cast.lin.pk}" in page(admin, f"/people/{cast.lin.pk}/")
    assert lin.get("/me/").status_code == 302
    tokens.forget()  # a process keeps a token for a second; this test's transaction never commits
    assert token_client.get("/api/v1/me").status_code == 401


def test_nobody_switches_off_themselves_or_the_last_administrator(cast: Cast) -> None:
    before = state()
    admin = cast.actor(cast.admin)
    own = personnel.profile_of(cast.admin)
    change: dict[str, Any] = {
        "actor": admin,
        "person_id": cast.admin.pk,
        "seen": personnel.fingerprint(cast.admin),
        "now": cast.now,
    }
    with pytest.raises(Conflict, match="own_account"):
        personnel.change(**change, profile=replace(own, is_active=False))
    with pytest.raises(Conflict, match="last_administrator"):
        personnel.change(**change, profile=replace(own, roles=frozenset({"agent"})))
    role = Role.objects.get(code="admin")
    with pytest.raises(Conflict, match="last_administrator"):
        organisation.save_role(
            actor=admin,
            code="admin",
            name=role.name,
            rights=["people.view"],
            seen=personnel.mark(organisation.role_facts(role)),
            now=cast.now,
        )
    assert state() == before


def test_a_second_administrator_may_go(cast: Cast) -> None:
    cast.sup.roles.add(Role.objects.get(code="admin"))
    sup = cast.actor(cast.sup)
    gone = replace(personnel.profile_of(cast.admin), is_active=False)
    seen = personnel.fingerprint(cast.admin)
    personnel.change(actor=sup, person_id=cast.admin.pk, profile=gone, seen=seen, now=cast.now)
    assert not Person.objects.get(pk=cast.admin.pk).is_active


def test_a_reset_password_ends_open_sessions(cast: Cast) -> None:
    lin = cast.client(cast.lin)
    assert lin.get("/me/").status_code == 200
    answer = cast.client(cast.admin).post(f"/people/{cast.lin.pk}/password")
    shown = answer.content.decode().split('class="jy-secret">')[1].split("<")[0]
    assert Person.objects.get(pk=cast.lin.pk).check_password(shown)
    assert lin.get("/me/").status_code == 302
    assert JournalEntry.objects.filter(kind="person.password_reset", subject_id=cast.lin.pk).count() == 1


# --- rights ----------------------------------------------------------------------------------------------------------


def test_who_may_not_edit_people_changes_nothing(cast: Cast) -> None:
    before = state()
    edit = form_of(cast.zhao, name="别人")
    for person in (cast.lin, cast.wang, cast.sup, cast.chen, cast.he):
        client = cast.client(person)
        for url, form in (
            ("/people/new", {"name": "x", "username": "x", "seniority": "1"}),
            (f"/people/{cast.zhao.pk}/edit", edit),
            (f"/people/{cast.zhao.pk}/password", {}),
            (f"/people/{cast.zhao.pk}/capacity", {"capacity.chat": "9"}),
            ("/people/teams/save", {"code": "t9", "name": "x"}),
            ("/people/departments/save", {"code": "d9", "name": "x"}),
            ("/people/roles/new", {"code": "r9", "name": "x"}),
            ("/people/roles/agent/", {"name": "x", "rights": ["people.edit"], "seen": "x"}),
            ("/people/roles/agent/remove", {}),
            ("/settings/", {"site.name": "x"}),
        ):
            assert client.post(url, form).status_code == 403, (person.username, url)
    assert state() == before


def test_an_agent_sees_no_people_but_themselves(cast: Cast) -> None:
    client = cast.client(cast.lin)
    for url in ("/people/", f"/people/{cast.zhao.pk}/", "/people/teams/", "/people/roles/", "/people/roles/agent/"):
        page(client, url, 403)
    assert "林晓" in page(client, "/me/")


def test_the_list_shows_team_roles_presence_and_load(cast: Cast) -> None:
    cast.ticket()
    html = page(cast.client(cast.wang), "/people/?team=team1")
    assert "林晓" in html
    assert "赵一凡" not in html
    assert "1 / 75" in html
    assert "赵一凡" in page(cast.client(cast.wang), "/people/?q=赵")
    assert 'class="jy-empty"' in page(cast.client(cast.wang), "/people/?q=nobody-is-called-so")


# --- teams, departments, roles ---------------------------------------------------------------------------------------


def test_teams_and_departments_are_made_and_renamed(cast: Cast) -> None:
    client = cast.client(cast.admin)
    assert client.post("/people/departments/save", {"code": "rd", "name": "研发部"}).status_code == 302
    assert client.post("/people/teams/save", {"code": "team3", "name": "三组", "department": "rd"}).status_code == 302
    team = Team.objects.get(code="team3")
    assert team.department == Department.objects.get(code="rd")
    seen = personnel.mark(organisation.team_facts(team))
    form = {"code": "team3", "name": "研发支持组", "department": "", "seen": seen}
    assert client.post("/people/teams/save", form).status_code == 302
    assert Team.objects.get(code="team3").name == "研发支持组"
    before = state()
    assert client.post("/people/teams/save", {**form, "name": "迟到的"}).status_code == 409  # seen is old now
    assert client.post("/people/teams/save", {"code": "team3", "name": "又一个"}).status_code == 409
    assert client.post("/people/teams/save", {"code": "Team 3", "name": "x"}).status_code == 422
    assert client.post("/people/teams/save", {"code": "team4", "name": " "}).status_code == 422
    assert client.post("/people/departments/save", {"code": "rd", "name": "x", "seen": "old"}).status_code == 409
    assert state() == before


def test_an_own_role_combines_named_rights(cast: Cast) -> None:
    client = cast.client(cast.admin)
    form = {"code": "night-lead", "name": "夜班组长", "rights": ["desk.view_all", "desk.assign"]}
    assert client.post("/people/roles/new", form).status_code == 302
    cast.zhao.roles.set([Role.objects.get(code="night-lead")])
    assert cast.actor(cast.zhao).rights == {"desk.view_all", "desk.assign"}
    assert client.post("/people/roles/night-lead/remove").status_code == 409
    cast.zhao.roles.clear()
    assert client.post("/people/roles/night-lead/remove").status_code == 302
    assert not Role.objects.filter(code="night-lead").exists()
    assert client.post("/people/roles/agent/remove").status_code == 409
    bad = client.post("/people/roles/new", {**form, "rights": ["desk.rule_the_world"]})
    assert bad.status_code == 422
    kinds = list(JournalEntry.objects.filter(subject_kind="role").order_by("pk").values_list("kind", flat=True))
    assert kinds == ["role.created", "role.removed"]


# --- capacity, own page, settings ------------------------------------------------------------------------------------


def test_places_by_channel_are_set_without_touching_the_load(cast: Cast) -> None:
    cast.ticket()
    before = AgentLoad.objects.get(person=cast.lin, channel="web")
    form = {"capacity.web": "3", "capacity.chat": "4", "capacity.phone": "1", "capacity.email": "20"}
    url = f"/people/{cast.lin.pk}/capacity"
    assert (
        cast.client(cast.admin).post(url, {**form, "capacity.social": "10", "capacity.other": "0"}).status_code == 302
    )
    after = AgentLoad.objects.get(person=cast.lin, channel="web")
    assert (after.capacity, after.n_open) == (3, before.n_open)
    entry = JournalEntry.objects.get(kind="person.capacity")
    assert entry.data["changes"] == {"web": [20, 3], "other": [20, 0]}
    assert RouteCall.objects.get(person=cast.lin).wake_at is not None
    was = state()
    for wrong in ("-1", "many", "201"):
        assert cast.client(cast.admin).post(url, {**form, "capacity.web": wrong}).status_code == 422
    assert state() == was


def test_everybody_sets_their_own_language_and_zone(cast: Cast) -> None:
    client = cast.client(cast.lin)
    client.cookies["django_language"] = "zh-hans"
    answer = client.post("/me/", {"language": "en", "time_zone": "Europe/London"})
    assert answer.status_code == 302
    assert answer.cookies["django_language"]["max-age"] == 0  # the browser forgets its own choice
    del client.cookies["django_language"]
    lin = Person.objects.get(pk=cast.lin.pk)
    assert (lin.language, lin.time_zone) == ("en", "Europe/London")
    assert "My account" in page(client, "/me/")
    before = state()
    assert client.post("/me/", {"language": "en", "time_zone": "Mars/Base"}).status_code == 422
    assert state() == before


def test_own_tokens_are_shown_once_and_revoked(cast: Cast) -> None:
    client = cast.client(cast.lin)
    answer = client.post("/me/tokens", {"name": "报表脚本", "scopes": ["desk.view_own"]})
    secret = answer.content.decode().split('class="jy-secret">')[1].split("<")[0]
    actor = tokens.authenticate(secret, cast.now)
    assert actor is not None
    assert actor.rights == {"desk.view_own"}
    assert secret not in page(client, "/me/")
    token = ApiToken.objects.get(name="报表脚本")
    assert cast.client(cast.zhao).post(f"/me/tokens/{token.pk}/revoke").status_code == 404
    assert tokens.authenticate(secret, cast.now) is not None
    assert client.post(f"/me/tokens/{token.pk}/revoke").status_code == 302
    assert tokens.authenticate(secret, cast.now) is None


def test_a_token_never_gets_rights_that_its_person_lacks(cast: Cast) -> None:
    before = state()
    client = cast.client(cast.lin)
    assert client.post("/me/tokens", {"name": "x", "scopes": ["people.edit"]}).status_code == 422
    assert client.post("/me/tokens", {"name": " "}).status_code == 422
    assert state() == before


def test_settings_are_saved_whole_or_not_at_all(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    number = settings_store.Definition("test.number", 5, "A number", low=1, high=9)
    monkeypatch.setitem(settings_store.DEFINITIONS, "test.number", number)
    client = cast.client(cast.admin)
    assert 'name="test.number"' in page(client, "/settings/")
    form = {f"{key}.revision": "0" for key in settings_store.DEFINITIONS}
    form |= {key: str(one.default) for key, one in settings_store.DEFINITIONS.items() if type(one.default) is int}
    before = state()
    wrong = client.post("/settings/", {**form, "site.name": "北辰客服", "test.number": "10"})
    assert wrong.status_code == 422
    assert "invalid-feedback" in wrong.content.decode()
    assert 'value="北辰客服"' in wrong.content.decode()
    assert state() == before
    assert client.post("/settings/", {**form, "site.name": "北辰客服", "test.number": "7"}).status_code == 302
    settings_store.forget()
    assert (settings_store.get("site.name"), settings_store.get("test.number")) == ("北辰客服", 7)
    before = state()
    assert client.post("/settings/", {**form, "site.name": "迟到的", "test.number": "7"}).status_code == 422
    assert state() == before


def test_services_ask_for_the_right_themselves(cast: Cast) -> None:
    before = state()
    sup = cast.actor(cast.sup)
    with pytest.raises(Denied):
        personnel.hire(actor=sup, profile=NEW, now=cast.now)
    with pytest.raises(Denied):
        personnel.reset_password(actor=sup, person_id=cast.lin.pk, now=cast.now)
    with pytest.raises(Denied):
        organisation.save_team(actor=sup, code="x", name="x", department="", seen=None, now=cast.now)
    assert state() == before
    assert cast.lin.check_password(PASSWORD)
