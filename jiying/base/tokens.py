"""API tokens: 256 random bits shown once, kept as SHA-256, cut to scopes."""

import hashlib
import secrets
import time
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import F, Q

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid, NotFound
from jiying.base.models import ApiToken, Person
from jiying.base.policies import RIGHTS, require
from jiying.base.transactions import short

PREFIX = "jy_"


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@short
def issue(*, actor: Actor, person: Person, name: str, scopes: Collection[str], now: datetime) -> str:
    """Make a token for a person; the returned text is shown once and never again. No scopes: all rights of the person.

    A token never makes one that can do more than itself: without scopes the new one gets those of the old.
    """
    if unknown := sorted(set(scopes) - RIGHTS.keys()):
        known = ", ".join(sorted(RIGHTS))
        raise Invalid(*(Fault("scopes", "unknown_value", {"value": right, "known": known}) for right in unknown))
    if actor.scopes is not None:
        if more := sorted(set(scopes) - actor.scopes):
            raise Invalid.one("scopes", "scopes", rights=", ".join(more))
        scopes = scopes or actor.scopes
    token = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        person=person, name=name[:80], digest=digest(token), scopes=sorted(scopes), created_at=now
    )
    journal.record(
        actor, [journal.Fact("person", person.pk, "token.issued", now, {"token": row.pk, "name": name})], now=now
    )
    return token


def of_person(person_id: int) -> list[ApiToken]:
    """A person's tokens that still hold, the newest first."""
    return list(ApiToken.objects.filter(person_id=person_id, revoked_at__isnull=True).order_by("-pk"))


def of_all(actor: Actor) -> list[ApiToken]:
    """Every token that still holds, by whoever edits people; those used last first."""
    require(actor, "people.edit")
    rows = ApiToken.objects.filter(revoked_at__isnull=True).select_related("person")
    return list(rows.order_by(F("used_at").desc(nulls_last=True), "-pk")[:500])


@short
def revoke_any(*, actor: Actor, token_id: int, now: datetime) -> None:
    """End anybody's token, by whoever edits people."""
    require(actor, "people.edit")
    row = ApiToken.objects.select_for_update().filter(pk=token_id, revoked_at__isnull=True).first()
    if row is None:
        raise NotFound("token", token_id)
    ApiToken.objects.filter(pk=token_id).update(revoked_at=now)
    data = {"token": token_id, "name": row.name}
    journal.record(actor, [journal.Fact("person", row.person_id, "token.revoked", now, data)], now=now)
    forget()


@short
def revoke(*, actor: Actor, token_id: int, now: datetime) -> None:
    """End one of one's own tokens; it is refused from now on."""
    own = ApiToken.objects.filter(pk=token_id, person_id=actor.id or 0, revoked_at__isnull=True)
    if actor.id is None or not own.update(revoked_at=now):
        raise NotFound("token", token_id)
    journal.record(actor, [journal.Fact("person", actor.id, "token.revoked", now, {"token": token_id})], now=now)
    forget()


def authenticate(token: str, now: datetime) -> Actor | None:
    """The actor of a valid token, else None. `used_at` is kept to the minute, so that reads stay reads.

    What was found is kept for a second: a token that ended, or a right that was taken, is felt that much later.
    """
    if not token.startswith(PREFIX) or len(token) > 100:
        return None
    key = digest(token)
    found = _kept.get(key)
    if found is not None and time.monotonic() - found[0] < _KEEP_S:
        return found[1]
    actor = _find(key, now)
    if actor is not None:
        if len(_kept) >= _MAX_KEPT:
            _kept.clear()
        _kept[key] = (time.monotonic(), actor)
    return actor


def _find(key: str, now: datetime) -> Actor | None:
    row = (
        ApiToken.objects.select_related("person")
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), digest=key, revoked_at__isnull=True)
        .first()
    )
    if row is None or not row.person.is_active:
        return None
    if row.used_at is None or now - row.used_at > timedelta(minutes=1):
        ApiToken.objects.filter(pk=row.pk).update(used_at=now)
    return Actor("token", row.person_id, row.person, frozenset(row.scopes) if row.scopes else None, row.pk)


_KEEP_S, _MAX_KEPT = 1.0, 1000
_kept: dict[str, tuple[float, Actor]] = {}


def forget() -> None:
    """Drop what is kept (after a token ended, and between tests)."""
    _kept.clear()
