"""Sign-in: lock-out over several processes, only addresses that work, the language switch, a changed password."""

from collections.abc import Iterator
from typing import Any

import pytest
from allauth.core.internal import ratelimit
from django.core.cache import caches
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, reverse

from jiying.base.models import Person
from jiying.base.signin import AccountAdapter
from tests.cast import PASSWORD, Cast

LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def fresh_cache(db: None) -> Iterator[None]:
    caches["default"].clear()
    yield
    caches["default"].clear()


def forget_cache() -> None:
    """Drop the process's own cache object; the next use makes another one."""
    caches["default"].close()
    del caches["default"]


def process() -> Client:
    """A client of another web process: nothing of the cache but its table is shared."""
    forget_cache()
    return Client()


def sign_in(client: Client, password: str = PASSWORD, name: str = "lin") -> bool:
    return client.post(LOGIN, {"login": name, "password": password}).status_code == 302


def test_the_right_password_opens_and_a_wrong_one_does_not(cast: Cast) -> None:
    client = process()
    assert not sign_in(client, "wrong password")
    assert "_auth_user_id" not in client.session
    assert sign_in(client)
    assert client.session["_auth_user_id"] == str(cast.lin.pk)
    assert sign_in(process(), name="LIN")


def test_the_page_that_was_wanted_comes_after_sign_in(cast: Cast) -> None:
    answer = process().post(f"{LOGIN}?next=/me/", {"login": "lin", "password": PASSWORD, "next": "/me/"})
    assert answer["Location"] == "/me/"
    away = process().post(LOGIN, {"login": "lin", "password": PASSWORD, "next": "https://elsewhere.example/"})
    assert away["Location"] == "/"


def test_five_failures_lock_over_two_processes(cast: Cast) -> None:
    first, second = process(), process()
    for turn in range(5):
        forget_cache()
        assert not sign_in((first, second)[turn % 2], "wrong password")
    forget_cache()
    locked = second.post(LOGIN, {"login": "lin", "password": PASSWORD})
    assert locked.status_code == 200
    assert "锁定" in locked.content.decode() or "locked" in locked.content.decode()
    assert not sign_in(process())
    assert sign_in(process(), name="zhao")  # nobody else is locked out


def test_the_lock_opens_by_itself(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    for _turn in range(6):
        sign_in(process(), "wrong password")
    assert not sign_in(process())
    now = ratelimit.time.time()
    monkeypatch.setattr(ratelimit.time, "time", lambda: now + 301)
    assert sign_in(process())


def test_success_between_failures_does_not_hide_them_from_others(cast: Cast) -> None:
    """A person who mistypes twice and then gets in starts afresh only with what the limit says."""
    for _turn in range(4):
        assert not sign_in(process(), "wrong password")
    assert sign_in(process())


def test_somebody_switched_off_does_not_get_in(cast: Cast) -> None:
    Person.objects.filter(pk=cast.lin.pk).update(is_active=False)
    client = process()
    sign_in(client)
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    "path", ["signup/", "email/", "password/reset/", "password/set/", "confirm-email/", "login/code/confirm/"]
)
def test_what_does_not_work_cannot_be_reached(cast: Cast, path: str) -> None:
    for client in (process(), cast.client(cast.lin)):
        assert client.get(f"/accounts/{path}").status_code == 404


@pytest.mark.parametrize("name", ["account_signup", "account_email", "account_reset_password"])
def test_no_page_can_link_there(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)


@pytest.mark.parametrize(("language", "word"), [("zh-hans", 'lang="zh-Hans"'), ("en", "Sign in")])
def test_the_door_speaks_both_languages(cast: Cast, language: str, word: str) -> None:
    client = process()
    assert client.post("/language/", {"language": language, "next": LOGIN})["Location"] == LOGIN
    html = client.get(LOGIN).content.decode()
    assert word in html
    assert "jy-plain" in html
    assert "signup" not in html
    assert "password/reset" not in html


def test_a_changed_password_ends_other_sessions_only(cast: Cast) -> None:
    here, elsewhere = cast.client(cast.lin), cast.client(cast.lin)
    form = {"oldpassword": PASSWORD, "password1": "a new long secret 9", "password2": "a new long secret 9"}
    assert "jy-plain" in here.get("/accounts/password/change/").content.decode()
    wrong = here.post("/accounts/password/change/", {**form, "oldpassword": "guess"})
    assert "invalid-feedback" in wrong.content.decode()
    weak = here.post("/accounts/password/change/", {**form, "password1": "short", "password2": "short"})
    assert "invalid-feedback" in weak.content.decode()
    assert Person.objects.get(pk=cast.lin.pk).check_password(PASSWORD)
    assert here.post("/accounts/password/change/", form)["Location"] == "/me/?password=changed"
    assert here.get("/me/").status_code == 200
    assert elsewhere.get("/me/").status_code == 302
    assert sign_in(process(), "a new long secret 9")


def test_signing_out_ends_the_session(cast: Cast) -> None:
    client = cast.client(cast.lin)
    assert "jy-plain" in client.get("/accounts/logout/").content.decode()
    assert client.get("/me/").status_code == 200  # looking at the page signs nobody out
    assert client.post("/accounts/logout/")["Location"] == LOGIN
    assert client.get("/me/").status_code == 302


def test_too_many_requests_get_a_page_in_our_words(cast: Cast) -> None:
    statuses = []
    for _turn in range(130):
        answer = Client().post(LOGIN, {"login": "", "password": ""})
        statuses.append(answer.status_code)
    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert "jy-plain" in answer.content.decode()


@pytest.mark.parametrize(("peer", "header", "found"), [
    ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # no proxy of ours: anybody can write the header
    ("203.0.113.7", "", "203.0.113.7"),
    ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
    ("127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # what the client made up stands before
    ("10.1.0.5", "6.6.6.6, 198.51.100.1, 10.1.0.9", "198.51.100.1"),  # two proxies of ours
    ("10.2.0.5", "198.51.100.1", "10.2.0.5"),
    ("127.0.0.1", "198.51.100.1, unknown", "127.0.0.1"),
    ("", "198.51.100.1", "198.51.100.1"),  # a socket file
    ("", "", "0.0.0.0"),  # noqa: S104 - not known, never listened on
])  # fmt: skip
def test_only_our_proxies_are_believed(settings: Any, peer: str, header: str, found: str) -> None:
    settings.PROXIES = ["127.0.0.0/8", "10.1.0.0/16"]
    request = RequestFactory().get("/", headers={"X-Forwarded-For": header}, REMOTE_ADDR=peer)
    assert AccountAdapter(request).get_client_ip(request) == found
