"""Facts of access for the journal (D28): who signed in and how, who failed, which second factor came or went.

What somebody typed as a user name is never kept: people type their password there.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from jiying.base import journal
from jiying.base.actor import SYSTEM, Actor, of_person
from jiying.base.models import Person

SHOWN_AGENT = 160


def of_request(request: HttpRequest | None) -> dict[str, str]:
    """Where a request comes from: its address and browser."""
    if request is None:
        return {}
    from allauth.account.adapter import get_adapter

    agent = request.META.get("HTTP_USER_AGENT", "")
    return {"ip": get_adapter().get_client_ip(request), "agent": agent[:SHOWN_AGENT]}


def note(person: Person, verb: str, now: datetime, data: Mapping[str, Any], actor: Actor | None = None) -> None:
    """One fact of access about a person, done by themselves unless an actor is named."""
    fact = journal.Fact("person", person.pk, f"person.{verb}", now, data)
    journal.record(actor or of_person(person), [fact], now=now)


def signed_in(*, request: HttpRequest, user: Person, **about: Any) -> None:
    login = about.get("sociallogin")
    way = "oidc" if login is not None else "password"
    note(user, "signed_in", timezone.now(), {"way": way, **of_request(request)})


def signed_out(*, request: HttpRequest, user: Person | None, **_about: Any) -> None:
    if isinstance(user, Person):
        note(user, "signed_out", timezone.now(), of_request(request))


def failed(request: HttpRequest | None, username: str, reason: str) -> None:
    """A sign-in that failed: at the person's journal where there is one of that name, else at nobody's."""
    now = timezone.now()
    person = Person.objects.filter(username__iexact=username).first() if username else None
    data = {"reason": reason, **of_request(request)}
    if person is not None:
        note(person, "sign_in_failed", now, data, SYSTEM)
    else:
        journal.record(SYSTEM, [journal.Fact("sign_in", 0, "sign_in.unknown", now, data)], now=now)


def password_changed(*, request: HttpRequest, user: Person, **_about: Any) -> None:
    note(user, "password_changed", timezone.now(), of_request(request))


def factor_added(*, user: Person, authenticator: Any, request: HttpRequest | None = None, **_about: Any) -> None:
    note(user, "factor_added", timezone.now(), {"factor": str(authenticator.type), **of_request(request)})


def factor_removed(*, user: Person, authenticator: Any, request: HttpRequest | None = None, **_about: Any) -> None:
    note(user, "factor_removed", timezone.now(), {"factor": str(authenticator.type), **of_request(request)})


def factor_failed(*, user: Person, request: HttpRequest | None = None, **_about: Any) -> None:
    note(user, "sign_in_failed", timezone.now(), {"reason": "second_factor", **of_request(request)}, SYSTEM)


def listen() -> None:
    """Hear what allauth does; it offers nothing but signals for this."""
    from allauth.account import signals as account
    from allauth.mfa import signals as mfa
    from django.contrib.auth.signals import user_logged_out

    account.user_logged_in.connect(signed_in)
    user_logged_out.connect(signed_out)
    account.password_changed.connect(password_changed)
    mfa.authenticator_added.connect(factor_added)
    mfa.authenticator_reset.connect(factor_added)
    mfa.authenticator_removed.connect(factor_removed)
    mfa.authentication_failed.connect(factor_failed)
