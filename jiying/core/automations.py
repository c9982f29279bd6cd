"""Automations (D25): when something happened (and perhaps some time has passed), if these hold, then do that. Pure.

A rule is a JSON document; `problems` names all that is wrong with it. `check` gives the same for the same ticket, and
says of each condition what was found. `cut` breaks loops: it decides whether one rule may follow on others.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jiying.core import timetable
from jiying.core.calendars import Problem
from jiying.core.words import normal

# event: (kinds of facts, what their data must hold)
EVENTS: Mapping[str, tuple[frozenset[str], Mapping[str, Any]]] = {
    "opened": (frozenset({"ticket.opened"}), {}),
    "queued": (frozenset({"ticket.queued", "ticket.unassigned"}), {}),
    "assigned": (frozenset({"ticket.assigned"}), {}),
    "accepted": (frozenset({"ticket.accepted"}), {}),
    "customer_message": (frozenset({"ticket.message"}), {"direction": "in"}),
    "reply": (frozenset({"ticket.message"}), {"direction": "out", "public": True, "by": "person"}),
    "note": (frozenset({"ticket.message"}), {"public": False}),
    "held": (frozenset({"ticket.held"}), {}),
    "resumed": (frozenset({"ticket.resumed"}), {}),
    "changed": (frozenset({"ticket.reclassified"}), {}),
    "escalated": (frozenset({"ticket.escalated"}), {}),
    "solved": (frozenset({"ticket.solved"}), {}),
    "reopened": (frozenset({"ticket.reopened", "ticket.rejected"}), {}),
    "closed": (frozenset({"ticket.closed", "ticket.confirmed"}), {}),
    "warned": (frozenset({"clock.warned"}), {}),
    "late": (frozenset({"clock.breached"}), {}),
    "time": (frozenset(), {}),  # no fact sets it off but the clock on the wall (`core.timetable`)
}
TIME = "time"
KINDS = frozenset(kind for kinds, _data in EVENTS.values() for kind in kinds)
# field `state_for`: at least so long in its state
LENGTHS: Mapping[str, int] = {
    "1h": 3600, "4h": 4 * 3600, "8h": 8 * 3600,
    **{f"{n}d": n * 86_400 for n in (1, 2, 3, 5, 7, 14, 30)},
}  # fmt: skip
UNITS: Mapping[str, int] = {"min": 60, "h": 3600, "d": 86_400}
OPS = ("is", "not")
# field: its choices; None where they are known to the house only, or anything may be written
FIELDS: Mapping[str, tuple[str, ...] | None] = {
    "channel": ("phone", "chat", "email", "social", "web", "other"),
    "type": ("inquiry", "complaint", "suggestion", "fault"),
    "category": None,
    "priority": ("P1", "P2", "P3", "P4"),
    "tier": ("vip", "standard"),
    "status": ("new", "assigned", "accepted", "in_progress", "waiting", "resolved", "closed"),
    "waiting_for": ("customer", "third_party", "department"),
    "state_for": tuple(LENGTHS),
    "team": None,
    "agent": ("yes", "no"),
    "late": ("yes", "no"),
    "incomplete": ("yes", "no"),
    "escalation": ("0", "1", "2", "3"),
    "line": ("1", "2", "3"),
    "metric": ("accept", "first_response", "next_response", "resolution"),
    "hours": ("open", "closed"),
    "last_from": ("customer", "desk"),
    "tags": None,
    "words": None,
}
# action: what its value must be one of (a name in `Known`, or the choices themselves), and whether it needs a text
ACTIONS: Mapping[str, tuple[str | tuple[str, ...], bool]] = {
    "priority": (("P1", "P2", "P3", "P4"), False),
    "category": ("category", False),
    "add_tags": ("tags", False),
    "drop_tags": ("tags", False),
    "team": ("team", False),
    "person": ("person", False),
    "dedicated": ((), False),
    "escalate": (("1", "2", "3"), True),
    "note": ((), True),
    "reply": ((), True),
    "tell": (("assignee", "leads", "managers"), True),
    "flow": ("flow", False),
    "ask": ("department", True),
    "resolve": ((), True),
    "close": ((), False),
}
WITHOUT_VALUE = frozenset(code for code, (choices, _text) in ACTIONS.items() if choices == ())
MAX_CONDITIONS, MAX_ACTIONS, MAX_VALUES, MAX_VALUE, MAX_TEXT = 20, 10, 40, 120, 2000
MAX_WAIT = 10_000
MAX_CHAIN = 5  # rules that set one another off, one behind the other
MAX_A_DAY = 20  # times that one rule acts on one ticket within 24 hours
_TOP = frozenset({"on", "when", "if", "then"})


@dataclass(frozen=True, slots=True)
class Condition:
    """`is`: the ticket has one of the values; `not`: it has none of them."""

    field: str
    values: tuple[str, ...]
    op: str = "is"


@dataclass(frozen=True, slots=True)
class Action:
    do: str
    value: str = ""
    text: str = ""

    @property
    def tags(self) -> tuple[str, ...]:
        return tags_of(self.value)


@dataclass(frozen=True, slots=True)
class Rule:
    event: str
    wait: int
    unit: str
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]
    on: bool = True
    times: timetable.Timetable | None = None  # of the event `time`

    @property
    def wait_s(self) -> int:
        return self.wait * UNITS[self.unit]


@dataclass(frozen=True, slots=True)
class Seen:
    """A ticket as the conditions see it: {field: its values}; `text` is what its customer wrote."""

    values: Mapping[str, Collection[str]]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """A condition with its result; `found` is what the ticket has of what was asked for."""

    condition: Condition
    holds: bool
    found: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        c = self.condition
        return {"field": c.field, "op": c.op, "values": list(self.found if c.op == "is" else c.values)}


def tags_of(text: str) -> tuple[str, ...]:
    """Tags as somebody writes them in one line."""
    parts = text.replace("，", ",").replace("、", ",").split(",")
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def parse(body: Mapping[str, Any]) -> Rule:
    """A rule without problems, ready to be asked."""
    when = body["when"]
    return Rule(
        event=when["event"],
        wait=when.get("wait", 0),
        unit=when.get("unit", "min"),
        conditions=tuple(Condition(c["field"], tuple(c["values"]), c.get("op", "is")) for c in body.get("if", ())),
        actions=tuple(Action(a["do"], a.get("value", ""), a.get("text", "").strip()) for a in body["then"]),
        on=body.get("on", True),
        times=timetable.parse(when) if when["event"] == TIME else None,
    )


def event_of(kind: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """The events that a fact is; none for most."""
    return tuple(
        event
        for event, (kinds, wanted) in EVENTS.items()
        if kind in kinds and all(data.get(name) == value for name, value in wanted.items())
    )


def check(rule: Rule, seen: Seen) -> tuple[Checked, ...]:
    """Every condition with its result; the rule fits where all hold."""
    return tuple(_checked(condition, seen) for condition in rule.conditions)


def lengths(seconds: float) -> tuple[str, ...]:
    """What the field `state_for` says of something that has lasted so long."""
    return tuple(code for code, length in LENGTHS.items() if seconds >= length)


def fits(checked: Iterable[Checked]) -> bool:
    return all(one.holds for one in checked)


def _checked(condition: Condition, seen: Seen) -> Checked:
    found = tuple(value for value in condition.values if _has(condition.field, value, seen))
    return Checked(condition, bool(found) is (condition.op == "is"), found)


def _has(name: str, value: str, seen: Seen) -> bool:
    if name == "words":
        return normal(value) in normal(seen.text)
    if name == "category":
        return any(f"{one}/".startswith(f"{value}/") for one in seen.values.get(name, ()))
    return value in seen.values.get(name, ())


def cut(key: str, chain: Sequence[str], n_lately: int) -> str:
    """Why a rule may not act now, empty if it may. `chain` are the rules whose doing led here, the first one first."""
    if key in chain:
        return "loop"
    if len(chain) >= MAX_CHAIN:
        return "too_deep"
    return "too_often" if n_lately >= MAX_A_DAY else ""


# --- what is wrong with a rule ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """What the house knows by code."""

    category: Collection[str] = ()
    team: Collection[str] = ()
    person: Collection[str] = ()
    flow: Collection[str] = ()
    department: Collection[str] = ()
    tags: Collection[str] = field(default=())


def problems(body: Any, known: Known) -> list[Problem]:
    """Everything wrong with a rule, by place."""
    if not isinstance(body, Mapping) or not set(body) <= _TOP:
        return [Problem("", "wrong_type", {"expected": ", ".join(sorted(_TOP))})]
    found = _when(body.get("when"))
    if not isinstance(body.get("on", True), bool):
        found.append(Problem("on", "wrong_type", {"expected": "true, false"}))
    for n, one in _listed(found, "if", body.get("if", []), MAX_CONDITIONS):
        found += _condition(f"if.{n}", one, known)
    actions = _listed(found, "then", body.get("then", []), MAX_ACTIONS)
    for n, one in actions:
        found += _action(f"then.{n}", one, known)
    if not actions and not any(p.path == "then" for p in found):
        found.append(Problem("then", "required", {"field": "then"}))
    return found


def _listed(found: list[Problem], path: str, value: Any, limit: int) -> list[tuple[int, Any]]:
    if not isinstance(value, list | tuple):
        found.append(Problem(path, "wrong_type", {"expected": "[ ]"}))
        return []
    if len(value) > limit:
        found.append(Problem(path, "too_many", {"limit": limit, "length": len(value)}))
    return list(enumerate(value[:limit]))


_TIMES = frozenset({"event", "every", "days", "at", "workdays"})


def _when(when: Any) -> list[Problem]:
    if isinstance(when, Mapping) and when.get("event") == TIME:
        if not set(when) <= _TIMES:
            return [Problem("when", "wrong_type", {"expected": ", ".join(sorted(_TIMES))})]
        return timetable.problems("when", when)
    if not isinstance(when, Mapping) or not set(when) <= {"event", "wait", "unit"}:
        return [Problem("when", "wrong_type", {"expected": "event, wait, unit"})]
    found = _one_of("when.event", when.get("event", ""), EVENTS)
    found += _one_of("when.unit", when.get("unit", "min"), UNITS)
    wait = when.get("wait", 0)
    if type(wait) is not int or not 0 <= wait <= MAX_WAIT:
        found.append(Problem("when.wait", "out_of_range", {"low": 0, "high": MAX_WAIT}))
    return found


def _condition(path: str, one: Any, known: Known) -> list[Problem]:
    if not isinstance(one, Mapping) or not set(one) <= {"field", "op", "values"}:
        return [Problem(path, "wrong_type", {"expected": "field, op, values"})]
    found = _one_of(f"{path}.field", one.get("field", ""), FIELDS) + _one_of(f"{path}.op", one.get("op", "is"), OPS)
    values = one.get("values")
    if not isinstance(values, list | tuple) or not values:
        return [*found, Problem(f"{path}.values", "required", {"field": "values"})]
    if len(values) > MAX_VALUES:
        return [*found, Problem(f"{path}.values", "too_many", {"limit": MAX_VALUES, "length": len(values)})]
    name = str(one.get("field", ""))
    choices = FIELDS.get(name) or (getattr(known, name) if name in ("category", "team") else None)
    for n, value in enumerate(values):
        if choices is not None:
            found += _one_of(f"{path}.values.{n}", value, choices)
        else:
            found += _text(f"{path}.values.{n}", value, MAX_VALUE)
    return found


def _action(path: str, one: Any, known: Known) -> list[Problem]:
    if not isinstance(one, Mapping) or not set(one) <= {"do", "value", "text"}:
        return [Problem(path, "wrong_type", {"expected": "do, value, text"})]
    code = one.get("do", "")
    if found := _one_of(f"{path}.do", code, ACTIONS):
        return found
    choices, has_text = ACTIONS[code]
    value = one.get("value", "")
    if choices == "tags":
        found = _tags(f"{path}.value", value)
    elif choices != () or value:
        allowed = getattr(known, choices) if isinstance(choices, str) else choices
        found = _one_of(f"{path}.value", value, allowed)
    if has_text or one.get("text"):
        found += _text(f"{path}.text", one.get("text", ""), MAX_TEXT)
    return found


def _tags(path: str, value: Any) -> list[Problem]:
    tags = tags_of(value) if isinstance(value, str) else ()
    if not tags:
        return [Problem(path, "required", {"field": "value"})]
    if len(tags) > 20 or any(len(tag) > 40 or "\x00" in tag for tag in tags):
        return [Problem(path, "bad_tags", {"limit": 20})]
    return []


def _one_of(path: str, value: Any, allowed: Collection[str]) -> list[Problem]:
    if isinstance(value, str) and value in allowed:
        return []
    if value == "":
        return [Problem(path, "required", {"field": path.rpartition(".")[2]})]
    some = ", ".join(sorted(allowed)[:20])
    return [Problem(path, "unknown_value", {"value": str(value)[:40], "known": some})]


def _text(path: str, value: Any, limit: int) -> list[Problem]:
    if not isinstance(value, str) or not value.strip():
        return [Problem(path, "required", {"field": path.rpartition(".")[2]})]
    if len(value) > limit:
        return [Problem(path, "too_long", {"limit": limit, "length": len(value)})]
    return [Problem(path, "control_character", {})] if "\x00" in value else []
