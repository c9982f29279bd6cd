"""Routing (D23, D24): which agent gets a ticket, which ticket goes to an agent who became able, and why.

Deterministic and explained; hard filters first, so that nobody unable is ever chosen. It decides on the facts given and
claims nothing: who calls it must lock, check the capacity again and write (two agents can never get one ticket).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heapreplace, nsmallest

__all__ = [
    "ABLE", "LANGUAGE_SKILL", "ONLINE", "REFUSALS", "VIP", "Assignment", "Batch", "Candidate", "Choice", "Considered",
    "Left", "Need", "Pick", "Waiting", "assign_many", "choose", "pick_ticket", "queue_order",
]  # fmt: skip

VIP = "vip"
ONLINE = "online"
ABLE = "able"
LANGUAGE_SKILL = "language:"
REFUSALS = ("tried", "not_online", "off_shift", "no_channel", "channel_full", "full", "skill_missing", "level_too_low")
MAX_EXPLAINED = 10
_URGENT = ("P1", "P2")
_REFUSAL_PLACE = {code: -place for place, code in enumerate(REFUSALS)}
# What the places of a rank mean; the first that differs between winner and runner-up is why the winner won.
_STEPS = ("dedicated", "seniority", "skill_fit", "load", "idle", "id")

_Rank = tuple[bool, int, int, float, int, int]


@dataclass(frozen=True, slots=True)
class Need:
    """What a ticket asks of its agent.

    `skills` gives the least level of each; `language` other than the site's own adds the skill `language:<code>` at
    level 1; `dedicated` is the customer's own agent (counts for tier `vip` only); `tried` had the ticket before.
    """

    channel: str
    priority: str
    skills: Mapping[str, int] = field(default_factory=dict)
    tier: str | None = None
    language: str | None = None
    dedicated: int | None = None
    tried: frozenset[int] = frozenset()

    @property
    def is_vip(self) -> bool:
        """Whether the customer's tier lets the ticket jump the queue."""
        return self.tier == VIP

    def required(self) -> dict[str, int]:
        """All skills with their least level, the language among them."""
        wanted = dict(self.skills)
        if self.language:
            wanted.setdefault(LANGUAGE_SKILL + self.language, 1)
        return wanted


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent as routing sees one, at one instant.

    `channels` gives the most tickets at once on each channel served, `channel_load` how many of them there are;
    `load` and `capacity` count over all channels. `seniority` is a rising band (not months: else the longest-serving
    agent takes every urgent ticket). `idle_since` is in epoch seconds.
    """

    id: int
    channels: Mapping[str, int]
    load: int
    capacity: int
    skills: Mapping[str, int] = field(default_factory=dict)
    channel_load: Mapping[str, int] = field(default_factory=dict)
    presence: str = ONLINE
    on_shift: bool = True
    seniority: int = 0
    idle_since: int = 0


@dataclass(frozen=True, slots=True)
class Considered:
    """One agent looked at: `able` with the parts of the rank, or the code of the first refusal with its data."""

    id: int
    verdict: str
    parts: Mapping[str, int | str | bool]


@dataclass(frozen=True, slots=True)
class Choice:
    """Who gets the ticket (None: nobody is able), and the explanation, bounded whatever the number of agents.

    `considered` holds the best able agents in order, then some who were refused, at most 10 together; `refused` counts
    all by code. `decided_by` names the step that parted the winner from the next: `dedicated`, `seniority`,
    `skill_fit`, `load`, `idle`, `id`, or `only_one`, or `nobody`.
    """

    person: int | None
    decided_by: str
    n_considered: int
    n_able: int
    refused: Mapping[str, int]
    considered: tuple[Considered, ...]

    def as_data(self) -> dict[str, object]:
        """The choice as plain JSON for the journal."""
        considered = [{"id": one.id, "verdict": one.verdict, **one.parts} for one in self.considered]
        return {
            "person": self.person, "decided_by": self.decided_by, "n_considered": self.n_considered,
            "n_able": self.n_able, "refused": dict(self.refused), "considered": considered,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Waiting:
    """A ticket in the queue; `due_at` is its next due instant (None: no clock runs), both in epoch seconds."""

    id: int
    need: Need
    received_at: int
    due_at: int | None = None


@dataclass(frozen=True, slots=True)
class Pick:
    """The waiting ticket for an agent (None: none fits), and why those before it in the queue did not fit."""

    ticket: int | None
    n_waiting: int
    passed_over: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Assignment:
    """One ticket of a batch with its agent and the parts of the rank."""

    ticket: int
    person: int
    parts: Mapping[str, int | str | bool]


@dataclass(frozen=True, slots=True)
class Left:
    """A ticket of a batch for which nobody was able any more, with the count of refusals by code."""

    ticket: int
    refused: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Batch:
    """The result of `assign_many`, both parts in queue order."""

    assigned: tuple[Assignment, ...]
    left: tuple[Left, ...]


class _Ask:
    """A need unpacked once, to be held against many candidates."""

    __slots__ = ("channel", "dedicated", "required", "tried", "urgent")

    def __init__(self, need: Need) -> None:
        self.channel = need.channel
        self.required = tuple(need.required().items())
        self.dedicated = need.dedicated if need.is_vip else None
        self.tried = need.tried
        self.urgent = need.priority in _URGENT

    def class_key(self) -> tuple[object, ...]:
        """Tickets with equal keys rank all candidates alike."""
        return (self.channel, frozenset(self.required), self.dedicated, self.tried, self.urgent)

    def refusal(self, one: Candidate) -> str | None:
        """The code of the first hard filter that fails, or None."""
        if one.id in self.tried:
            return "tried"
        return _absence(one) or self._lack_of_room(one) or self._lack_of_skill(one)

    def _lack_of_room(self, one: Candidate) -> str | None:
        limit = one.channels.get(self.channel, 0)
        if limit <= 0:
            return "no_channel"
        if one.channel_load.get(self.channel, 0) >= limit:
            return "channel_full"
        return "full" if one.load >= one.capacity else None

    def _lack_of_skill(self, one: Candidate) -> str | None:
        skills = one.skills
        for skill, level in self.required:
            has = skills.get(skill)
            if has is None:
                return "skill_missing"
            if has < level:
                return "level_too_low"
        return None

    def rank(self, one: Candidate) -> _Rank:
        """The order among able candidates, smallest first (see `_STEPS`)."""
        excess = 0
        for skill, level in self.required:
            excess += one.skills[skill] - level
        return (
            one.id != self.dedicated, -one.seniority if self.urgent else 0, excess,
            one.load / one.capacity, one.idle_since, one.id,
        )  # fmt: skip

    def parts(self, one: Candidate, rank: _Rank) -> dict[str, int | str | bool]:
        """The rank in words that can be shown."""
        return {
            "dedicated": not rank[0], "seniority": one.seniority, "excess_level": rank[2],
            "load": one.load, "capacity": one.capacity, "idle_since": one.idle_since,
        }  # fmt: skip

    def refused_parts(self, one: Candidate, verdict: str) -> dict[str, int | str | bool]:
        """The data behind a refusal: the presence, the counts, or the first skill that is short."""
        if verdict == "not_online":
            return {"presence": one.presence}
        if verdict == "full":
            return {"load": one.load, "capacity": one.capacity}
        if verdict == "channel_full":
            return {"load": one.channel_load[self.channel], "capacity": one.channels[self.channel]}
        if verdict in ("skill_missing", "level_too_low"):
            skill, level = next((s, n) for s, n in self.required if s not in one.skills or one.skills[s] < n)
            return {"skill": skill, "needed": level, "has": one.skills.get(skill, 0)}
        return {}


def choose(need: Need, candidates: Iterable[Candidate]) -> Choice:
    """The agent for a ticket.

    Able means: not tried before, online, on shift, serves the channel and has room on it and over all, has every skill
    at its level. Among the able: a VIP's dedicated agent, then for P1 and P2 the higher seniority, then the fewest
    levels above what is needed, the lowest share of capacity used, the longest idle, the lowest id.
    """
    ask = _Ask(need)
    able: list[tuple[_Rank, Candidate]] = []
    refused: Counter[str] = Counter()
    shown: list[tuple[Candidate, str]] = []
    for one in candidates:
        verdict = ask.refusal(one)
        if verdict is None:
            able.append((ask.rank(one), one))
            continue
        refused[verdict] += 1
        shown.append((one, verdict))
    best = nsmallest(MAX_EXPLAINED, able, key=_rank_of)
    considered = [Considered(one.id, ABLE, ask.parts(one, rank)) for rank, one in best]
    for one, verdict in nsmallest(MAX_EXPLAINED - len(best), shown, key=_refusal_order):
        considered.append(Considered(one.id, verdict, ask.refused_parts(one, verdict)))
    person = best[0][1].id if best else None
    n_all = len(able) + len(shown)
    return Choice(person, _decided_by(best), n_all, len(able), dict(sorted(refused.items())), tuple(considered))


def queue_order(ticket: Waiting) -> tuple[bool, bool, int, int, int]:
    """The order of the waiting queue, smallest first: VIP, then due instant (none last), receipt, id."""
    due_at = ticket.due_at
    return (not ticket.need.is_vip, due_at is None, due_at or 0, ticket.received_at, ticket.id)


def pick_ticket(candidate: Candidate, waiting: Sequence[Waiting]) -> Pick:
    """The first waiting ticket in queue order that an agent who became able can take (D24)."""
    absence = _absence(candidate)
    if absence or candidate.load >= candidate.capacity:
        return Pick(None, len(waiting), {absence or "full": len(waiting)} if waiting else {})
    passed_over: Counter[str] = Counter()
    for ticket in sorted(waiting, key=queue_order):
        verdict = _Ask(ticket.need).refusal(candidate)
        if verdict is None:
            return Pick(ticket.id, len(waiting), dict(sorted(passed_over.items())))
        passed_over[verdict] += 1
    return Pick(None, len(waiting), dict(sorted(passed_over.items())))


def assign_many(tickets: Iterable[Waiting], candidates: Iterable[Candidate]) -> Batch:
    """Hand out a backlog in queue order, each ticket as `choose` would with the loads reached so far.

    Tickets with equal needs share one heap of candidates. Loads only rise within a batch, so a rank only grows: an
    entry is put back with its new rank when it comes up stale, and one that is full is gone for good.
    Raises ValueError if a candidate is given twice (its capacity would count twice).
    """
    agents: dict[int, Candidate] = {}
    for one in candidates:
        if one.id in agents:
            raise ValueError(f"candidate {one.id} is given twice")
        agents[one.id] = one
    lines: dict[tuple[object, ...], _Line] = {}
    assigned: list[Assignment] = []
    left: list[Left] = []
    for ticket in sorted(tickets, key=queue_order):
        ask = _Ask(ticket.need)
        line = lines.setdefault(ask.class_key(), _Line(ask))
        found = line.best(agents)
        if found is None:
            left.append(Left(ticket.id, line.refusals(agents)))
            continue
        rank, one = found
        assigned.append(Assignment(ticket.id, one.id, ask.parts(one, rank)))
        agents[one.id] = _with_one_more(one, ask.channel)
    return Batch(tuple(assigned), tuple(left))


class _Line:
    """The candidates for one class of tickets, best first, read lazily."""

    def __init__(self, ask: _Ask) -> None:
        self._ask = ask
        self._heap: list[_Rank] | None = None
        self._refusals: dict[str, int] | None = None

    def best(self, agents: Mapping[int, Candidate]) -> tuple[_Rank, Candidate] | None:
        """The first able candidate at the present loads."""
        heap = self._ready(agents)
        while heap:
            one = agents[heap[0][-1]]
            if self._ask.refusal(one) is not None:
                heappop(heap)
                continue
            rank = self._ask.rank(one)
            if rank == heap[0]:
                return rank, one
            heapreplace(heap, rank)
        return None

    def refusals(self, agents: Mapping[int, Candidate]) -> Mapping[str, int]:
        """Why nobody is able, by code; counted once, when the line ran out."""
        if self._refusals is None:
            verdicts = (self._ask.refusal(one) for one in agents.values())
            self._refusals = dict(sorted(Counter(verdict for verdict in verdicts if verdict).items()))
        return self._refusals

    def _ready(self, agents: Mapping[int, Candidate]) -> list[_Rank]:
        if self._heap is None:
            self._heap = [self._ask.rank(one) for one in agents.values() if self._ask.refusal(one) is None]
            heapify(self._heap)
        return self._heap


def _absence(one: Candidate) -> str | None:
    if one.presence != ONLINE:
        return "not_online"
    return None if one.on_shift else "off_shift"


def _with_one_more(one: Candidate, channel: str) -> Candidate:
    channel_load = {**one.channel_load, channel: one.channel_load.get(channel, 0) + 1}
    return replace(one, load=one.load + 1, channel_load=channel_load)


def _rank_of(entry: tuple[_Rank, Candidate]) -> _Rank:
    return entry[0]


def _refusal_order(entry: tuple[Candidate, str]) -> tuple[int, int]:
    """Those who came nearest to being able first: they tell a supervisor most."""
    one, verdict = entry
    return (_REFUSAL_PLACE[verdict], one.id)


def _decided_by(best: Sequence[tuple[_Rank, Candidate]]) -> str:
    if not best:
        return "nobody"
    if len(best) == 1:
        return "only_one"
    first, second = best[0][0], best[1][0]
    return next(step for step, mine, other in zip(_STEPS, first, second, strict=True) if mine != other)
