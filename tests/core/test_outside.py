"""What an outside event asks for, by the rule of its kind and by what is known (D25b)."""

import pytest

from jiying.core.outside import ALWAYS, NO_OPEN, UNMATCHED, Plan, Rule, Seen, decide

ALL = Rule(warns=True, tells=True, opens=NO_OPEN)


@pytest.mark.parametrize(
    ("rule", "seen", "plan"),
    [
        (None, Seen(True, 1), Plan(reason="unknown_kind")),
        (Rule(warns=True, active=False), Seen(True, 1), Plan(reason="kind_off")),
        (ALL, Seen(False, 0), Plan(reason="unknown_customer")),
        (ALL, Seen(True, 2), Plan(warn=True, tell=True)),
        (ALL, Seen(True, 0), Plan(tell=True, open=True)),
        (ALL, Seen(True, 2, is_repeated=True), Plan(warn=True)),  # agents hear of each, the customer once
        (ALL, Seen(True, 0, is_repeated=True), Plan(reason="same")),
        (Rule(opens=ALWAYS), Seen(True, 3), Plan(open=True)),
        (Rule(opens=NO_OPEN), Seen(True, 3), Plan(reason="no_action")),
        (Rule(tells=True), Seen(True, 0), Plan(reason="no_ticket")),
        (Rule(warns=True), Seen(True, 0, is_repeated=True), Plan(reason="no_ticket")),
        (Rule(), Seen(True, 1), Plan(reason="no_action")),
    ],
)
def test_what_is_asked_for(rule: Rule | None, seen: Seen, plan: Plan) -> None:
    assert decide(rule, seen) == plan
    assert plan.is_empty == bool(plan.reason)


def test_what_can_be_mended_is_told_apart() -> None:
    assert decide(None, Seen(True, 1)).reason in UNMATCHED
    assert decide(Rule(), Seen(True, 1)).reason not in UNMATCHED
