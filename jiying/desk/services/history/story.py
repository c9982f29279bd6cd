"""Tells one case as a ticket: each record becomes the steps that a ticket of this desk would have gone through.

Pure; the rules of what may follow what are `lifecycle`'s.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jiying.desk.services.history.lifecycle import GONE, WORK, state_after, steps_before
from jiying.desk.services.history.mapping import HistoryMapping, Meaning
from jiying.desk.services.history.plan import Facts, Record

CLASSES = ("channel", "priority", "tier", "category")
REPLY = {"direction": "out", "public": True, "by": "person", "way": "message"}
TAKEN = ("assigned", *WORK, "waiting")
TAKING = ("assigned", "transferred", "accepted")


class Told(NamedTuple):
    """The fields of build.HistoryEvent, in its order."""

    at_us: int
    kind: str
    data: Mapping[str, Any]
    actor: str | None
    derived: bool
    row: int


def is_answer(kind: str, data: Mapping[str, Any]) -> bool:
    """A public message from a person of the desk: who answers has taken the ticket (a bot has not)."""
    if kind != "message" or data.get("direction") != "out":
        return False
    return data.get("by") == "person" and bool(data.get("public", True))


def tell(records: Sequence[Record], received_us: int, mapping: HistoryMapping) -> "Story":
    """The story of a case whose records are in order of time."""
    story = Story(records[0], received_us, mapping)
    for record in records:
        story.hear(record)
    return story


class Story:
    """A ticket while it is told. `status`, `waiting_for` and `facts` are those after the last record heard."""

    def __init__(self, first: Record, received_us: int, mapping: HistoryMapping) -> None:
        self.events: list[Told] = []
        self.status = "new"
        self.waiting_for: str | None = None
        self.n_out_of_place = 0
        self.facts = first.facts
        self._mapping = mapping
        self._received_us = received_us
        self._agent: str | None = None
        self._solved_s = 0
        self._target: str | None = None
        self._n_reopens = first.n_reopens or 0
        self._counts_reopens = first.n_reopens is not None  # then a late "new" is a row out of its place
        self._record = first
        self._own: list[int] = []  # places of the events that this record itself tells, as against bridging steps

    def hear(self, record: Record) -> None:
        """Adds the steps of one record: exactly one of them stands for the record, the others are derived."""
        self._record, self._own = record, []
        n_before = self.n_out_of_place
        is_first = not self.events
        if is_first:
            self._open()
        if self._mapping.mode == "snapshots":
            self._compare(record)
        else:
            self._reclassify(record)
            if record.meaning is None or record.meaning.code not in TAKING:
                self._reassign(record.facts)
            self._follow(record, is_first=is_first)
        changes = self._take_in(record.facts)
        if self.n_out_of_place > n_before or not self._own:
            self._say("imported", {})
        self._mark_own(changes)

    # -- two ways of hearing ------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Receipt. It is the record's own event if the record says so and is of the same instant."""
        record = self._record
        facts = record.facts
        data = {name: value for name in CLASSES if (value := getattr(facts, name)) is not None}
        code = record.meaning.code if record.meaning is not None else None
        is_own = self._received_us == record.at_us and code in ("opened", "new")
        if is_own:
            self._own.append(0)
        actor = record.actor if is_own else None
        self.events.append(Told(self._received_us, "opened", {**data, "by": "import"}, actor, True, record.number))

    def _follow(self, record: Record, *, is_first: bool) -> None:
        """A log of events: the activity names the step."""
        meaning = record.meaning
        if meaning is None or meaning.code in ("imported", "reclassified") or (is_first and meaning.code == "opened"):
            return
        taker = self._taker(record)
        kind = self._seen_from_here(meaning.code, taker)
        if kind in TAKING and self._is_with(taker, kind):
            self.n_out_of_place += 1
        elif kind == "held" and self.status == "waiting" and meaning.data.get("reason") == self.waiting_for:
            self.n_out_of_place += 1
        else:
            self._want(kind, meaning.data)

    def _seen_from_here(self, kind: str, taker: str | None) -> str:
        """The same word means another step later in a ticket's life: who takes up his own ticket again resumes it."""
        if kind == "accepted" and taker == self._agent:
            return {"waiting": "resumed", "resolved": "reopened", "closed": "reopened"}.get(self.status, kind)
        if kind == "assigned" and self.status not in ("new", "assigned"):
            return "transferred"
        return kind

    def _is_with(self, taker: str | None, kind: str) -> bool:
        """What is true already does not happen again."""
        held_by = WORK if kind == "accepted" else TAKEN
        return self.status in held_by and taker == self._agent

    def _taker(self, record: Record) -> str | None:
        """Who gets the ticket: the agent that the record names, else the actor where the log's actors are agents."""
        return record.facts.agent or (record.actor if self._mapping.actor_is_agent else None)

    def _compare(self, record: Record) -> None:
        """A log of snapshots: what differs from the row before has happened."""
        if record.n_reopens is not None and record.n_reopens > self._n_reopens:
            self._n_reopens = record.n_reopens
            if self.status in ("resolved", "closed"):
                self._want("reopened", {})
        self._reclassify(record)
        handed_on = self._reassign(record.facts)
        meaning = record.meaning
        if meaning is not None:
            unchanged = meaning.code == self._target
            # Whoever takes over shows it by his first update: the hand-over itself is not an acceptance.
            if not (handed_on and unchanged):
                self._reach(meaning)
            self._target = meaning.code

    def _reassign(self, facts: Facts) -> bool:
        """True if a ticket in work went to somebody else."""
        agent = facts.agent
        if "agent" not in self._mapping.fields or agent == self._agent or self.status not in ("new", *TAKEN):
            return False
        if agent is None:
            # A snapshot without an agent says "nobody"; an event without one says nothing.
            if self.status == "assigned" and self._mapping.mode == "snapshots":
                self._want("unassigned", {})
            return False
        is_new = self.status in ("new", "assigned") or self._agent is None
        if is_new and self.status not in ("new", "assigned"):
            return False
        handed_on = self.status in WORK
        self._want("assigned" if is_new else "transferred", {"to": agent, "team": facts.team})
        return handed_on

    def _reach(self, meaning: Meaning) -> None:
        """The step that leads to the state of a snapshot, if the ticket is not there yet."""
        target, status = meaning.code, self.status
        if target == "active":
            kind = {"new": "accepted", "assigned": "accepted", "waiting": "resumed"}.get(status)
            kind = "reopened" if status in ("resolved", "closed") else kind
        elif target == "new":
            kind = "reopened" if status in ("resolved", "closed") and not self._counts_reopens else None
        elif target == "waiting":
            kind = None if status == "waiting" and meaning.data["reason"] == self.waiting_for else "held"
        else:
            kind = None if status == target else {"resolved": "solved", "closed": "closed"}.get(target, "cancelled")
        if kind is not None:
            self._want(kind, dict(meaning.data))

    # -- telling ------------------------------------------------------------------------------------------------------

    def _want(self, kind: str, data: Mapping[str, Any]) -> None:
        """Tells a step, and before it those that must have happened unseen; counts it if no way leads there."""
        steps = steps_before(self.status, kind, answer=is_answer(kind, data))
        if steps is None:
            self.n_out_of_place += 1
            return
        for step in steps:
            self._reply_with(step, {})
            self._say(step, self._data_of(step, {}))
        self._reply_with(kind, data)
        self._own.append(len(self.events))
        self._say(kind, self._data_of(kind, data))

    def _reply_with(self, kind: str, data: Mapping[str, Any]) -> None:
        if {kind, f"{kind}:{data.get('reason', '')}"} & self._mapping.reply_with:
            self._say("message", REPLY)

    def _data_of(self, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
        record = self._record
        if kind in ("assigned", "transferred"):
            given = {"to": self._taker(record), "team": record.facts.team or self.facts.team, **data}
            return {key: value for key, value in given.items() if key == "to" or value is not None}
        if kind == "closed" and self._solved_s:
            return {**data, "as_of": self._solved_s}
        return dict(data)

    def _say(self, kind: str, data: Mapping[str, Any]) -> None:
        record = self._record
        following = state_after(self.status, kind, answer=is_answer(kind, data))
        if following is None:
            raise AssertionError(f"{kind} told in state {self.status}")
        self.events.append(Told(record.at_us, kind, data, record.actor, True, record.number))
        self.status = following
        self._note(kind, data, record)

    def _note(self, kind: str, data: Mapping[str, Any], record: Record) -> None:
        if kind in ("assigned", "transferred"):
            self._agent = data.get("to")
        elif kind == "unassigned":
            self._agent = None
        elif kind == "held":
            self.waiting_for = data.get("reason")
        elif kind == "solved":
            self._solved_s = -(-record.at_us // 1_000_000)
        elif kind in ("reopened", "rejected"):
            self._solved_s = 0
        elif kind == "reclassified":
            self.facts = self.facts._replace(**data)
        if self.status != "waiting":
            self.waiting_for = None

    def _mark_own(self, changes: Mapping[str, Any]) -> None:
        """The last step that the record itself names stands for it, and keeps the log's own words."""
        place = self._own[-1] if self._own and self.events[-1].kind != "imported" else len(self.events) - 1
        record, told = self._record, self.events[place]
        words = {"activity": record.activity}
        if record.transition is not None:
            words["transition"] = record.transition
        self.events[place] = told._replace(data={**changes, **told.data, **words}, derived=False)

    # -- facts --------------------------------------------------------------------------------------------------------

    def _reclassify(self, record: Record) -> None:
        known = self.facts
        new = {
            name: value
            for name in CLASSES
            if (value := getattr(record.facts, name)) is not None and value != getattr(known, name)
        }
        if new and self.status not in ("closed", *GONE):
            self._want("reclassified", new)

    def _take_in(self, facts: Facts) -> dict[str, str]:
        """Keeps the last value of everything; returns who is in charge if that changed without a step of its own."""
        known = self.facts
        changes = {
            name: value
            for name in (*CLASSES, "team")
            if (value := getattr(facts, name)) is not None and value != getattr(known, name)
        }
        if facts.agent is not None and facts.agent != self._agent:
            changes["agent"] = self._agent = facts.agent
        merged = {
            name: new if (new := getattr(facts, name)) is not None else getattr(known, name) for name in Facts._fields
        }
        merged["custom"] = tuple({**dict(known.custom), **dict(facts.custom)}.items())
        merged["agent"] = self._agent
        self.facts = Facts(**merged)
        return changes
