"""Single sign-on against a real OpenID provider, started here; it takes nobody without PKCE."""

import base64
import hashlib
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import werkzeug.serving
from allauth.socialaccount.models import SocialAccount
from django.core.cache import caches
from django.test import Client
from oidc_provider_mock import User, app
from werkzeug.wrappers import Request, Response

from jiying.base import oidc, sealing
from jiying.base.models import JournalEntry, Person, Setting
from tests.cast import Cast

SECRET = "a client secret that nobody may read"
START = "/accounts/oidc/sso/login/"
PEOPLE = (
    User(sub="u-1", claims={"email": "LIN@example.com", "email_verified": True, "preferred_username": "lin"}),
    User(sub="u-2", claims={"email": "wang@example.com", "email_verified": False, "preferred_username": "wang"}),
    User(
        sub="u-3",
        claims={"email": "new@example.com", "email_verified": True, "preferred_username": "xin", "name": "新人"},
    ),
)


class Pkce:
    """Before the provider: an authorization without a challenge, or a code without its verifier, goes no further."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.challenges = inner, list[str]()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        if request.path == "/oauth2/authorize" and request.method == "GET":
            if request.args.get("code_challenge_method") != "S256":
                return Response("no PKCE", 400)(environ, start_response)
            self.challenges.append(request.args["code_challenge"])
        if request.path == "/oauth2/token":
            body = request.get_data()
            verifier = parse_qs(body.decode()).get("code_verifier", [""])[0]
            made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
            if made not in self.challenges:
                return Response("wrong verifier", 400)(environ, start_response)
            environ["wsgi.input"] = io.BytesIO(body)
        return self.inner(environ, start_response)


@contextmanager
def provider() -> Iterator[str]:
    server = werkzeug.serving.make_server("localhost", 0, Pkce(app(user_claims=PEOPLE)), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider() as url:
        yield url


@pytest.fixture(autouse=True)
def fresh_cache(db: None) -> Iterator[None]:
    caches["default"].clear()
    yield
    caches["default"].clear()


def configure(cast: Cast, issuer: str, **more: Any) -> None:
    row = Setting.objects.filter(key=oidc.KEY).first()
    config = oidc.Config(enabled=True, name="公司账号", issuer=issuer, client_id="jiying", **more)
    oidc.save(actor=cast.actor(cast.admin), config=config, secret=SECRET, seen=row.revision if row else 0, now=cast.now)


def come(issuer: str, sub: str) -> tuple[Client, Any]:
    """A browser goes to the provider, signs in there as `sub`, and comes back."""
    browser = Client()
    away = browser.get(START)
    assert away.status_code == 302
    assert away["Location"].startswith(f"{issuer}/oauth2/authorize?")
    assert httpx.get(away["Location"]).status_code == 200
    back = httpx.post(away["Location"], data={"sub": sub}, follow_redirects=False)
    where = urlsplit(back.headers["Location"])
    assert where.path == "/accounts/oidc/sso/login/callback/"
    return browser, browser.get(f"{where.path}?{where.query}")


def is_in(browser: Client) -> str | None:
    return browser.session.get("_auth_user_id")


def test_a_verified_address_opens_the_account(cast: Cast, issuer: str) -> None:
    configure(cast, issuer)
    browser, answer = come(issuer, "u-1")
    assert answer["Location"] == "/"
    assert is_in(browser) == str(cast.lin.pk)
    assert SocialAccount.objects.get().user_id == cast.lin.pk
    entry = JournalEntry.objects.get(kind="person.signed_in")
    assert entry.data["way"] == "oidc"
    again, _answer = come(issuer, "u-1")
    assert is_in(again) == str(cast.lin.pk)


def test_an_address_that_was_not_verified_opens_nothing(cast: Cast, issuer: str) -> None:
    configure(cast, issuer)
    browser, answer = come(issuer, "u-2")
    assert (answer.status_code, is_in(browser)) == (403, None)
    assert not SocialAccount.objects.exists()
    configure(cast, issuer, match="username")
    browser, _answer = come(issuer, "u-2")
    assert is_in(browser) == str(cast.wang.pk)


def test_nobody_is_made_unless_that_is_switched_on(cast: Cast, issuer: str) -> None:
    configure(cast, issuer)
    browser, answer = come(issuer, "u-3")
    assert (answer.status_code, is_in(browser)) == (403, None)
    assert not Person.objects.filter(username="xin").exists()
    configure(cast, issuer, makes_people=True, role="agent")
    browser, _answer = come(issuer, "u-3")
    made = Person.objects.get(username="xin")
    assert (made.name, made.email, made.role_codes) == ("新人", "new@example.com", frozenset({"agent"}))
    assert is_in(browser) == str(made.pk)
    assert not made.has_usable_password()


def test_who_is_switched_off_does_not_get_in(cast: Cast, issuer: str) -> None:
    configure(cast, issuer)
    come(issuer, "u-1")
    Person.objects.filter(pk=cast.lin.pk).update(is_active=False)
    browser, _answer = come(issuer, "u-1")
    assert is_in(browser) is None


def test_a_stolen_or_made_up_answer_opens_nothing(cast: Cast, issuer: str) -> None:
    configure(cast, issuer)
    away = Client().get(START)
    back = httpx.post(away["Location"], data={"sub": "u-1"}, follow_redirects=False)
    where = urlsplit(back.headers["Location"])
    thief = Client()
    assert thief.get(f"{where.path}?{where.query}").status_code == 403  # the state is another browser's
    assert is_in(thief) is None
    victim = Client()
    victim.get(START)
    state = parse_qs(urlsplit(victim.get(START)["Location"]).query)["state"][0]
    code = parse_qs(where.query)["code"][0]
    victim.get(f"{where.path}?code={code}&state={state}")  # a code of another start: its verifier does not fit
    assert is_in(victim) is None


def test_off_there_is_no_door(cast: Cast) -> None:
    assert Client().get(START).status_code == 404
    assert START not in Client().get("/accounts/login/").content.decode()


def test_the_page_keeps_the_secret_to_itself(cast: Cast, issuer: str) -> None:
    client = cast.client(cast.admin)
    form = {"enabled": "on", "name": "公司账号", "issuer": issuer, "client_id": "jiying", "match": "email"}
    assert client.post("/settings/sso/", {**form, "secret": SECRET, "seen": "0"}).status_code == 302
    assert SECRET not in client.get("/settings/sso/").content.decode()
    assert SECRET not in repr(list(Setting.objects.values_list("value", flat=True)))
    assert SECRET not in repr(list(JournalEntry.objects.values_list("data", flat=True)))
    assert client.post("/settings/sso/", {**form, "name": "SSO", "secret": "", "seen": "1"}).status_code == 302
    sealed = oidc.config().sealed
    assert sealing.unseal(sealed) == SECRET  # an empty field keeps it
    assert client.post("/settings/sso/", {**form, "seen": "1"}).status_code == 409
    assert "公司账号" not in Client().get("/accounts/login/").content.decode()
    assert START in Client().get("/accounts/login/").content.decode()


def test_the_test_button_says_what_is_wrong(cast: Cast, issuer: str) -> None:
    actor = cast.actor(cast.admin)
    assert oidc.test(actor=actor, config=oidc.Config(issuer=issuer)).code == ""
    assert oidc.test(actor=actor, config=oidc.Config(issuer="http://localhost:9")).code == "no_answer"
    assert oidc.test(actor=actor, config=oidc.Config(issuer=f"{issuer}/elsewhere")).code == "no_answer"
    assert oidc.test(actor=actor, config=oidc.Config(issuer="http://idp.example.com")).code == "bad_issuer"
    client = cast.client(cast.admin)
    bad = {"enabled": "on", "issuer": "http://idp.example.com", "client_id": "x", "match": "email", "seen": "0"}
    assert client.post("/settings/sso/", bad).status_code == 422
    assert not Setting.objects.filter(key=oidc.KEY).exists()
