"""The people of the made-up centre: departments, teams, agents with skills, shifts and places, and who leads them.

Writes to an empty house only. Nobody has a usable password but the three who are printed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from jiying.base import texts
from jiying.base.models import Department, Person, Role, Team
from jiying.desk.models import AgentLoad, Category
from jiying.desk.services import triage
from jiying.desk.services.loads import DEFAULT_CAPACITY
from jiying.desk.services.sample.words import GIVEN, SURNAMES

SIGN_INS = ("agent", "lead", "admin")
DEPARTMENTS = ("service", "logistics", "rd", "finance")
# code, name, number of agents, skills that all of them have
TEAMS = (
    ("presale", "售前咨询", 6, ("product",)),
    ("aftersale", "售后服务", 10, ("orders", "logistics")),
    ("tech", "技术支持", 7, ("technical",)),
    ("care", "投诉与VIP", 5, ("complaints", "orders")),
)
SPECIAL = {"presale": ("sales",), "aftersale": ("refunds", "invoices"), "tech": ("accounts",), "care": ("risk",)}
# category: (team, skills with their least level)
WIRING: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "order": ("aftersale", {"orders": 1}),
    "order/dispute": ("care", {"complaints": 2}),
    "order/refund": ("aftersale", {"refunds": 1}),
    "logistics": ("aftersale", {"logistics": 1}),
    "logistics/late": ("aftersale", {"logistics": 1}),
    "logistics/lost": ("aftersale", {"logistics": 2}),
    "account": ("tech", {"accounts": 1}),
    "account/security": ("care", {"risk": 2}),
    "product": ("presale", {"product": 1}),
    "product/usage": ("presale", {"product": 1}),
    "product/defect": ("tech", {"technical": 2}),
    "invoice": ("aftersale", {"invoices": 1}),
    "suggestion": ("presale", {}),
}
SHIFTS = ((8, 17), (9, 18), (10, 19), (13, 22))
NIGHT = (21, 33)  # to nine in the morning of the next day
OFFLINE_NOW, AWAY_NOW, BUSY_NOW = 0.12, 0.08, 0.08


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as the story needs one: when on shift (hours of the local day), and able to do what."""

    person: Person
    shift: tuple[int, int]
    days_off: frozenset[int]
    places: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Staff:
    """Everybody. `watchers` are those who may assign by team, `responders` those who answer by department."""

    agents: tuple[Agent, ...]
    leads: Mapping[int, Person]
    supervisor: Person
    responders: Mapping[str, tuple[Person, ...]]
    departments: Mapping[str, Department]
    sign_ins: Mapping[str, Person]


def hire(rng: Random, now: datetime) -> Staff:
    """Make departments, teams and people, and wire the categories to them."""
    departments = {
        code: Department.objects.create(code=code, name=texts.term("department", code)) for code in DEPARTMENTS
    }
    hiring = _Hiring(rng, now, departments)
    agents: list[Agent] = []
    leads: dict[int, Person] = {}
    for code, name, n, skills in TEAMS:
        team = Team.objects.create(code=code, name=name, department=departments["service"])
        leads[team.pk] = hiring.person("lead", _lead_name(code), team, seniority=5, presence="online")
        agents += [hiring.agent(code, team, place, skills) for place in range(n)]
    _wire({team.code: team for team in Team.objects.all()})
    supervisor = hiring.person("supervisor", "supervisor", None, presence="online")
    for role in ("operations", "qa", "planner", "manager"):
        hiring.person(role, role, None)
    responders = {
        code: tuple(hiring.person("responder", f"{code}{n}", None, department=department) for n in (1, 2))
        for code, department in departments.items()
        if code != "service"
    }
    admin = hiring.person("admin", "admin", None)
    people = {p.username: p for p in (*(a.person for a in agents), *leads.values(), admin)}
    AgentLoad.objects.bulk_create(
        AgentLoad(person=a.person, channel=channel, capacity=places, idle_since=now - timedelta(days=400))
        for a in agents
        for channel, places in a.places.items()
    )
    return Staff(tuple(agents), leads, supervisor, responders, departments, {name: people[name] for name in SIGN_INS})


def _lead_name(team: str) -> str:
    return "lead" if team == "aftersale" else f"lead-{team}"


def _wire(teams: Mapping[str, Team]) -> None:
    """The shipped categories get their team and skills; those made by somebody else stay as they are."""
    rows = list(Category.objects.filter(path__in=WIRING))
    for row in rows:
        team, skills = WIRING[row.path]
        row.team, row.skills = teams[team], dict(skills)
    Category.objects.bulk_update(rows, ["team", "skills"])
    triage.forget()


class _Hiring:
    def __init__(self, rng: Random, now: datetime, departments: Mapping[str, Department]) -> None:
        self.rng, self.now, self.departments = rng, now, departments
        self.roles = {role.code: role for role in Role.objects.all()}
        self.names: set[str] = set()
        self.n = 0

    def person(
        self,
        role: str,
        username: str,
        team: Team | None,
        *,
        presence: str = "offline",
        seniority: int = 3,
        skills: Mapping[str, int] | None = None,
        department: Department | None = None,
    ) -> Person:
        self.n += 1
        person = Person.objects.create_person(
            username,
            None,
            name=self._name(),
            employee_no=f"G{1000 + self.n}",
            team=team,
            department=department or self.departments["service"],
            hire_date=self._hired(seniority),
            seniority=seniority,
            skills=dict(skills or {}),
            presence=presence,
            presence_reason="meal" if presence == "break" else "",
            presence_at=self.now - timedelta(minutes=self.rng.randrange(5, 180)),
            created_at=self.now,
        )
        person.roles.add(self.roles[role])
        return person

    def agent(self, code: str, team: Team, place: int, skills: tuple[str, ...]) -> Agent:
        """The first agent of the after-sales team is the one who is printed: online, with few places."""
        printed = code == "aftersale" and place == 0
        seniority = 3 if printed else self.rng.choices((1, 2, 3, 4, 5), (15, 25, 30, 20, 10))[0]
        level = max(2, seniority - self.rng.randrange(2))
        known = dict.fromkeys(skills, level) | dict.fromkeys(SPECIAL[code], 2 + self.rng.randrange(3))
        if place % 3 == 1:
            known["language:en"] = 3
        if (code, place) == ("presale", 2):
            known["language:ja"] = 4
        presence = "break" if "language:ja" in known else self._presence(place)
        night = place == 3
        person = self.person(
            "agent",
            "agent" if printed else f"{code}{place + 1:02d}",
            team,
            presence="online" if printed else presence,
            seniority=seniority,
            skills=known,
        )
        places = {**DEFAULT_CAPACITY, "phone": 6, "chat": 6}  # a place is an open ticket, not a call
        if printed:
            places = {"phone": 2, "chat": 3, "email": 4, "social": 2, "web": 6, "other": 2}
        shift = NIGHT if night else SHIFTS[place % len(SHIFTS)]
        off = frozenset({(place + len(code)) % 7, (place + len(code) + 1) % 7})
        return Agent(person, shift, off, places)

    def _presence(self, place: int) -> str:
        if place < 2:  # every team has somebody
            return "online"
        drawn = self.rng.random()
        for presence, share in (("offline", OFFLINE_NOW), ("away", AWAY_NOW), ("busy", BUSY_NOW)):
            if drawn < share:
                return presence
            drawn -= share
        return "online"

    def _name(self) -> str:
        while (name := self.rng.choice(SURNAMES) + self.rng.choice(GIVEN)) in self.names:
            continue
        self.names.add(name)
        return name

    def _hired(self, seniority: int) -> date:
        return (self.now - timedelta(days=300 * seniority + self.rng.randrange(300))).date()
