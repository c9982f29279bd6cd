"""Who is told of what, by which way and when (C18): ordered rules of a plan, quiet hours, digests.

A plan is JSON; `parse` refuses it whole with every problem named. The first rule that holds decides; where none does,
nobody is told. May not read a clock, a database or people: capacities are codes that the feature turns into people.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

TICKET_POINTS = ("escalated", "vip", "warn1", "warn2", "due", "late1", "late2", "late3")
DECISIONS = ("approval", "cause", "decided")  # a version or a cause waits for approval; what became of it
POINTS = (*TICKET_POINTS, *DECISIONS)
METRICS = (
    "accept", "first_response", "next_response", "update", "resolution", "resolution_total", "collaboration", "line",
)  # fmt: skip
PRIORITIES = ("P1", "P2", "P3", "P4")
HOURS = ("open", "closed")
TICKET_CAPACITIES = ("assignee", "supervisor", "on_call", "manager")
CAPACITIES = (*TICKET_CAPACITIES, "approver", "proposer")
WAYS = ("app", "mail", "sms", "group")  # the pop-up always; messages, and the robots of the person's team and house
SEVERITIES = ("notice", "warning", "breach", "critical")
CONDITIONS: Mapping[str, tuple[str, ...] | None] = MappingProxyType(
    {"point": POINTS, "metric": METRICS, "priority": PRIORITIES, "tier": None, "hours": HOURS}
)
MAX_RULES = 100
DAY_MIN = 24 * 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a plan: where (`rules.0.tell.supervisor`), which, and the values for its text."""

    path: str
    code: str
    params: Mapping[str, object] = field(default_factory=dict)


class PlanError(ValueError):
    """The plan cannot be used; `problems` names every fault in the order of the document."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(", ".join(f"{p.path}: {p.code}" for p in self.problems))


@dataclass(frozen=True, slots=True)
class Occasion:
    """What happened: a point of a clock, or the arrival of an escalated or VIP ticket (`metric` is then empty).

    `hours` tells whether the plan's calendar is open at that instant.
    """

    point: str
    metric: str = ""
    priority: str = ""
    tier: str = ""
    hours: str = "open"


@dataclass(frozen=True, slots=True)
class Rule:
    """`when` are sets of codes that must hold each; `tell` gives ways by capacity, in order of the plan."""

    key: str
    name: str
    when: Mapping[str, frozenset[str]]
    tell: Mapping[str, tuple[str, ...]]

    def holds(self, occasion: Occasion) -> bool:
        return all(getattr(occasion, fact) in codes for fact, codes in self.when.items())


@dataclass(frozen=True, slots=True)
class Quiet:
    """Minutes of the local day between which messages wait, over midnight if `start` is after `end`.

    Severities in `through` are sent all the same.
    """

    start: int
    end: int
    through: frozenset[str] = frozenset()

    def wait_min(self, minute: int) -> int:
        """Minutes from `minute` of the day (0-1439) until messages may go out; 0 outside the quiet time."""
        inside = (minute - self.start) % DAY_MIN < (self.end - self.start) % DAY_MIN
        return (self.end - minute) % DAY_MIN if inside else 0


@dataclass(frozen=True, slots=True)
class Plan:
    rules: tuple[Rule, ...]
    quiet: Quiet | None = None
    calendar: str = ""

    def decide(self, occasion: Occasion) -> Rule | None:
        """The first rule that holds, or None: nobody is told."""
        return next((rule for rule in self.rules if rule.holds(occasion)), None)

    def ways(self, point: str, capacity: str) -> tuple[str, ...]:
        """By which ways an approver or proposer hears of a decision. The pop-up always: what waits must not be lost
        in a plan that was written before there were such points, or that thinks of tickets only."""
        rules = (rule for rule in self.rules if point in rule.when.get("point", ()))
        return next((rule.tell[capacity] for rule in rules if capacity in rule.tell), ("app",))


@dataclass(frozen=True, slots=True)
class Wish:
    """A person's own wishes for messages: a quiet time of their own, and `digest_min` minutes to gather before one."""

    quiet: Quiet | None = None
    digest_min: int = 0


def hold_min(plan: Quiet | None, wish: Wish, severity: str, minute: int) -> int:
    """Minutes that a message waits before it may leave the house, at `minute` of the person's local day.

    Gathering for a digest comes first; the site's and the person's quiet times after it, whichever ends later. What
    the site lets through at night is never gathered or held by a wish: a person cannot switch off an emergency.
    """
    if severity == "critical" or (plan is not None and severity in plan.through):
        return 0
    hold = wish.digest_min
    for _turn in range(2):  # the end of one quiet time may lie within the other
        for quiet in (plan, wish.quiet):
            hold += quiet.wait_min((minute + hold) % DAY_MIN) if quiet is not None else 0
    return hold


# --- reading a plan --------------------------------------------------------------------------------------------------


def parse(document: Any) -> Plan:
    """The plan of a document; PlanError with every problem."""
    found = tuple(_problems(document))
    if found:
        raise PlanError(found)
    quiet = document.get("quiet")
    return Plan(
        rules=tuple(_rule(rule) for rule in document["rules"]),
        quiet=None if quiet is None else quiet_of(quiet["from"], quiet["to"], quiet.get("through", ())),
        calendar=document.get("calendar", ""),
    )


def quiet_of(start: str, end: str, through: Iterable[str] = ()) -> Quiet:
    """A quiet time from its two times of day, `HH:MM`. Raises ValueError for others."""
    return Quiet(_minute(start), _minute(end), frozenset(through))


def _rule(rule: Mapping[str, Any]) -> Rule:
    return Rule(
        key=rule["key"],
        name=rule.get("name", ""),
        when={fact: frozenset(codes) for fact, codes in rule.get("when", {}).items()},
        tell={capacity: tuple(ways) for capacity, ways in rule["tell"].items()},
    )


def _minute(text: str) -> int:
    hours, colon, minutes = text.partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2 and len(hours) <= 2):
        raise ValueError(text)
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError(text)
    return int(hours) * 60 + int(minutes)


def _problems(document: Any) -> Iterator[Problem]:
    if not isinstance(document, Mapping) or not isinstance(document.get("rules"), list):
        yield Problem("rules", "plan_shape")
        return
    for name in document.keys() - {"rules", "quiet", "calendar"}:
        yield Problem(str(name), "plan_unknown", {"value": str(name)[:40]})
    if len(document["rules"]) > MAX_RULES:
        yield Problem("rules", "plan_many", {"limit": MAX_RULES})
    keys: set[str] = set()
    for n, rule in enumerate(document["rules"]):
        if not isinstance(rule, Mapping):
            yield Problem(f"rules.{n}", "plan_shape")
            continue
        yield from _of_rule(f"rules.{n}", rule, keys)
    if document.get("quiet") is not None:
        yield from _of_quiet(document["quiet"])
    if not isinstance(document.get("calendar", ""), str):
        yield Problem("calendar", "plan_shape")


def _of_rule(path: str, rule: Mapping[str, Any], keys: set[str]) -> Iterator[Problem]:
    key = rule.get("key")
    if not isinstance(key, str) or not key or len(key) > 40:
        yield Problem(f"{path}.key", "plan_key")
    elif key in keys:
        yield Problem(f"{path}.key", "plan_twice", {"value": key})
    else:
        keys.add(key)
    if not isinstance(rule.get("name", ""), str) or len(rule.get("name", "")) > 80:
        yield Problem(f"{path}.name", "plan_name", {"limit": 80})
    for name in rule.keys() - {"key", "name", "when", "tell"}:
        yield Problem(f"{path}.{name}", "plan_unknown", {"value": str(name)[:40]})
    yield from _of_conditions(f"{path}.when", rule.get("when", {}))
    yield from _of_people(f"{path}.tell", rule.get("tell"))


def _of_conditions(path: str, when: Any) -> Iterator[Problem]:
    if not isinstance(when, Mapping):
        yield Problem(path, "plan_shape")
        return
    for fact, codes in when.items():
        known = CONDITIONS.get(fact, ())
        if fact not in CONDITIONS:
            yield Problem(f"{path}.{fact}", "plan_unknown", {"value": str(fact)[:40]})
        elif not isinstance(codes, list) or not codes:
            yield Problem(f"{path}.{fact}", "plan_empty")
        else:
            for code in codes:
                if not isinstance(code, str) or (known is not None and code not in known):
                    yield Problem(f"{path}.{fact}", "plan_unknown", {"value": str(code)[:40]})


def _of_people(path: str, tell: Any) -> Iterator[Problem]:
    if not isinstance(tell, Mapping):
        yield Problem(path, "plan_shape")
        return
    for capacity, ways in tell.items():
        if capacity not in CAPACITIES:
            yield Problem(f"{path}.{capacity}", "plan_unknown", {"value": str(capacity)[:40]})
        elif not isinstance(ways, list) or "app" not in ways or any(way not in WAYS for way in ways):
            yield Problem(f"{path}.{capacity}", "plan_ways", {"known": ", ".join(WAYS)})


def _of_quiet(quiet: Any) -> Iterator[Problem]:
    if not isinstance(quiet, Mapping):
        yield Problem("quiet", "plan_shape")
        return
    times = []
    for name in ("from", "to"):
        try:
            times.append(_minute(str(quiet.get(name, ""))))
        except ValueError:
            yield Problem(f"quiet.{name}", "plan_time")
    if len(times) == 2 and times[0] == times[1]:
        yield Problem("quiet.to", "plan_quiet_always")
    through = quiet.get("through", [])
    if not isinstance(through, list) or any(code not in SEVERITIES for code in through):
        yield Problem("quiet.through", "plan_unknown", {"value": str(through)[:40]})


def _tell(**people: str) -> dict[str, list[str]]:
    return {capacity: ways.split() for capacity, ways in people.items()}


# What a new installation has: the agent before it is due, the supervisor with it, the next level when it stays late.
SHIPPED: Mapping[str, Any] = MappingProxyType(
    {
        "rules": [
            {"key": "escalated", "when": {"point": ["escalated"]},
             "tell": _tell(assignee="app mail sms", supervisor="app mail group")},
            {"key": "vip", "when": {"point": ["vip"]}, "tell": _tell(assignee="app sms")},
            {"key": "warning", "when": {"point": ["warn1", "warn2"]}, "tell": _tell(assignee="app")},
            {"key": "unaccepted", "when": {"point": ["due"], "metric": ["accept"]},
             "tell": _tell(supervisor="app mail group")},
            {"key": "due", "when": {"point": ["due"]}, "tell": _tell(assignee="app mail", supervisor="app mail group")},
            {"key": "late", "when": {"point": ["late1", "late2", "late3"]},
             "tell": _tell(supervisor="app mail group", on_call="app mail sms", manager="app mail")},
            {"key": "approval", "when": {"point": ["approval"]}, "tell": _tell(approver="app mail")},
            {"key": "decided", "when": {"point": ["cause", "decided"]},
             "tell": _tell(approver="app", proposer="app")},
        ],
        "quiet": None,
        "calendar": "",
    }
)  # fmt: skip
