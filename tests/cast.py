"""The cast: people with parts, so that permission tests read like a story.

Lin (agent) and Wang (team leader) work in team 1, Zhao (agent) in team 2; Chen reviews quality, Sun supervises all,
Ou runs operations, He answers for logistics, Adm administers. Everything that a new installation has is there.
"""

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django.test import Client

    from jiying.base.actor import Actor
    from jiying.base.models import Department, Person, Team
    from jiying.desk.models import Ticket

# A Wednesday morning in Shanghai, far from any holiday.
NOW = datetime(2026, 9, 9, 10, 0, tzinfo=UTC) - timedelta(hours=8)
PASSWORD = "correct horse battery"  # noqa: S105 - of made-up people

_first: "list[Cast]" = []  # hired in this process, and the rows that came with them, by table
_rows: dict[str, Any] = {}


@dataclass
class Cast:
    """The people, their teams, and short ways to act as one of them."""

    lin: "Person"
    wang: "Person"
    zhao: "Person"
    chen: "Person"
    sup: "Person"
    ops: "Person"
    he: "Person"
    manager: "Person"
    admin: "Person"
    team1: "Team"
    team2: "Team"
    logistics: "Department"
    now: datetime = NOW
    tokens: dict[str, str] = field(default_factory=dict)

    def actor(self, person: "Person") -> "Actor":
        """This person as an actor, with rights read afresh."""
        from jiying.base.actor import of_person
        from jiying.base.models import Person

        return of_person(Person.objects.get(pk=person.pk))

    def everybody(self) -> "list[Person]":
        return [self.lin, self.wang, self.zhao, self.chen, self.sup, self.ops, self.he, self.manager, self.admin]

    def client(self, person: "Person | None" = None) -> "Client":
        """A browser that is signed in as this person (or nobody)."""
        from django.test import Client

        client = Client(raise_request_exception=False)
        if person is not None:
            client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
            prove(client, person)
        return client

    def token(self, person: "Person", *scopes: str) -> str:
        """An API token of this person."""
        from jiying.base import tokens

        key = f"{person.username} {scopes}"
        if key not in self.tokens:
            self.tokens[key] = tokens.issue(
                actor=self.actor(person), person=person, name="test", scopes=scopes, now=datetime.now(UTC)
            )
        return self.tokens[key]

    def api(self, person: "Person", *scopes: str) -> "Client":
        """An API client with this person's token."""
        from django.test import Client

        return Client(raise_request_exception=False, headers={"authorization": f"Bearer {self.token(person, *scopes)}"})

    def ticket(self, *, now: datetime | None = None, actor: "Actor | None" = None, **fields: Any) -> "Ticket":
        """Open a ticket as the system would (web form), assigned to whoever routing finds."""
        from jiying.base.actor import SYSTEM
        from jiying.desk.services.intake import NewTicket, open_ticket

        values = {"subject": "订单一直没有收到", "channel": "web", **fields}
        return open_ticket(actor=actor or SYSTEM, new=NewTicket(**values), now=now or self.now)

    def accepted(self, *, by: "Person | None" = None, **fields: Any) -> "Ticket":
        """A ticket that Lin (or somebody else) is responsible for and has accepted."""
        from jiying.base.actor import SYSTEM
        from jiying.desk.services import handling, routing

        person = by or self.lin
        ticket = self.ticket(**fields)
        if ticket.assignee_id != person.pk:
            routing.transfer(actor=SYSTEM, number=ticket.number, to_person=person.pk, now=self.now)
        return handling.accept(actor=self.actor(person), number=ticket.number, now=self.now)


def prove(client: "Client", person: "Person") -> None:
    """As if this browser's person had just entered the password once more: sensitive changes ask nothing."""
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time(), "reauthenticated": True}]
    session["account_authentication_methods_user"] = str(person.pk)
    session.save()


def seed() -> None:
    """What `jiying prepare` adds, without a process."""
    from jiying.base import seeds

    seeds.run(NOW)


def make_cast() -> Cast:
    """Hire everybody. Only Lin is online with places free, so that routing has one answer."""
    from jiying.base.models import Department, Person, Role, Team
    from jiying.desk.models import AgentLoad
    from jiying.desk.services.loads import DEFAULT_CAPACITY

    seed()
    service = Department.objects.create(code="service", name="客服部")
    logistics = Department.objects.create(code="logistics", name="物流部")
    team1 = Team.objects.create(code="team1", name="一组", department=service)
    team2 = Team.objects.create(code="team2", name="二组", department=service)
    roles = {role.code: role for role in Role.objects.all()}

    def hire(username: str, name: str, role: str, **fields: Any) -> Person:
        person = Person.objects.create_person(
            username, PASSWORD, name=name, email=f"{username}@example.com", presence="offline", **fields
        )
        person.roles.add(roles[role])
        return person

    cast = Cast(
        lin=hire("lin", "林晓", "agent", team=team1, department=service, seniority=2),
        wang=hire("wang", "王芳", "lead", team=team1, department=service, seniority=4),
        zhao=hire("zhao", "赵一凡", "agent", team=team2, department=service, seniority=2),
        chen=hire("chen", "陈刚", "qa", department=service),
        sup=hire("sun", "孙丽", "supervisor", department=service),
        ops=hire("ou", "欧阳静", "operations", department=service),
        he=hire("he", "何伟", "responder", department=logistics),
        manager=hire("ma", "马总", "manager", department=service),
        admin=hire("adm", "管理员", "admin"),
        team1=team1,
        team2=team2,
        logistics=logistics,
    )
    for person in (cast.lin, cast.wang, cast.zhao):
        for channel, capacity in DEFAULT_CAPACITY.items():
            AgentLoad.objects.create(person=person, channel=channel, capacity=capacity, idle_since=NOW)
    Person.objects.filter(pk=cast.lin.pk).update(presence="online")
    cast.lin.refresh_from_db()
    return cast


def known_cast() -> Cast:
    """As `make_cast`, which costs a tenth of a second: the rows of the first one are put back as they were."""
    from django.db import transaction

    from jiying.base.models import Role
    from tests import rows

    if Role.objects.exists():  # somebody was here before
        return make_cast()
    if _first:
        with transaction.atomic():
            for table, found in _rows.items():
                rows.put_back(table, found)
        return copy.deepcopy(_first[0])
    before = {table: rows.taken(table) for table in rows.tables()}
    made = make_cast()
    grown = {table: found for table in before if (found := rows.taken(table)) != before[table]}
    if not any(before[table] for table in grown):  # where somebody's rows lay among them, others begin otherwise
        _first.append(copy.deepcopy(made))
        _rows.update(grown)
    return made


def forget_all() -> None:
    """Drop what processes keep for a second or for ever: the next test has other rows under the same numbers."""
    from jiying.alerts.queries import duty
    from jiying.base import documents, roster, settings_store, tokens
    from jiying.clocks import queries
    from jiying.desk import policies
    from jiying.desk.queries import lists, people
    from jiying.desk.services import automation_setup, flow_setup, form_setup, line_setup, triage
    from jiying.insight.queries import wall

    automation_setup.forget()
    form_setup.forget()
    flow_setup.forget()
    line_setup.forget()
    queries.forget()
    triage.forget()
    lists.forget()
    people.forget()
    wall.forget()
    policies.forget()
    documents.forget()
    duty.forget()
    settings_store.forget()
    roster.forget()
    tokens.forget()


@pytest.fixture
def cast(db: None) -> Iterator[Cast]:
    """The cast in a transaction that is rolled back."""
    forget_all()
    yield known_cast()
    forget_all()


@pytest.fixture
def live_cast(transactional_db: None) -> Iterator[Cast]:
    """The cast committed, for tests with several threads or connections."""
    forget_all()
    yield make_cast()
    forget_all()


@pytest.fixture
def as_person(cast: Cast) -> "Callable[[Person], Actor]":
    return cast.actor
