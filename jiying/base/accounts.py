"""What the command line makes for a person: the first administrator, an API token. Everything else is on the pages."""

import secrets
from collections.abc import Sequence

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from jiying.base import journal, seeds, tokens
from jiying.base.actor import SYSTEM
from jiying.base.errors import Conflict, Invalid, NotFound
from jiying.base.models import Person, Role
from jiying.base.policies import RIGHTS


def make_admin(username: str, password: str | None) -> tuple[str, bool]:
    """An administrator; returns the password and whether it was generated. Raises Conflict or Invalid."""
    now = timezone.now()
    generated = password is None
    password = password or secrets.token_urlsafe(12)
    _check_password(password)
    seeds.roles(now)
    with transaction.atomic():
        if Person.objects.filter(username__iexact=username).exists():
            raise Conflict.one("duplicate", "username", value=username)
        person = Person.objects.create_person(username, password, name=username)
        person.roles.add(Role.objects.get(code="admin"))
        journal.record(SYSTEM, [journal.Fact("person", person.pk, "person.created", now, {"role": "admin"})], now=now)
    return password, generated


def _check_password(password: str) -> None:
    try:
        validate_password(password)
    except ValidationError as error:
        raise Invalid.one("password", "schema", message=" ".join(error.messages)) from None


def issue_token(username: str, name: str, scopes: Sequence[str]) -> str:
    """A token with all rights of the person, or cut to `scopes`. Raises NotFound or Invalid."""
    now = timezone.now()
    unknown = sorted(set(scopes) - set(RIGHTS))
    if unknown:
        raise Invalid.one("scopes", "unknown_value", value=", ".join(unknown), known=", ".join(sorted(RIGHTS)))
    person = Person.objects.filter(username__iexact=username, is_active=True).first()
    if person is None:
        raise NotFound("person", username)
    with transaction.atomic():
        return tokens.issue(actor=SYSTEM, person=person, name=name, scopes=scopes, now=now)
