"""Outside events (D25b): what the rule of a kind asks for, given what is known of the customer. Pure."""

from dataclasses import dataclass

NEVER, NO_OPEN, ALWAYS = "", "no_open", "always"
OPENS = (NEVER, NO_OPEN, ALWAYS)
SEVERITIES = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a kind of event does: `warns` the agents of open tickets, `tells` the customer, `opens` a ticket."""

    warns: bool = False
    tells: bool = False
    opens: str = NEVER
    active: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """What is found when an event comes; `is_repeated`: an equal one was acted on within the window of its kind."""

    knows_customer: bool
    n_open: int
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done; with nothing of it, `reason` says why."""

    warn: bool = False
    tell: bool = False
    open: bool = False
    reason: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.warn or self.tell or self.open)


def decide(rule: Rule | None, seen: Seen) -> Plan:
    """An equal event opens no second ticket and tells the customer nothing twice; agents are warned of each."""
    if rule is None:
        return Plan(reason="unknown_kind")
    if not rule.active:
        return Plan(reason="kind_off")
    if not seen.knows_customer:
        return Plan(reason="unknown_customer")
    opens = rule.opens == ALWAYS or (rule.opens == NO_OPEN and seen.n_open == 0)
    warn, fresh = rule.warns and seen.n_open > 0, not seen.is_repeated
    tell = rule.tells and fresh and (opens or seen.n_open > 0)
    plan = Plan(warn, tell, opens and fresh)
    if not plan.is_empty:
        return plan
    if seen.is_repeated and (opens or rule.tells):
        return Plan(reason="same")
    return Plan(reason="no_ticket" if rule.warns or rule.tells else "no_action")


UNMATCHED = frozenset({"unknown_kind", "kind_off", "unknown_customer"})  # mended, such an event may be tried again
