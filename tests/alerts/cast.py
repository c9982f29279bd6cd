"""The people and the made-up kind of subject of the alerts tests: alerts must not know tickets."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from jiying.alerts.services import checks, raising
from jiying.base import subjects, texts
from jiying.base.models import Person, Role, Team

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # Monday, 10:00 in Shanghai


@dataclass
class Promises:
    """A kind of subject `promise`: `over` are those that ended, `met` the alerts' reasons that have passed."""

    over: set[int] = field(default_factory=set)
    met: set[int] = field(default_factory=set)

    def still_true(self, ids: Collection[int]) -> Collection[int]:
        return set(ids) - self.over

    def describe(self, ids: Collection[int]) -> Mapping[int, subjects.Described]:
        return {pk: subjects.Described(f"PR{pk}", f"Parcel <{pk}> lost", f"/promises/{pk}", "P1") for pk in ids}

    def kind(self) -> subjects.Kind:
        return subjects.Kind(
            name="promise",
            lock=lambda ids, skip: dict.fromkeys(ids),
            visible=lambda actor, pk: True,
            recipients=lambda held, points: {},
            describe=self.describe,
            still_true=self.still_true,
            on_clock=lambda held, points, now: None,
            clocks_changed=lambda held: None,
        )


@contextmanager
def registered_promises() -> Iterator[Promises]:
    """Registers the kind, its check and its words, and takes them away again."""
    promises = Promises()
    kinds, known, alert, at = dict(subjects.KINDS), dict(checks.CHECKS), texts.TERMS["alert"], texts.TERMS["alert_at"]
    subjects.register(promises.kind())
    checks.register("promise.", lambda alerts: {a.pk for a in alerts if a.subject_id not in promises.met})
    texts.TERMS["alert"] = {
        **alert,
        "promise.warn": "promise due in %(left)s",
        "promise.due": "promise overdue since %(due)s",
    }
    texts.TERMS["alert_at"] = {**at, "promise.warn": "promise due at %(due)s"}
    try:
        yield promises
    finally:
        subjects.KINDS.clear()
        subjects.KINDS.update(kinds)
        checks.CHECKS.clear()
        checks.CHECKS.update(known)
        texts.TERMS["alert"], texts.TERMS["alert_at"] = alert, at


def person(name: str, *rights: str, **fields: Any) -> Person:
    made: Person = Person.objects.create_person(
        name, name=name.title(), language="en", **{"email": f"{name}@example.com", **fields}
    )
    if rights:
        role, _new = Role.objects.get_or_create(code=f"role-{name}", defaults={"name": name, "rights": list(rights)})
        made.roles.add(role)
    return made


def team(code: str) -> Team:
    return Team.objects.create(code=code, name=code)


def notice(
    who: Person, subject: int = 1, *, kind: str = "promise.due", at: datetime = NOW, late: bool = False
) -> raising.Notice:
    """A breach of promise `subject`, due at `at` (a warning: due a quarter of an hour later)."""
    due_at = at if kind == "promise.due" else at + timedelta(minutes=15)
    return raising.Notice(
        key=f"{kind}:{subject}:{int(at.timestamp())}:{who.pk}",
        person_id=who.pk,
        capacity="assignee",
        kind=kind,
        severity="breach" if kind == "promise.due" else "warning",
        subject_kind="promise",
        subject_id=subject,
        at=at,
        late=late,
        data={"due_at": due_at.isoformat()},
    )
