"""Priority rules (D21): which of P1-P4 a request gets, and which facts decided.

A rule document is JSON; `parse` refuses it whole with every problem named. The first rule that holds wins. Reasons are
codes and data, never prose, and hold only words of the document, never text of a customer. May not read a clock or a
database: the same document and request always give the same decision.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from jiying.core.priority_defaults import SHIPPED

__all__ = [
    "CHANNELS", "DEFAULT_KEY", "PRIORITIES", "SHIPPED", "TYPES", "Change", "Decision", "Matched", "Past",
    "PriorityError", "Problem", "Request", "RuleSet", "Trial", "decide", "parse", "try_on",
]  # fmt: skip

PRIORITIES = ("P1", "P2", "P3", "P4")
CHANNELS = ("phone", "chat", "email", "social", "web", "other")
TYPES = ("inquiry", "complaint", "suggestion", "fault")
DEFAULT_KEY = "default"
MAX_RULES = 200
MAX_TERMS = 500
MAX_TERM_CHARS = 60
MAX_AMOUNT = 10**15
N_SHOWN = 10

_RULE_KEY = re.compile(r"[a-z][a-z0-9_]{0,49}")
_SINGLE = frozenset({"any", "none"})
_SEVERAL = frozenset({"any", "all", "none"})
_TERM_LISTS: Mapping[str, frozenset[str]] = MappingProxyType({
    "channel": _SINGLE, "type": _SINGLE, "category": _SINGLE, "tier": _SINGLE,
    "tags": _SEVERAL, "words": _SEVERAL | {"except"},
})  # fmt: skip
_RANGES = frozenset({"sentiment", "amount"})
_BOUNDS = frozenset({"at_least", "at_most"})
_CODES = MappingProxyType({"channel": CHANNELS, "type": TYPES})


@dataclass(frozen=True, slots=True)
class Request:
    """What is known of a request when its priority is set.

    `category` is a path with `/`; `sentiment` runs from -1 (angry) to 1; `amount` is the money at stake in the
    smallest unit of the site's currency (分). An unknown fact is None and fulfils no condition that asks for it.
    """

    channel: str
    subject: str = ""
    description: str = ""
    type: str | None = None
    category: str | None = None
    tier: str | None = None
    sentiment: float | None = None
    amount: int | None = None
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Matched:
    """One condition that held: its code (`words.any`, `amount.at_least` …) and what fulfilled it, at most 10 values.

    For `any` and `all` the terms found, for `none` those that were looked for in vain, for a bound it and the value.
    """

    code: str
    values: tuple[str | int | float, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The priority, the key of the rule that gave it (`default` if none held), and why."""

    priority: str
    rule_key: str
    reason: tuple[Matched, ...] = ()

    def as_data(self) -> dict[str, object]:
        """The decision as plain JSON for the journal and the API."""
        reason = [{"code": found.code, "values": list(found.values)} for found in self.reason]
        return {"priority": self.priority, "rule": self.rule_key, "reason": reason}


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a document: where (`rules.0.when.words.any.2`), which, and the values for its text."""

    path: str
    code: str
    params: Mapping[str, object] = field(default_factory=dict)


class PriorityError(ValueError):
    """The document cannot be used; `problems` names every fault in the order of the document."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{found.path}: {found.code}" for found in self.problems))


@dataclass(frozen=True, slots=True)
class _Term:
    source: str
    literal: str
    edges: re.Pattern[str] | None = None

    def is_whole(self, text: str) -> bool:
        """Whether it stands there by itself, once the text is known to hold it."""
        return self.edges is None or self.edges.search(text) is not None


@dataclass(frozen=True, slots=True)
class _Facts:
    """A request made comparable once, for all rules."""

    request: Request
    values: Mapping[str, str]
    tags: frozenset[str]
    text: str


@dataclass(frozen=True, slots=True)
class _Terms:
    field: str
    any: tuple[_Term, ...] = ()
    all: tuple[_Term, ...] = ()
    none: tuple[_Term, ...] = ()
    ignored: tuple[_Term, ...] = ()

    def check(self, facts: _Facts) -> list[Matched] | None:
        present = self._finder(facts)
        if present(self.none) or len(present(self.all)) < len(self.all):
            return None
        found = tuple(term.source for term in present(self.any))
        if self.any and not found:
            return None
        reason = [Matched(f"{self.field}.any", found[:N_SHOWN])] if found else []
        if self.all:
            reason.append(Matched(f"{self.field}.all", tuple(term.source for term in self.all[:N_SHOWN])))
        if self.none:
            reason.append(Matched(f"{self.field}.none", tuple(term.source for term in self.none[:N_SHOWN])))
        return reason

    def _finder(self, facts: _Facts) -> Callable[[tuple[_Term, ...]], list[_Term]]:
        """Tells which of some terms are there; of the many words of a rule hardly any is."""
        if self.field == "words":
            text = facts.text
            for phrase in self.ignored:
                if phrase.literal in text:
                    text = _without(text, phrase)
            return lambda terms: [term for term in terms if term.literal in text and term.is_whole(text)]
        if self.field == "tags":
            return lambda terms: [term for term in terms if term.literal in facts.tags]
        value = facts.values[self.field]
        if self.field == "category":
            return lambda terms: [term for term in terms if f"{value}/".startswith(f"{term.literal}/")]
        return lambda terms: [term for term in terms if value == term.literal]


@dataclass(frozen=True, slots=True)
class _Range:
    field: str
    at_least: float | None
    at_most: float | None

    def check(self, facts: _Facts) -> list[Matched] | None:
        value = facts.request.amount if self.field == "amount" else facts.request.sentiment
        if value is None:
            return None
        reason = []
        if self.at_least is not None:
            if value < self.at_least:
                return None
            reason.append(Matched(f"{self.field}.at_least", (self.at_least, value)))
        if self.at_most is not None:
            if value > self.at_most:
                return None
            reason.append(Matched(f"{self.field}.at_most", (self.at_most, value)))
        return reason


@dataclass(frozen=True, slots=True)
class _Rule:
    key: str
    priority: str
    conditions: tuple[_Terms | _Range, ...]

    def check(self, facts: _Facts) -> list[Matched] | None:
        reason: list[Matched] = []
        for condition in self.conditions:
            found = condition.check(facts)
            if found is None:
                return None
            reason += found
        return reason


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A checked document, ready to decide. Only `parse` makes one."""

    rules: tuple[_Rule, ...]
    default: str


def decide(rules: RuleSet, request: Request) -> Decision:
    """The priority that the first fitting rule gives, else the default of the set."""
    facts = _facts(request)
    for rule in rules.rules:
        reason = rule.check(facts)
        if reason is not None:
            return Decision(rule.priority, rule.key, tuple(reason))
    return Decision(rules.default, DEFAULT_KEY)


@dataclass(frozen=True, slots=True)
class Past:
    """A past request with the priority that it had; `ref` is the caller's name for it (a ticket number)."""

    ref: str
    request: Request
    priority: str


@dataclass(frozen=True, slots=True)
class Change:
    """One past request that a set would judge otherwise."""

    ref: str
    was: str
    now: str
    rule_key: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What a set would have done: totals exact, `examples` only the first few changes."""

    n_requests: int
    n_changed: int
    moves: Mapping[tuple[str, str], int]
    by_rule: Mapping[str, int]
    examples: tuple[Change, ...]


def try_on(rules: RuleSet, past: Iterable[Past], n_examples: int = 20) -> Trial:
    """Run a set over past requests before it is switched on: how many change, from what to what, by which rule."""
    moves: Counter[tuple[str, str]] = Counter()
    by_rule: Counter[str] = Counter()
    examples: list[Change] = []
    for one in past:
        decision = decide(rules, one.request)
        moves[one.priority, decision.priority] += 1
        by_rule[decision.rule_key] += 1
        if decision.priority != one.priority and len(examples) < n_examples:
            examples.append(Change(one.ref, one.priority, decision.priority, decision.rule_key))
    n_changed = sum(n for (was, now), n in moves.items() if was != now)
    return Trial(moves.total(), n_changed, dict(moves), dict(by_rule), tuple(examples))


def parse(doc: object) -> RuleSet:
    """Check a rule document and make it ready. Raises PriorityError with all its problems."""
    reader = _Reader()
    rules = reader.document(doc)
    if reader.problems:
        raise PriorityError(reader.problems)
    return rules


class _Reader:
    """Reads a document to its end and collects problems, so that an author mends them in one go."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def document(self, doc: object) -> RuleSet:
        top = self._object("", doc, required={"rules", "default"}, optional=set())
        default = self._one_of("default", top.get("default"), PRIORITIES) if "default" in top else ""
        listed = self._list("rules", top["rules"], MAX_RULES, may_be_empty=True) if "rules" in top else []
        rules = [self._rule(f"rules.{place}", one) for place, one in enumerate(listed)]
        if not self.problems:
            self._check_reach(rules)
        return RuleSet(tuple(rules), default)

    def _check_reach(self, rules: list[_Rule]) -> None:
        keys: set[str] = set()
        seen: dict[tuple[_Terms | _Range, ...], str] = {}
        for place, rule in enumerate(rules):
            if rule.key in keys:
                self._add(f"rules.{place}.key", "duplicate", value=rule.key)
            if rule.conditions in seen:
                self._add(f"rules.{place}.when", "never_reached", rule=seen[rule.conditions])
            keys.add(rule.key)
            seen.setdefault(rule.conditions, rule.key)

    def _rule(self, path: str, doc: object) -> _Rule:
        data = self._object(path, doc, required={"key", "priority", "when"}, optional={"name"})
        key = self._key(f"{path}.key", data["key"]) if "key" in data else ""
        priority = self._one_of(f"{path}.priority", data["priority"], PRIORITIES) if "priority" in data else ""
        if "name" in data:
            self._name(f"{path}.name", data["name"])
        conditions = self._when(f"{path}.when", data["when"]) if "when" in data else ()
        return _Rule(key, priority, conditions)

    def _key(self, path: str, value: object) -> str:
        if not isinstance(value, str):
            self._add(path, "wrong_type", expected="string")
        elif not _RULE_KEY.fullmatch(value) or value == DEFAULT_KEY:
            self._add(path, "bad_key", value=value)
        else:
            return value
        return ""

    def _name(self, path: str, doc: object) -> None:
        for language, text in self._object(path, doc, required={"zh"}, optional={"en"}).items():
            self._text(f"{path}.{language}", text)

    def _when(self, path: str, doc: object) -> tuple[_Terms | _Range, ...]:
        data = self._object(path, doc, required=set(), optional=set(_TERM_LISTS) | _RANGES)
        if isinstance(doc, Mapping) and not doc:
            self._add(path, "empty")
        conditions: list[_Terms | _Range] = []
        for name, value in data.items():
            read = self._range if name in _RANGES else self._terms
            conditions.append(read(f"{path}.{name}", name, value))
        return tuple(conditions)

    def _range(self, path: str, name: str, doc: object) -> _Range:
        data = self._object(path, doc, required=set(), optional=set(_BOUNDS))
        if isinstance(doc, Mapping) and not doc:
            self._add(path, "empty")
        bounds = {bound: self._number(f"{path}.{bound}", name, value) for bound, value in data.items()}
        low, high = bounds.get("at_least"), bounds.get("at_most")
        if low is not None and high is not None and low > high:
            self._add(path, "empty_range", at_least=low, at_most=high)
        return _Range(name, low, high)

    def _number(self, path: str, name: str, value: object) -> float | None:
        kinds = (int,) if name == "amount" else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            self._add(path, "wrong_type", expected="integer" if name == "amount" else "number")
            return None
        low, high = (0, MAX_AMOUNT) if name == "amount" else (-1, 1)
        if not low <= value <= high:  # also refuses NaN, which json.loads lets through
            self._add(path, "out_of_range", low=low, high=high)
            return None
        return value

    def _terms(self, path: str, name: str, doc: object) -> _Terms:
        data = self._object(path, doc, required=set(), optional=set(_TERM_LISTS[name]))
        lists = {which: self._term_list(f"{path}.{which}", name, value) for which, value in data.items()}
        if isinstance(doc, Mapping) and not set(lists) - {"except"}:
            self._add(path, "empty")
        wanted = {term.literal for which in ("any", "all") for term in lists.get(which, ())}
        for place, term in enumerate(lists.get("none", ())):
            if term.literal in wanted:
                self._add(f"{path}.none.{place}", "contradiction", value=term.source)
        return _Terms(name, lists.get("any", ()), lists.get("all", ()), lists.get("none", ()), lists.get("except", ()))

    def _term_list(self, path: str, name: str, doc: object) -> tuple[_Term, ...]:
        terms = []
        for place, value in enumerate(self._list(path, doc, MAX_TERMS)):
            here = f"{path}.{place}"
            text = self._one_of(here, value, _CODES[name]) if name in _CODES else self._text(here, value)
            if text:
                terms.append(_term(text, is_word=name == "words"))
        return tuple(terms)

    def _text(self, path: str, value: object) -> str:
        if not isinstance(value, str):
            self._add(path, "wrong_type", expected="string")
        elif not _normal(value).strip("*/ "):
            self._add(path, "empty")
        elif len(value) > MAX_TERM_CHARS:
            self._add(path, "too_long", limit=MAX_TERM_CHARS)
        else:
            return value
        return ""

    def _one_of(self, path: str, value: object, allowed: tuple[str, ...]) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        self._add(path, "unknown_value", value=value, allowed=list(allowed))
        return ""

    def _list(self, path: str, value: object, limit: int, may_be_empty: bool = False) -> list[object]:
        if not isinstance(value, list):
            self._add(path, "wrong_type", expected="list")
            return []
        if not value and not may_be_empty:
            self._add(path, "empty")
        if len(value) > limit:
            self._add(path, "too_many", limit=limit)
        return value[:limit]

    def _object(self, path: str, doc: object, required: set[str], optional: set[str]) -> dict[str, object]:
        if not isinstance(doc, Mapping):
            self._add(path, "wrong_type", expected="object")
            return {}
        prefix = f"{path}." if path else ""
        known = required | optional
        for name in doc:
            if name not in known:
                self._add(f"{prefix}{name}", "unknown_key", allowed=sorted(known))
        for name in sorted(required - set(doc)):
            self._add(f"{prefix}{name}", "missing")
        return {name: value for name, value in doc.items() if name in known}

    def _add(self, path: str, code: str, **params: object) -> None:
        self.problems.append(Problem(path, code, params))


def _facts(request: Request) -> _Facts:
    values = {
        "channel": request.channel,
        "type": request.type or "",
        "category": _path(request.category or ""),
        "tier": _normal(request.tier or ""),
    }
    tags = frozenset(_normal(tag) for tag in request.tags)
    return _Facts(request, values, tags, _normal(f"{request.subject}\n{request.description}"))


def _term(source: str, is_word: bool) -> _Term:
    if not is_word:
        return _Term(source, _path(source))
    normal = _normal(source)
    literal = normal.rstrip("* ")
    return _Term(source, literal, _edges(literal, open_end=normal.endswith("*")))


def _edges(literal: str, open_end: bool) -> re.Pattern[str] | None:
    """Latin words end at letters and digits (`down` is not in `download`); Chinese has no edges. `refund*` is open."""
    before = r"(?<![a-z0-9])" if re.match(r"[a-z0-9]", literal) else ""
    after = r"(?![a-z0-9])" if re.search(r"[a-z0-9]\Z", literal) and not open_end else ""
    return re.compile(before + re.escape(literal) + after) if before or after else None


def _without(text: str, phrase: _Term) -> str:
    # A line end never stands in normal text, so that what remains on both sides cannot join to a new word.
    return phrase.edges.sub("\n", text) if phrase.edges else text.replace(phrase.literal, "\n")


def _path(text: str) -> str:
    return _normal(text).strip("/")


def _normal(text: str) -> str:
    """One form for full-width and half-width, upper and lower case, typed apostrophes, and any run of blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).replace("’", "'").casefold().split())
