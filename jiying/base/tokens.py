"""API tokens: 256 random bits shown once, kept as SHA-256, cut to scopes."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Q

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.models import ApiToken, Person

PREFIX = "jy_"


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def issue(*, actor: Actor, person: Person, name: str, scopes: Collection[str], now: datetime) -> str:
    """Make a token for a person; the returned text is shown once and never again."""
    token = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken.objects.create(person=person, name=name, digest=digest(token), scopes=sorted(scopes), created_at=now)
    journal.record(
        actor, [journal.Fact("person", person.pk, "token.issued", now, {"token": row.pk, "name": name})], now=now
    )
    return token


def authenticate(token: str, now: datetime) -> Actor | None:
    """The actor of a valid token, else None. `used_at` is kept to the minute, so that reads stay reads."""
    if not token.startswith(PREFIX) or len(token) > 100:
        return None
    row = (
        ApiToken.objects.select_related("person")
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), digest=digest(token), revoked_at__isnull=True)
        .first()
    )
    if row is None or not row.person.is_active:
        return None
    if row.used_at is None or now - row.used_at > timedelta(minutes=1):
        ApiToken.objects.filter(pk=row.pk).update(used_at=now)
    return Actor("token", row.person_id, row.person, frozenset(row.scopes) if row.scopes else None)
