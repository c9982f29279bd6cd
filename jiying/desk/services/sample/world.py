"""Time goes by in the made-up centre: who is on shift, whose places are free, who gets which ticket, what comes next.

Tickets are given by `core.routing` on the loads of that very instant, as the desk gives live ones. Writes nothing.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import Random
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from jiying.core import routing
from jiying.core.statutory import Statutory
from jiying.desk.models import Customer, Ticket
from jiying.desk.services import triage
from jiying.desk.services.sample import demand
from jiying.desk.services.sample.staff import NIGHT, Agent, Staff

LIVE = timedelta(hours=9)  # for so long before now, presence is what people's rows say, whatever the hour
KEPT_FREE = timedelta(hours=30)  # for so long the printed agent gets only what is meant for them
_HOUR = timedelta(hours=1)
_NEVER = timedelta(days=365)


class Living(Protocol):
    """A ticket on its way through its life; `steps` yields the instant of its next step, None to wait for an agent."""

    ticket: Ticket
    customer: Customer
    is_own: bool

    def steps(self) -> Iterator[datetime | None]: ...

    def assigned(self, agent: Agent, why: dict[str, Any]) -> None: ...

    def next_due_at(self) -> datetime | None: ...


class World:
    """The centre at the instant `at`, which only goes forward."""

    def __init__(self, staff: Staff, now: datetime, days: int, zone: str, rng: Random) -> None:
        self.staff, self.now, self.rng = staff, now, rng
        self.at = now - timedelta(days=days)
        self.zone = ZoneInfo(zone)
        first = self.at.astimezone(self.zone).date()
        self.known: Statutory = demand.days_known(first - timedelta(days=1), now.astimezone(self.zone).date())
        self.by_id = {a.person.pk: a for a in staff.agents}
        self.loads: dict[int, Counter[str]] = {a.person.pk: Counter() for a in staff.agents}
        self.idle_since = {a.person.pk: int(self.at.timestamp()) for a in staff.agents}
        self.queue: list[Living] = []
        self._agenda: list[tuple[datetime, int, Living, Iterator[datetime | None] | None]] = []
        self._n = 0
        self._looked_at = self.at
        self._parked: dict[int, Iterator[datetime | None]] = {}

    def is_strained(self, ticket: Ticket) -> bool:
        """In the last whole week what is important was answered late: for reports to show why, and where."""
        monday = self.now.astimezone(self.zone).date()
        monday -= timedelta(days=monday.weekday())
        received = ticket.received_at.astimezone(self.zone).date()
        return ticket.priority == "P2" and monday - timedelta(days=7) <= received < monday

    # -- time ---------------------------------------------------------------------------------------------------------

    def expect(self, at: datetime, life: Living) -> None:
        """This ticket will come at this instant."""
        self._put(at, life, None)

    def run(self) -> None:
        """Let everything happen up to now."""
        while self._agenda and self._agenda[0][0] <= self.now:
            at, _n, life, steps = heappop(self._agenda)
            if self.queue and at - self._looked_at >= _HOUR:
                self._look_at_queue(at)
            self.at = at
            self._go_on(life, steps or life.steps())
        self.at = self.now

    def _put(self, at: datetime, life: Living, steps: Iterator[datetime | None] | None) -> None:
        self._n += 1
        heappush(self._agenda, (at, self._n, life, steps))

    def _go_on(self, life: Living, steps: Iterator[datetime | None]) -> None:
        try:
            at = next(steps)
        except StopIteration:
            return
        if at is None:
            self._parked[id(life)] = steps
        else:
            self._put(max(at, self.at), life, steps)

    # -- people -------------------------------------------------------------------------------------------------------

    def on_shift(self, agent: Agent, at: datetime) -> bool:
        if at >= self.now - LIVE:
            return agent.person.presence in ("online", "busy")
        local = at.astimezone(self.zone)
        start, end = agent.shift
        day, hour = local.date(), local.hour
        if agent.shift == NIGHT and hour < end - 24:
            day, hour = day - timedelta(days=1), hour + 24
        if not start <= hour < end or day.weekday() in agent.days_off:
            return False
        return day not in self.known.closed or (day.toordinal() + int(agent.person.employee_no[1:])) % 3 == 0

    def next_on_shift(self, agent: Agent, at: datetime) -> datetime:
        """The first instant from `at` on when this agent works; far away if not before now."""
        local = at.astimezone(self.zone)
        while not self.on_shift(agent, at):
            local = local.replace(minute=0, second=0) + _HOUR
            at = local.astimezone(self.now.tzinfo) + timedelta(seconds=self.rng.randrange(60, 1500))
            if at > self.now:
                return self.now + _NEVER
        return at

    def _candidates(self, life: Living, at: datetime) -> Iterator[routing.Candidate]:
        team, channel = life.ticket.team_id, life.ticket.channel
        reserved = self.staff.sign_ins["agent"].pk
        for agent in self.staff.agents:
            person = agent.person
            if team is not None and person.team_id != team or not self.on_shift(agent, at):
                continue
            if person.pk == reserved and not life.is_own and at >= self.now - KEPT_FREE:
                continue
            if at < self.now - LIVE or person.presence == "online":
                yield self.candidate(agent, channel)

    def candidate(self, agent: Agent, channel: str) -> routing.Candidate:
        """An agent as routing sees them, on one channel."""
        pk, load, places = agent.person.pk, self.loads[agent.person.pk][channel], agent.places[channel]
        return routing.Candidate(
            id=pk,
            channels={channel: places},
            load=load,
            capacity=places,
            skills=agent.person.skills,
            channel_load={channel: load},
            seniority=agent.person.seniority,
            idle_since=self.idle_since[pk],
        )

    # -- routing ------------------------------------------------------------------------------------------------------

    def choose(self, life: Living, at: datetime, tried: Sequence[int] = ()) -> routing.Choice:
        need = triage.need_of(life.ticket, life.customer, tried)
        return routing.choose(need, self._candidates(life, at))

    def wait_in_queue(self, life: Living) -> None:
        self.queue.append(life)

    def take(self, person_id: int, channel: str) -> None:
        self.loads[person_id][channel] += 1
        self.idle_since[person_id] = int(self.at.timestamp())

    def give_back(self, person_id: int, channel: str) -> None:
        """A place is free: the first of the queue that fits is this agent's (D24)."""
        self.loads[person_id][channel] -= 1
        agent = self.by_id[person_id]
        if self.queue and self.on_shift(agent, self.at) and not self._is_reserved(agent):
            self._pull(agent, channel)

    def _is_reserved(self, agent: Agent) -> bool:
        return agent.person == self.staff.sign_ins["agent"] and self.at >= self.now - KEPT_FREE

    def _pull(self, agent: Agent, channel: str) -> None:
        fitting = {
            n: x
            for n, x in enumerate(self.queue)
            if x.ticket.channel == channel and x.ticket.team_id in (None, agent.person.team_id)
        }
        waiting = [
            routing.Waiting(
                n,
                triage.need_of(x.ticket, x.customer),
                int(x.ticket.received_at.timestamp()),
                int(due.timestamp()) if (due := x.next_due_at()) else None,
            )
            for n, x in fitting.items()
        ]
        pick = routing.pick_ticket(self.candidate(agent, channel), waiting)
        if pick.ticket is not None:
            why = {"decided_by": "queue", "n_waiting": pick.n_waiting, "passed_over": dict(pick.passed_over)}
            self._give(fitting[pick.ticket], agent, why)

    def _look_at_queue(self, at: datetime) -> None:
        """The router's timer: those who waited are tried again with whoever has come meanwhile."""
        self.at = self._looked_at = at
        for life in list(self.queue):
            choice = self.choose(life, at)
            if choice.person is not None and life in self.queue:
                self._give(life, self.by_id[choice.person], choice.as_data())

    def _give(self, life: Living, agent: Agent, why: dict[str, Any]) -> None:
        self.queue.remove(life)
        life.assigned(agent, {"from": None, "why": why})
        self._go_on(life, self._parked.pop(id(life)))
