"""Makes the made-up centre: people, customers, months of tickets, causes of breaches, sign-ins. All or nothing."""

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from django.conf import settings

from jiying.base import journal, settings_store, tails
from jiying.base.models import Person, Setting
from jiying.base.transactions import short
from jiying.desk.models import Customer, Ticket
from jiying.desk.services import bulk, repeats
from jiying.desk.services.sample import (
    automated,
    causes,
    crowd,
    demand,
    offered,
    processes,
    reached,
    reported,
    scene,
    staff,
    standards,
    texts,
    ties,
    views,
    words,
)
from jiying.desk.services.sample.lives import Life
from jiying.desk.services.sample.world import World

FEED_ON, LEFT_ALONE = "feed.on", "feed.left_alone"
REPEATS = 0.025
LATEST = timedelta(minutes=20)  # what has come within these is left to the sweep, so that people are told at the start


@dataclass(frozen=True, slots=True)
class Wanted:
    """How large the centre shall be; the same seed and instant give the same one."""

    seed: int = 1
    days: int = 90
    per_day: float = 60.0
    feed: bool = True


@dataclass(frozen=True, slots=True)
class Made:
    """What was made, and with which password whom can be signed in."""

    written: bulk.Written
    n_people: int
    n_customers: int
    n_causes: int
    n_open: int
    sign_ins: dict[str, str]


@dataclass(frozen=True, slots=True)
class Extension:
    """What a floor above adds to the centre; its readers of the journal begin behind what was made."""

    fill: Callable[[staff.Staff, datetime], None]
    readers: tuple[tails.Reader, ...] = ()


MORE: list[Extension] = []


def is_empty() -> bool:
    """Whether nobody and nothing is there yet."""
    return not (Person.objects.exists() or Ticket.objects.exists())


@short
def make(wanted: Wanted, now: datetime) -> Made:
    """Fill an empty house, prepared by `jiying prepare`, as it stands at `now`."""
    now = now.replace(microsecond=0)
    rng = Random(wanted.seed)  # noqa: S311 - made-up people and tickets; passwords come from `secrets`
    people = staff.hire(rng, now)
    processes.set_up(now - timedelta(days=wanted.days))
    automated.set_up(now - timedelta(days=wanted.days))
    texts.write(people.sign_ins.get("agent"), now)
    customers = crowd.gather(rng, people, now)
    world = World(people, now, wanted.days, settings.TIME_ZONE, rng)
    lives = _announce(world, customers, wanted, rng)
    world.run()
    written = bulk.write(_histories(lives), now=now, fired_until=now - LATEST, batch=1000)
    n_causes = causes.explain(rng, people, now)
    processes.live(rng, people, now)
    automated.live(now)
    offered.live(people, now)
    reported.live(people, now)
    standards.set_up(people, now)
    views.set_up(people, now)
    ties.set_up(people, now)
    reached.set_up(now)
    for more in MORE:
        more.fill(people, now)
    bulk.number_entries()
    tails.put(repeats.READER, journal.last_position())  # what came before is history: `ties` has looked at the latest
    for reader in (one for more in MORE for one in more.readers):
        tails.put(reader, journal.last_position())
    automated.rest(now)
    passwords = _let_in(people.sign_ins)
    keep_sign_ins(passwords)
    _switch_on(people.sign_ins, wanted.feed)
    return Made(
        written=written,
        n_people=Person.objects.count(),
        n_customers=len(customers),
        n_causes=n_causes,
        n_open=Ticket.objects.filter(ended_at__isnull=True).count(),
        sign_ins=passwords,
    )


def _announce(world: World, customers: Sequence[Customer], wanted: Wanted, rng: Random) -> list[Life]:
    """All tickets that will come: who asks what and when; now and then the same customer asks the same again."""
    seed = f"{wanted.seed}"
    shares = [s.weight for s in words.SCENARIOS]
    common, english = customers[: -crowd.N_JAPANESE], customers[-crowd.N_JAPANESE - crowd.N_ENGLISH :]
    regulars = [1 + 6 / (1 + n % 37) for n in range(len(common))]
    lives: list[Life] = []
    for n, at in enumerate(demand.receipts(rng, world.now, wanted.days, wanted.per_day, settings.TIME_ZONE)):
        original = lives[-1 - rng.randrange(min(len(lives), 12))] if lives and rng.random() < REPEATS else None
        customer = rng.choices(common, regulars)[0]
        scenario = rng.choices(words.SCENARIOS, shares)[0]
        if customer in english:
            scenario = words.ENGLISH
        if original is not None and original.original is None:
            customer, scenario = original.customer, original.scenario
        life = Life(world, f"{seed}:{n}", customer, scenario)
        life.original = original if original is not None and original.original is None else None
        lives.append(life)
        world.expect(at, life)
    return lives + scene.set_up(world, customers, rng, seed)


def _histories(lives: Sequence[Life]) -> list[bulk.History]:
    """In order of receipt; a duplicate comes after its original."""
    return [life.history for life in sorted(lives, key=lambda life: life.ticket.received_at)]


def _let_in(people: Mapping[str, Person]) -> dict[str, str]:
    """Only those who are printed get a password: hashing one is slow on purpose."""
    passwords = {}
    for name, person in people.items():
        passwords[name] = secrets.token_urlsafe(9)
        person.set_password(passwords[name])
        person.save(update_fields=["password"])
    return passwords


def _switch_on(people: Mapping[str, Person], feed: bool) -> None:
    Setting.objects.create(key=FEED_ON, value=feed)
    Setting.objects.create(key=LEFT_ALONE, value=sorted(p.pk for p in people.values()))
    settings_store.forget()


# --- sign-ins --------------------------------------------------------------------------------------------------------


def sign_ins_path() -> Path:
    return Path(settings.HOME) / "sign-ins.txt"


def keep_sign_ins(passwords: Mapping[str, str]) -> None:
    """Write them down for this account only, so that they can be shown again."""
    path = sign_ins_path()
    made = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"{name} {password}\n" for name, password in passwords.items())
    made.replace(path)


def kept_sign_ins() -> dict[str, str]:
    """{sign-in name: password} as written down; empty where this database holds no sample."""
    if not Setting.objects.filter(key=LEFT_ALONE).exists():
        return {}
    try:
        lines = sign_ins_path().read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return {name: password for name, _space, password in (line.partition(" ") for line in lines) if password}
