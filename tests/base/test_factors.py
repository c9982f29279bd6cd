"""Second factors, open sessions, proving again, the facts of access, and the audit with its chain check (D28)."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.cache import caches
from django.db import connection
from django.test import Client, TestCase

from jiying.base import audit, jobs, journal, second_factor, tokens
from jiying.base.errors import Denied
from jiying.base.models import ApiToken, JournalEntry, Person, Role
from tests.cast import PASSWORD, Cast, prove

LOGIN, WHERE = "/accounts/login/", "/me/security/"


@pytest.fixture(autouse=True)
def fresh_cache(db: None) -> Iterator[None]:
    caches["default"].clear()
    yield
    caches["default"].clear()


def code(secret: str, steps: int = 0) -> str:
    return str(totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30 + steps)))


def set_up(client: Client) -> tuple[str, list[str]]:
    """An authenticator app for whoever is signed in: its seed and the recovery codes, as the pages show them."""
    page = client.get("/accounts/2fa/totp/activate/")
    secret = str(client.session["mfa.totp.secret"])
    assert secret in page.content.decode()
    with TestCase.captureOnCommitCallbacks(execute=True):
        done = client.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    assert done["Location"] == "/accounts/2fa/codes/"
    shown = client.get("/accounts/2fa/codes/").content.decode()
    return secret, [part.split("</code>")[0] for part in shown.split('class="jy-secret">')[1:]]


def sign_in(password: str = PASSWORD, name: str = "lin", agent: str = "Mozilla/5.0 (Windows) Firefox/140.0") -> Client:
    client = Client(headers={"user-agent": agent})
    client.post(LOGIN, {"login": name, "password": password})
    return client


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def facts(person: Person) -> list[str]:
    return [entry.kind for entry in journal.of("person", person.pk)]


# --- the second factor -----------------------------------------------------------------------------------------------


def test_a_password_alone_opens_no_account_with_an_app(cast: Cast) -> None:
    secret, codes = set_up(cast.client(cast.lin))
    client = sign_in()
    assert not is_in(client)
    assert "jy-plain" in client.get("/accounts/2fa/authenticate/").content.decode()
    client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert not is_in(client)
    assert client.get("/work/").status_code == 302
    client.post("/accounts/2fa/authenticate/", {"code": code(secret, 1)})
    assert is_in(client)
    assert len(codes) == 10
    assert facts(cast.lin) == [
        "person.factor_added",  # the app
        "person.factor_added",  # its recovery codes
        "person.sign_in_failed",
        "person.signed_in",
    ]


def test_a_recovery_code_opens_once(cast: Cast) -> None:
    _secret, codes = set_up(cast.client(cast.lin))
    for expected in (True, False):
        client = sign_in()
        client.post("/accounts/2fa/authenticate/", {"code": codes[0]})
        assert is_in(client) is expected


def test_seeds_are_stored_sealed(cast: Cast) -> None:
    secret, codes = set_up(cast.client(cast.lin))
    stored = repr(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored
    assert not any(one in stored for one in codes)


def test_factors_ask_for_a_proof_first_and_then_go_on(cast: Cast) -> None:
    client = sign_in()
    asked = client.get("/accounts/2fa/totp/activate/")
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert client.post(asked["Location"], {"password": "wrong"}).status_code == 200
    went = client.post(asked["Location"], {"password": PASSWORD})
    assert went["Location"] == "/accounts/2fa/totp/activate/"
    assert client.get(went["Location"]).status_code == 200


def test_a_sensitive_change_is_kept_until_it_is_proven_who_it_is(cast: Cast) -> None:
    client = sign_in(name="adm")
    form = {"code": "night", "name": "夜班", "rights": ["desk.view_own"]}
    asked = client.post("/people/roles/new", form)
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert not Role.objects.filter(code="night").exists()
    client.post(asked["Location"], {"password": PASSWORD, "next": "/people/roles/new"})
    assert Role.objects.get(code="night").rights == ["desk.view_own"]


def test_a_role_can_need_one_with_days_of_grace(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    Role.objects.filter(code="agent").update(needs_second_factor=True)
    client = cast.client(cast.lin)
    assert client.get("/work/").status_code == 200  # the grace begins
    assert "alert-warning" in client.get(WHERE).content.decode()
    Person.objects.filter(pk=cast.lin.pk).update(second_factor_asked_at=datetime.now(UTC) - timedelta(days=7))
    assert client.get("/work/")["Location"] == "/me/security/?needed=1"
    assert client.get("/work/", headers={"HX-Request": "true"})["HX-Redirect"] == "/me/security/?needed=1"
    assert client.get("/api/v1/tickets").json()["errors"][0]["code"] == "second_factor"
    assert cast.api(cast.lin).get("/api/v1/tickets").status_code == 200  # a token is a secret of its own
    assert cast.client(cast.wang).get("/work/").status_code == 200
    assert client.get(WHERE).status_code == 200
    set_up(client)
    assert client.get("/work/").status_code == 200


def test_a_lost_phone(cast: Cast) -> None:
    set_up(cast.client(cast.lin))
    with pytest.raises(Denied):
        second_factor.take_away(actor=cast.actor(cast.wang), person_id=cast.lin.pk, now=cast.now)
    assert second_factor.has_one(cast.lin.pk)
    assert cast.client(cast.admin).post(f"/people/{cast.lin.pk}/factors").status_code == 302
    assert not Authenticator.objects.filter(user=cast.lin).exists()
    assert is_in(sign_in())


# --- sessions --------------------------------------------------------------------------------------------------------


def test_one_sees_and_ends_ones_browsers(cast: Cast) -> None:
    here, there, third = sign_in(), sign_in(agent="Mozilla/5.0 (iPhone) Safari/604"), sign_in(agent="curl/8")
    page = here.get(WHERE).content.decode()
    assert "Firefox · Windows" in page
    assert "Safari · iPhone" in page
    mine = [row for row in page.split("/me/security/sessions/") if row[0].isdigit()]
    assert len(mine) == 2
    assert cast.client(cast.wang).post(f"/me/security/sessions/{mine[0].split('/')[0]}/end").status_code == 404
    assert here.post("/me/security/sessions/end-others").status_code == 302
    assert [client.get("/me/").status_code for client in (here, there, third)] == [200, 302, 302]


def test_an_administrator_ends_all_sessions_of_somebody(cast: Cast) -> None:
    lin = sign_in()
    assert cast.client(cast.wang).post(f"/people/{cast.lin.pk}/sessions").status_code == 403
    assert lin.get("/me/").status_code == 200
    assert cast.client(cast.admin).post(f"/people/{cast.lin.pk}/sessions").status_code == 302
    assert lin.get("/me/").status_code == 302


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_an_administrator_sees_and_ends_every_token(cast: Cast) -> None:
    cast.token(cast.lin)
    row = ApiToken.objects.get(person=cast.lin)
    assert cast.client(cast.wang).get("/people/tokens/").status_code == 403
    assert cast.client(cast.wang).post(f"/people/tokens/{row.pk}/revoke").status_code == 403
    assert tokens.of_person(cast.lin.pk) == [row]
    client = cast.client(cast.admin)
    assert "林晓" in client.get("/people/tokens/").content.decode()
    assert client.post(f"/people/tokens/{row.pk}/revoke").status_code == 302
    assert cast.api(cast.lin).get("/api/v1/me").status_code == 401


# --- the audit -------------------------------------------------------------------------------------------------------


def test_the_audit_tells_access_and_administration_and_nothing_else(cast: Cast) -> None:
    cast.accepted()  # work on tickets does not belong there
    sign_in("wrong password")
    sign_in()
    sign_in("secret typed as a name", name="my password")
    prove(admin := cast.client(cast.admin), cast.admin)
    admin.post("/people/teams/save", {"code": "night", "name": "夜班组"})
    found = audit.page(cast.actor(cast.admin), audit.Wanted(), None)
    assert [row.kind for row in found.items][:4] == [
        "team.created",
        "sign_in.unknown",
        "person.signed_in",
        "person.sign_in_failed",
    ]
    assert not [row for row in found.items if row.subject_kind == "ticket"]
    assert "my password" not in repr(list(JournalEntry.objects.values_list("data", flat=True)))
    page = admin.get("/audit/").content.decode()
    assert "夜班组" in page
    assert "127.0.0.1" in page
    with pytest.raises(Denied):
        audit.page(cast.actor(cast.wang), audit.Wanted(), None)


def test_the_audit_is_cut_by_person_kind_day_and_subject(cast: Cast) -> None:
    sign_in()
    sign_in(name="zhao")
    actor = cast.actor(cast.admin)

    def kinds(**wanted: object) -> list[str]:
        return [row.kind for row in audit.page(actor, audit.Wanted(**wanted), None).items]  # type: ignore[arg-type]

    today = datetime.now().astimezone().date()
    assert kinds(person=cast.lin.pk) == ["person.signed_in"]
    assert kinds(kind="person.signed_in") == ["person.signed_in"] * 2
    assert kinds(subject_kind="person", subject_id=cast.zhao.pk) == ["person.signed_in"]
    assert kinds(until=today - timedelta(days=2)) == []
    assert cast.client(cast.admin).get("/audit/?since=yesterday").status_code == 422


def test_the_audit_is_paged_without_gaps(cast: Cast) -> None:
    for n in range(7):
        journal.record(cast.actor(cast.admin), [journal.Fact("role", n, "role.changed", cast.now)], now=cast.now)
    actor, seen, before = cast.actor(cast.admin), list[int](), None
    while True:
        found = audit.page(actor, audit.Wanted(kind="role.changed"), before, 3)
        seen += [row.subject_id for row in found.items]
        if found.next_cursor is None:
            break
        before = int(found.next_cursor)
    assert seen == [6, 5, 4, 3, 2, 1, 0]


def _tamper(entry_id: int) -> None:
    """As somebody with the database's own password could: the trigger out of the way, another text in."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER journal_no_update")
        else:
            cursor.execute("ALTER TABLE base_journalentry DISABLE TRIGGER journal_guard")
        cursor.execute("UPDATE base_journalentry SET data = '{\"forged\": 1}' WHERE id = %s", [entry_id])


def test_the_chain_is_checked_by_the_worker_and_says_what_was_changed(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LINKS", 2)
    for n in range(5):
        journal.record(
            cast.actor(cast.admin), [journal.Fact("role", n, "role.changed", cast.now, {"n": n})], now=cast.now
        )
    journal.sequence()
    assert cast.client(cast.wang).post("/audit/check").status_code == 403
    client = cast.client(cast.admin)
    for is_whole in (True, False):
        assert client.post("/audit/check").status_code == 302
        job = audit.last_check()
        assert job is not None
        for _turn in range(20):
            jobs.handle([job.pk], datetime.now(UTC))
        job.refresh_from_db()
        assert job.finished_at is not None
        assert (job.result["n_faults"] == 0) is is_whole
        assert ("hue-red" in client.get("/audit/").content.decode()) is not is_whole
        _tamper(JournalEntry.objects.filter(kind="role.changed").latest("pk").pk) if is_whole else None
    assert audit.faults_of(job)[0][1] == "data"
