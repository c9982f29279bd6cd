"""Single sign-on by OpenID Connect (D28): its configuration, whom a provider's claims mean, and allauth's adapter.

From the environment (JIYING_OIDC_ISSUER, _CLIENT_ID, _CLIENT_SECRET) or from the settings page; the environment wins.
The secret is write-only: no page, answer or fact shows it. Code flow with PKCE; nobody is made unless switched on.
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import render
from django.utils import timezone

from jiying.base import access, journal, sealing
from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, Fault, Invalid
from jiying.base.models import Person, Role, Setting
from jiying.base.policies import require
from jiying.base.transactions import short

RIGHT = "system.settings"
KEY = "signin.oidc"  # the row of settings that holds it
PROVIDER = "sso"  # in the addresses of sign-in
MATCHES = ("email", "username")
_TIMEOUT_S = 5
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Config:
    """`match`: by which claim people are found; `makes_people`: who is not found is made, with `role`."""

    enabled: bool = False
    name: str = ""
    issuer: str = ""
    client_id: str = ""
    sealed: str = ""
    match: str = "email"
    makes_people: bool = False
    role: str = ""
    revision: int = 0
    from_environment: bool = False

    @property
    def is_complete(self) -> bool:
        return bool(self.issuer and self.client_id)

    @property
    def has_secret(self) -> bool:
        return bool(self.sealed)


_STORED = ("enabled", "name", "issuer", "client_id", "sealed", "match", "makes_people", "role")


def config() -> Config:
    """As it is now; asked at sign-in only, so nothing is kept."""
    row = Setting.objects.filter(key=KEY).first()
    found = (
        Config(**{name: row.value[name] for name in _STORED if name in row.value}, revision=row.revision)
        if row
        else Config()
    )
    given = settings.OIDC
    if given["issuer"]:
        secret = sealing.seal(given["client_secret"]) if given["client_secret"] else ""
        found = replace(
            found,
            enabled=True,
            issuer=given["issuer"],
            client_id=given["client_id"],
            sealed=secret,
            from_environment=True,
        )
    return found


@short
def save(*, actor: Actor, config: Config, secret: str, seen: int, now: datetime) -> None:
    """Change the configuration; an empty secret keeps the old one. The journal says which fields, never the secret."""
    require(actor, RIGHT)
    row = Setting.objects.select_for_update().filter(key=KEY).first()
    if (row.revision if row else 0) != seen:
        raise Conflict.one("stale")
    before = row.value if row else asdict(Config())
    if faults := _faults(config):
        raise Invalid(*faults)
    sealed = sealing.seal(secret) if secret else before.get("sealed", "")
    value = {name: getattr(config, name) for name in _STORED} | {"sealed": sealed}
    Setting.objects.update_or_create(key=KEY, defaults={"value": value, "revision": seen + 1})
    changes = {
        name: [before.get(name), value[name]]
        for name in _STORED
        if name != "sealed" and before.get(name) != value[name]
    }
    data = {"key": KEY, "changes": changes, **({"secret": "changed"} if secret else {})}
    journal.record(actor, [journal.Fact("setting", 0, "setting.changed", now, data)], now=now)


def _faults(config: Config) -> list[Fault]:
    faults = []
    if config.issuer and not _is_safe(config.issuer):
        faults.append(Fault("issuer", "bad_issuer", {"value": config.issuer[:80]}))
    if config.enabled and not config.issuer:
        faults.append(Fault("issuer", "required", {"field": "issuer"}))
    if config.enabled and not config.client_id:
        faults.append(Fault("client_id", "required", {"field": "client_id"}))
    if config.match not in MATCHES:
        faults.append(Fault("match", "unknown_value", {"value": config.match, "known": ", ".join(MATCHES)}))
    if config.makes_people and not Role.objects.filter(code=config.role).exists():
        faults.append(Fault("role", "required", {"field": "role"}))
    for name, limit in (("name", 80), ("issuer", 300), ("client_id", 200)):
        if len(getattr(config, name)) > limit:
            faults.append(Fault(name, "too_long", {"limit": limit, "length": len(getattr(config, name))}))
    return faults


def _is_safe(issuer: str) -> bool:
    """https, or http to this very machine (a test's provider, a proxy that speaks TLS for us)."""
    parts = urlsplit(issuer)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


@dataclass(frozen=True, slots=True)
class Tested:
    """What the provider's own description said; `code` is empty where all is well."""

    code: str = ""
    issuer: str = ""
    endpoints: tuple[str, ...] = ()
    detail: str = ""


def test(*, actor: Actor, config: Config) -> Tested:
    """Ask the provider for its description: is it there, is it the one, does it speak the code flow."""
    require(actor, RIGHT)
    if not config.issuer or not _is_safe(config.issuer):
        return Tested("bad_issuer")
    try:
        answer = requests.get(_description(config.issuer), timeout=_TIMEOUT_S, allow_redirects=False)
        document = answer.json() if answer.status_code == 200 else None
    except (requests.RequestException, ValueError) as error:
        return Tested("no_answer", detail=type(error).__name__)
    if not isinstance(document, dict):
        return Tested("no_answer", detail=f"HTTP {answer.status_code}")
    issuer = str(document.get("issuer", ""))
    if issuer.rstrip("/") != config.issuer.rstrip("/"):
        return Tested("other_issuer", issuer)
    ends = tuple(str(document.get(name, "")) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"))
    return Tested("" if all(ends) else "incomplete", issuer, ends)


def _description(issuer: str) -> str:
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


# --- whom the claims mean --------------------------------------------------------------------------------------------


def person_of(config: Config, claims: dict[str, Any]) -> Person | None:
    """The active person whom verified claims name; two of one address are nobody."""
    people = Person.objects.filter(is_active=True)
    if config.match == "email":
        if not claims.get("email") or claims.get("email_verified") is not True:
            return None
        found = list(people.filter(email__iexact=str(claims["email"]))[:2])
    else:
        if not claims.get("preferred_username"):
            return None
        found = list(people.filter(username__iexact=str(claims["preferred_username"]))[:2])
    return found[0] if len(found) == 1 else None


@short
def make_person(config: Config, claims: dict[str, Any], now: datetime) -> Person | None:
    """Somebody new, where the house lets the provider make people; never under a name or address that is taken."""
    email = str(claims.get("email") or "") if claims.get("email_verified") is True else ""
    username = str(claims.get("preferred_username") or email.partition("@")[0])[:60]
    role = Role.objects.filter(code=config.role).first()
    taken = Person.objects.filter(username__iexact=username).exists()
    if not config.makes_people or role is None or not username or taken:
        return None
    if email and Person.objects.filter(email__iexact=email).exists():
        return None
    name = str(claims.get("name") or username)[:80]
    person = Person.objects.create_person(username, None, name=name, email=email, created_at=now)
    person.roles.add(role)
    fact = journal.Fact("person", person.pk, "person.created", now, {"role": role.code, "way": "oidc"})
    journal.record(SYSTEM, [fact], now=now)
    return person


class SocialAdapter(DefaultSocialAccountAdapter):
    """allauth's questions: which provider there is, and who somebody is who comes from it."""

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        found = config()
        if not (found.enabled and found.is_complete) or provider not in (None, PROVIDER, "openid_connect"):
            return []
        if client_id not in (None, found.client_id):
            return []
        about = {"server_url": found.issuer.rstrip("/"), "oauth_pkce_enabled": True}
        secret = sealing.unseal(found.sealed) if found.sealed else ""
        return [
            SocialApp(
                provider="openid_connect",
                provider_id=PROVIDER,
                name=found.name,
                client_id=found.client_id,
                secret=secret or "",
                settings=about,
            )
        ]

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """`pre_social_login` has made or refused everybody."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """A known account goes on; a new one is held against people; nobody else gets in."""
        if sociallogin.is_existing:
            return
        known, claims = config(), _claims(sociallogin)
        person = person_of(known, claims) or make_person(known, claims, timezone.now())
        if person is None:
            access.failed(request, "", "oidc_unknown")
            page = render(request, "socialaccount/refused.html", {"match": known.match}, status=403)
            raise ImmediateHttpResponse(page)
        sociallogin.connect(request, person)
        access.note(person, "oidc_connected", timezone.now(), access.of_request(request), SYSTEM)

    def on_authentication_error(self, request: HttpRequest, provider: Any, **about: Any) -> None:
        access.failed(request, "", "oidc_error")
        page = render(request, "socialaccount/refused.html", {"match": ""}, status=403)
        raise ImmediateHttpResponse(page)


def _claims(sociallogin: Any) -> dict[str, Any]:
    data = sociallogin.account.extra_data
    claims = data.get("userinfo") or data.get("id_token") or data
    return dict(claims)
