"""What a request is and whom it needs: priority by rule (D21), skills by category and language, candidates (D23)."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import F, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.db.models.lookups import Contains

from jiying.base import documents
from jiying.base.databases import prepared
from jiying.base.errors import Fault, Invalid
from jiying.base.models import Person
from jiying.core import priority as core_priority
from jiying.core import routing
from jiying.desk.models import AgentLoad, Category, Customer, Ticket
from jiying.desk.policies import could_hold, holders

PRIORITY_RULES = "default"
MAX_TAGS, MAX_TAG = 20, 40
_SKILL_TAG = "skill:"  # a tag that asks for a skill at level 1
_CATEGORY_CACHE_S = 1.0
_categories: tuple[float, dict[str, Category]] = (0.0, {})


@lru_cache(maxsize=16)
def rules(version: int) -> core_priority.RuleSet:
    """A version of the priority rules; versions never change, so what was parsed is kept."""
    return core_priority.parse(documents.get("priority", PRIORITY_RULES, version).body)


def decide_priority(request: core_priority.Request, now: datetime) -> tuple[str, dict[str, Any]]:
    """The priority by the rules in force, and why (codes and values)."""
    version = documents.in_force("priority", now)[PRIORITY_RULES]
    decision = core_priority.decide(rules(version), request)
    return decision.priority, {**decision.as_data(), "version": version}


def categories() -> dict[str, Category]:
    """All active categories by path, asked at most once a second: routing reads them for each ticket."""
    global _categories
    if time.monotonic() - _categories[0] > _CATEGORY_CACHE_S:
        _categories = (time.monotonic(), {c.path: c for c in Category.objects.filter(active=True)})
    return _categories[1]


def forget() -> None:
    """Drop what is kept (between tests)."""
    global _categories
    _categories = (0.0, {})
    rules.cache_clear()


def tag_faults(field: str, tags: Sequence[str]) -> list[Fault]:
    """What is wrong with tags of a ticket or a customer."""
    if len(tags) <= MAX_TAGS and all(0 < len(tag) <= MAX_TAG and "\x00" not in tag for tag in tags):
        return []
    return [Fault(field, "bad_tags", {"limit": MAX_TAGS})]


def category_of(path: str) -> Category | None:
    """The category of a path, or its nearest known parent; None for no category."""
    known = categories()
    while path:
        if path in known:
            return known[path]
        path = path.rpartition("/")[0]
    return None


def type_of(given: str, path: str) -> str:
    """The type of a request: as given, else its category's, else an inquiry."""
    category = None if given else category_of(path)
    return given or (category.type if category else "") or "inquiry"


def check_category(path: str) -> None:
    if path and path not in categories():
        raise Invalid.one("category", "unknown_value", value=path, known=", ".join(sorted(categories())[:20]))


def need_of(ticket: Ticket, customer: Customer | None, tried: Iterable[int] = ()) -> routing.Need:
    """What this ticket asks of an agent."""
    category = category_of(ticket.category)
    skills = dict(category.skills) if category else {}
    for tag in ticket.tags:
        if tag.startswith(_SKILL_TAG):
            skills.setdefault(tag.removeprefix(_SKILL_TAG), 1)
    return routing.Need(
        channel=ticket.channel,
        priority=ticket.priority,
        skills=skills,
        tier=ticket.tier,
        language=(customer.language or None) if customer else None,
        dedicated=customer.dedicated_id if customer else None,
        tried=frozenset(tried),
    )


def fitting(skills: Mapping[str, int]) -> Q:
    """Tickets that somebody with these skills may have, as far as the database can tell: category, language, tags.

    `core.routing` decides: of several tags, and of a path below a known category, only it knows all.
    """
    beyond = [
        path
        for path, category in categories().items()
        if any(skills.get(skill, -1) < level for skill, level in category.skills.items())
    ]
    prefix = routing.LANGUAGE_SKILL
    spoken = [skill.removeprefix(prefix) for skill in skills if skill.startswith(prefix)]
    fits = Q(customer__isnull=True) | Q(customer__language__in=["", *spoken])
    untagged = ~Q(_in_tags(f'"{_SKILL_TAG}'))
    fits &= Q(untagged, *(Q(_in_tags(_as_stored(_SKILL_TAG + skill))) for skill in skills), _connector=Q.OR)
    return fits & ~Q(category__in=beyond) if beyond else fits


def _in_tags(text: str) -> Contains:
    return Contains(Cast("tags", TextField()), text)


def _as_stored(tag: str) -> str:
    """A tag as it stands in the stored list: SQLite keeps the JSON as Python wrote it, PostgreSQL writes its own."""
    return json.dumps(tag, ensure_ascii=connection.vendor == "sqlite")


_COLUMNS = (
    "channel",
    "person_id",
    "capacity",
    "n_open",
    "idle_since",
    "person__presence",
    "person__skills",
    "person__seniority",
)


# Asked for each ticket: compiling this query with the ORM costs more than the database needs to answer it.
_ONLINE = """
SELECT place.channel, place.person_id, place.capacity, place.n_open, place.idle_since,
       person.presence, person.skills, person.seniority
FROM desk_agentload AS place JOIN base_person AS person ON person.id = place.person_id
WHERE place.channel = %s AND person.presence = 'online' AND person.is_active"""


def candidates(channel: str, team_id: int | None = None) -> list[routing.Candidate]:
    """The agents who are online, may handle tickets and serve a channel, as routing sees them, in one query."""
    with prepared() as cursor:
        if team_id is None:
            cursor.execute(_ONLINE, [channel])
        else:
            cursor.execute(f"{_ONLINE} AND person.team_id = %s", [channel, team_id])
        rows = cursor.fetchall()
    able = holders()
    rows = [row for row in rows if row[1] in able]
    return [_candidate((*row[:4], _instant(row[4]), row[5], _skills(row[6]), row[7])) for row in rows]


def _instant(value: datetime | str) -> datetime:
    """SQLite keeps instants as text in UTC."""
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value


@lru_cache(maxsize=1024)
def _skills(text: str) -> dict[str, int]:
    """A person's skills from their stored JSON; many agents share one text, and nobody changes what is read here."""
    skills: dict[str, int] = json.loads(text)
    return skills


def places_of(person_id: int) -> dict[str, routing.Candidate]:
    """{channel: this agent as routing sees them there}; empty for one who is not online."""
    person = Person.objects.filter(pk=person_id).first()
    if person is None or not could_hold(person):
        return {}
    rows = _online().filter(person_id=person_id).order_by("channel").values_list(*_COLUMNS)
    return {row[0]: _candidate(row) for row in rows}


def people_able() -> list[int]:
    """Ids of those who are online and have a place free on some channel."""
    free = _online().filter(n_open__lt=F("capacity"), person_id__in=holders())
    return list(free.order_by("person_id").values_list("person_id", flat=True).distinct())


def _online() -> QuerySet[AgentLoad]:
    return AgentLoad.objects.filter(person__presence="online", person__is_active=True)


def _candidate(row: tuple[Any, ...]) -> routing.Candidate:
    channel, pk, capacity, n_open, idle_since, presence, skills, seniority = row
    return routing.Candidate(
        id=pk,
        channels={channel: capacity},
        load=n_open,
        capacity=capacity,
        skills=skills,
        channel_load={channel: n_open},
        presence=presence,
        seniority=seniority,
        idle_since=int(idle_since.timestamp()),
    )


def team_of(person_id: int) -> int | None:
    """The team of an agent: a ticket without a category's team belongs to its agent's."""
    return Person.objects.values_list("team_id", flat=True).get(pk=person_id)


def team_for(ticket: Ticket) -> int | None:
    """The team whose queue a ticket's category belongs to."""
    category = category_of(ticket.category)
    return category.team_id if category else None
