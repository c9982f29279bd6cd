"""The browsers in which somebody is signed in, and how they are signed out. Kept by allauth's table of sessions."""

import re
from dataclasses import dataclass
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from jiying.base import access
from jiying.base.actor import Actor
from jiying.base.errors import Denied, NotFound
from jiying.base.models import Person
from jiying.base.policies import require
from jiying.base.transactions import short

_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("MicroMessenger/", "WeChat"), ("Firefox/", "Firefox"))
_BROWSERS_2 = (("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"))


@dataclass(frozen=True, slots=True)
class SessionRow:
    id: int
    ip: str
    browser: str
    since: datetime
    is_here: bool


def browser(agent: str) -> str:
    """“Firefox · Windows” of a user agent; its first word where nothing is known of it."""
    names = [name for mark, name in (*_BROWSERS, *_BROWSERS_2) if mark in agent][:1]
    names += [name for mark, name in (*_SYSTEMS, ("Linux", "Linux")) if mark in agent][:1]
    return " · ".join(names) or re.split(r"[/ ]", agent)[0][:40]


def of_person(person_id: int, here: str) -> list[SessionRow]:
    """The sessions that still hold, the newest first; `here` is the key of the reader's own."""
    kept = {row.session_key: row for row in UserSession.objects.filter(user_id=person_id).order_by("-created_at")}
    alive = set(Session.objects.filter(session_key__in=kept).values_list("session_key", flat=True))
    return [
        SessionRow(row.pk, row.ip, browser(row.user_agent), row.created_at, key == here)
        for key, row in kept.items()
        if key in alive
    ]


@short
def end(*, actor: Actor, session_id: int, now: datetime) -> None:
    """Sign one's own browser out."""
    row = UserSession.objects.filter(pk=session_id, user_id=actor.id or 0).first()
    if row is None:
        raise NotFound("session", session_id)
    _end([row])
    access.note(_person(actor.id), "sessions_ended", now, {"n": 1}, actor)


@short
def end_others(*, actor: Actor, here: str, now: datetime) -> int:
    """Sign out all one's browsers but this one."""
    if actor.person is None:
        raise Denied("people.edit")
    rows = list(UserSession.objects.filter(user_id=actor.person.pk).exclude(session_key=here))
    _end(rows)
    if rows:
        access.note(actor.person, "sessions_ended", now, {"n": len(rows)}, actor)
    return len(rows)


@short
def end_all(*, actor: Actor, person_id: int, now: datetime) -> int:
    """Sign somebody out everywhere, by whoever edits people."""
    require(actor, "people.edit")
    person = _person(person_id)
    rows = list(UserSession.objects.filter(user_id=person_id))
    _end(rows)
    access.note(person, "sessions_ended", now, {"n": len(rows)}, actor)
    return len(rows)


def _person(person_id: int | None) -> Person:
    found = Person.objects.filter(pk=person_id or 0).first()
    if found is None:
        raise NotFound("person", person_id)
    return found


def _end(rows: list[UserSession]) -> None:
    Session.objects.filter(session_key__in=[row.session_key for row in rows]).delete()
    UserSession.objects.filter(pk__in=[row.pk for row in rows]).delete()
