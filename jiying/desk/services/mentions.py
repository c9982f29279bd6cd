"""Who a note names with @ (D5): they are told at once, unless they may not see the ticket, which the writer is told."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jiying.alerts.services import raising
from jiying.base import journal
from jiying.base.actor import Actor, of_person
from jiying.base.errors import Invalid
from jiying.base.models import Person
from jiying.desk.models import Mention, Message, Ticket
from jiying.desk.policies import sees
from jiying.desk.services.holding import KIND, fact

MOST = 20
ALERT = "ticket.mention"
_AT = re.compile(r"[@＠](\S{1,80})")


@dataclass(frozen=True, slots=True)
class Named:
    """A person whom a text names, and whether they may see the ticket it stands on."""

    person: Person
    sees: bool


def named(body: str, chosen: Sequence[int], ticket: Ticket, *, without: int | None) -> list[Named]:
    """Those whom the writer chose, and those whose whole name follows an @, each once."""
    found = _chosen(chosen, body) | _written(body)
    found.pop(without or 0, None)
    if len(found) > MOST:
        raise Invalid.one("body", "too_many", limit=MOST, length=len(found))
    return [Named(person, sees(of_person(person), ticket)) for person in found.values()]


def _chosen(ids: Sequence[int], body: str) -> dict[int, Person]:
    """People picked from the list, as long as their name still stands in the text."""
    if not ids:
        return {}
    rows = Person.objects.filter(pk__in=ids, is_active=True).prefetch_related("roles")
    return {row.pk: row for row in rows if f"@{row.name}" in body}


def _written(body: str) -> dict[int, Person]:
    """People named by hand: the longest name that the word after an @ begins with, where it is one person's."""
    words = _AT.findall(body)
    if not words:
        return {}
    people = list(Person.objects.filter(is_active=True).values_list("pk", "name", "username"))
    ids = {pk for word in words if (pk := _whose(word, people)) is not None}
    return {row.pk: row for row in Person.objects.filter(pk__in=ids).prefetch_related("roles")} if ids else {}


def _whose(word: str, people: Sequence[tuple[int, str, str]]) -> int | None:
    fits = [(len(name), pk) for pk, *names in people for name in names if name and word.startswith(name)]
    longest = max((length for length, _pk in fits), default=0)
    best = {pk for length, pk in fits if length == longest}
    return best.pop() if len(best) == 1 else None


def tell(actor: Actor, ticket: Ticket, message: Message, people: Sequence[Named], now: datetime) -> None:
    """Keep and journal who was named; who may see the ticket is told. In the caller's transaction."""
    if not people:
        return
    Mention.objects.bulk_create(Mention(message=message, person=one.person, told=one.sees) for one in people)
    told = [one.person.pk for one in people if one.sees]
    who = actor.person.name if actor.person else ""
    raising.raise_alerts(
        [
            raising.Notice(
                key=f"{ALERT}:{message.pk}:{person}",
                person_id=person,
                capacity="mentioned",
                kind=ALERT,
                severity="notice",
                subject_kind=KIND,
                subject_id=ticket.pk,
                at=now,
                data={"who": who, "message": message.pk},
            )
            for person in told
        ],
        now=now,
    )
    data = {"message": message.pk, "people": told, "unseen": [one.person.pk for one in people if not one.sees]}
    journal.record(actor, [fact(ticket, "mentioned", now, data, tell=told)], now=now)
