"""Changes of people (D26, D27): hired, changed, given a new password, switched off. Each is journalled.

A form names the state that it was made from (`fingerprint`); if somebody changed the person meanwhile, it is refused.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from jiying.base import journal, tokens
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Denied, Fault, Invalid, NotFound
from jiying.base.models import Department, Person, Role, Team
from jiying.base.policies import require
from jiying.base.transactions import short

RIGHT = "people.edit"
_USERNAME = re.compile(r"[\w.@-]{1,60}")
_PHONE = re.compile(r"\+?[0-9]{5,19}")
_SKILL = re.compile(r"[\w.:-]{1,40}")
LIMITS = {"name": 80, "employee_no": 40, "shift": 120}


@dataclass(frozen=True, slots=True)
class Holding:
    """Something open that a person still has: words, and where it can be seen."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Extension:
    """What an upper floor adds to people's pages: a column of the list, a section of the page, what they still hold.

    `section(actor, person_id)` gives a template's name and its context, or None where there is nothing to show.
    """

    heading: Any
    cells: Callable[[Collection[int]], Mapping[int, str]]
    section: Callable[[Actor, int], tuple[str, dict[str, Any]] | None]
    holdings: Callable[[int], Sequence[Holding]]
    farewell: Callable[[Actor, int, datetime], None] = lambda actor, person_id, now: None  # somebody is switched off


EXTENSIONS: list[Extension] = []


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything about a person that people may edit. `skills` {code: 1..5}; empty language and zone: the site's."""

    username: str
    name: str
    email: str = ""
    phone: str = ""  # digits, with + before a country's
    employee_no: str = ""
    team: str = ""  # codes; empty for none
    department: str = ""
    roles: frozenset[str] = frozenset()
    mentor: str = ""  # user name
    hire_date: date | None = None
    seniority: int = 1
    skills: Mapping[str, int] = field(default_factory=dict)
    shift: str = ""
    language: str = ""
    time_zone: str = ""
    is_active: bool = True

    def facts(self) -> dict[str, Any]:
        """Plain JSON for the journal and the fingerprint."""
        return {
            "username": self.username,
            "name": self.name,
            "email": self.email,
            "phone": self.phone,
            "employee_no": self.employee_no,
            "team": self.team,
            "department": self.department,
            "roles": sorted(self.roles),
            "mentor": self.mentor,
            "hire_date": self.hire_date.isoformat() if self.hire_date else None,
            "seniority": self.seniority,
            "skills": dict(sorted(self.skills.items())),
            "shift": self.shift,
            "language": self.language,
            "time_zone": self.time_zone,
            "is_active": self.is_active,
        }


def profile_of(person: Person) -> Profile:
    return Profile(
        username=person.username,
        name=person.name,
        email=person.email,
        phone=person.phone,
        employee_no=person.employee_no,
        team=person.team.code if person.team else "",
        department=person.department.code if person.department else "",
        roles=frozenset(person.roles.values_list("code", flat=True)),
        mentor=person.mentor.username if person.mentor else "",
        hire_date=person.hire_date,
        seniority=person.seniority,
        skills=person.skills,
        shift=person.shift,
        language=person.language,
        time_zone=person.time_zone,
        is_active=person.is_active,
    )


def profile(actor: Actor, person_id: int) -> Profile:
    """What can be edited about somebody, for those who may."""
    require(actor, RIGHT)
    person = Person.objects.select_related("team", "department", "mentor").filter(pk=person_id).first()
    if person is None:
        raise NotFound("person", person_id)
    return profile_of(person)


def fingerprint(person: Person) -> str:
    """Names the state of a person, as a form carries it."""
    return mark(profile_of(person).facts())


def mark(facts: Mapping[str, Any]) -> str:
    """The first 16 hex digits of the SHA-256 of these facts."""
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# --- verbs -----------------------------------------------------------------------------------------------------------


@short
def hire(*, actor: Actor, profile: Profile, now: datetime) -> tuple[Person, str]:
    """A new person with a generated password, which is returned once and kept as a hash only."""
    require(actor, RIGHT)
    _check(profile, None)
    password = _new_password()
    person = Person.objects.create_person(profile.username, password, name=profile.name, created_at=now)
    _write(person, profile)
    journal.record(actor, [_fact(person.pk, "created", now, profile.facts())], now=now)
    return person, password


@short
def change(*, actor: Actor, person_id: int, profile: Profile, seen: str, now: datetime) -> Person:
    """Change a person as the form says. Nobody switches off themselves, and somebody must stay who can edit people."""
    person = _locked(person_id)
    require(actor, RIGHT)
    before = profile_of(person).facts()
    if mark(before) != seen:
        raise Conflict.one("stale")
    if not profile.is_active and actor.id == person_id:
        raise Conflict.one("own_account", "is_active")
    _check(profile, person)
    _write(person, profile)
    transaction.on_commit(tokens.forget)  # other processes keep a token's rights for a second more
    _record_changes(actor, person_id, before, profile.facts(), now)
    if before["is_active"] and not profile.is_active:
        for extension in EXTENSIONS:
            extension.farewell(actor, person_id, now)
    if actor.kind != "system":
        require_administrator()
    return person


@short
def change_own(*, actor: Actor, phone: str, language: str, time_zone: str, now: datetime) -> Person:
    """One's own number, language and time zone; everything else about oneself is for those who edit people."""
    if actor.id is None:
        raise Denied(RIGHT)
    person = _locked(actor.id)
    if faults := [*_check_phone(phone), *_check_language(language), *_check_zone(time_zone)]:
        raise Invalid(*faults)
    before = profile_of(person).facts()
    person.phone, person.language, person.time_zone = phone, language, time_zone
    person.save(update_fields=["phone", "language", "time_zone"])
    _record_changes(actor, person.pk, before, profile_of(person).facts(), now)
    return person


@short
def reset_password(*, actor: Actor, person_id: int, now: datetime) -> str:
    """A generated password, returned once. Sessions of the person end, because they were sealed with the old one."""
    person = _locked(person_id)
    require(actor, RIGHT)
    password = _new_password()
    person.set_password(password)
    person.save(update_fields=["password"])
    journal.record(actor, [_fact(person_id, "password_reset", now, {})], now=now)
    return password


def holdings(person_id: int) -> list[Holding]:
    """What the person still has, by every floor: switching somebody off frees none of it."""
    return [one for extension in EXTENSIONS for one in extension.holdings(person_id)]


def require_administrator() -> None:
    """Conflict unless somebody active is left who can edit people. Roles are locked: two cannot leave at once."""
    roles = [role.pk for role in Role.objects.select_for_update().order_by("pk") if RIGHT in role.rights]
    if not Person.objects.filter(is_active=True, roles__in=roles).exists():
        raise Conflict.one("last_administrator")


def _locked(person_id: int) -> Person:
    # Not FOR UPDATE: rows that name this person are written meanwhile (journal, tickets), and must not wait for us.
    person = Person.objects.select_for_update(no_key=True, of=("self",)).filter(pk=person_id).first()
    if person is None:
        raise NotFound("person", person_id)
    return person


def _new_password() -> str:
    return secrets.token_urlsafe(12)


def _write(person: Person, profile: Profile) -> None:
    person.username, person.name, person.email = profile.username, profile.name.strip(), profile.email
    person.phone = profile.phone
    person.employee_no, person.hire_date, person.seniority = profile.employee_no, profile.hire_date, profile.seniority
    person.team = Team.objects.filter(code=profile.team).first()
    person.department = Department.objects.filter(code=profile.department).first()
    person.mentor = Person.objects.filter(username=profile.mentor).first() if profile.mentor else None
    person.skills, person.language, person.time_zone = dict(profile.skills), profile.language, profile.time_zone
    person.is_active, person.shift = profile.is_active, profile.shift.strip()
    person.save()
    person.roles.set(Role.objects.filter(code__in=profile.roles))


def _record_changes(
    actor: Actor, person_id: int, before: Mapping[str, Any], after: Mapping[str, Any], now: datetime
) -> None:
    changed = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    if changed:
        journal.record(actor, [_fact(person_id, "changed", now, {"changes": changed})], now=now)


def _fact(person_id: int, verb: str, now: datetime, data: Mapping[str, Any]) -> journal.Fact:
    return journal.Fact("person", person_id, f"person.{verb}", now, data)


# --- checks ----------------------------------------------------------------------------------------------------------


def _check(profile: Profile, person: Person | None) -> None:
    faults = [
        *_check_username(profile.username, person),
        *_check_texts(profile),
        *_check_choices(profile, person),
        *_check_skills(profile.skills),
        *_check_language(profile.language),
        *_check_zone(profile.time_zone),
    ]
    if faults:
        raise Invalid(*faults)


def _check_username(username: str, person: Person | None) -> list[Fault]:
    if not _USERNAME.fullmatch(username):
        return [Fault("username", "bad_username")]
    others = Person.objects.filter(username__iexact=username)
    if person is not None:
        others = others.exclude(pk=person.pk)
    return [Fault("username", "duplicate", {"value": username})] if others.exists() else []


def _check_texts(profile: Profile) -> list[Fault]:
    faults = [Fault("name", "required", {"field": "name"})] if not profile.name.strip() else []
    for name, limit in LIMITS.items():
        length = len(getattr(profile, name))
        if length > limit:
            faults.append(Fault(name, "too_long", {"limit": limit, "length": length}))
    if profile.email:
        try:
            validate_email(profile.email)
        except ValidationError:
            faults.append(Fault("email", "bad_address", {"value": profile.email[:80]}))
    return faults + _check_phone(profile.phone)


def _check_phone(phone: str) -> list[Fault]:
    return [Fault("phone", "bad_phone", {"value": phone[:40]})] if phone and not _PHONE.fullmatch(phone) else []


def _check_choices(profile: Profile, person: Person | None) -> list[Fault]:
    faults = []
    for name, model in (("team", Team), ("department", Department)):
        code = getattr(profile, name)
        if code and not model.objects.filter(code=code).exists():
            faults.append(Fault(name, "not_found", {"kind": name, "key": code}))
    known = set(Role.objects.values_list("code", flat=True))
    faults += [Fault("roles", "not_found", {"kind": "role", "key": code}) for code in sorted(profile.roles - known)]
    if not 1 <= profile.seniority <= 5:
        faults.append(Fault("seniority", "out_of_range", {"low": 1, "high": 5}))
    mentor = Person.objects.filter(username=profile.mentor).first() if profile.mentor else None
    if profile.mentor and (mentor is None or mentor == person):
        faults.append(Fault("mentor", "not_found", {"kind": "person", "key": profile.mentor}))
    return faults


def _check_skills(skills: Mapping[str, int]) -> list[Fault]:
    faults = []
    for code, level in skills.items():
        if not _SKILL.fullmatch(code):
            faults.append(Fault("skills", "bad_code"))
        if not 1 <= level <= 5:
            faults.append(Fault("skills", "out_of_range", {"low": 1, "high": 5}))
    return faults


def _check_language(language: str) -> list[Fault]:
    known = dict(settings.LANGUAGES)
    if language and language not in known:
        return [Fault("language", "unknown_value", {"value": language, "known": ", ".join(known)})]
    return []


def _check_zone(zone: str) -> list[Fault]:
    if zone and zone not in available_timezones():
        return [Fault("time_zone", "unknown_zone", {"value": zone[:60]})]
    return []
