"""Which team a ticket goes up to by rule, and what is wrong with rules."""

from typing import Any

import pytest

from jiying.core.support_lines import Happened, choose, parse, problems

RULES = {
    "rules": [
        {"event": "escalated", "type": "complaint", "level": 2, "team": "care"},
        {"event": "escalated", "category": "product", "team": "tech"},
        {"event": "late", "priority": "P1", "team": "tech"},
    ]
}


@pytest.mark.parametrize(
    ("what", "team"),
    [
        (Happened("escalated", "order", "complaint", "P2", 2), "care"),
        (Happened("escalated", "product/defect", "complaint", "P2", 1), "tech"),
        (Happened("escalated", "product", "fault", "P2", 1), "tech"),
        (Happened("escalated", "products", "fault", "P2", 1), None),  # another category that begins alike
        (Happened("escalated", "order", "complaint", "P2", 1), None),
        (Happened("late", "order", "inquiry", "P1"), "tech"),
        (Happened("late", "order", "inquiry", "P2"), None),
        (Happened("opened", "product", "fault", "P1"), None),
    ],
)
def test_the_first_rule_that_fits_holds(what: Happened, team: str | None) -> None:
    rule = choose(parse(RULES), what)
    assert (rule.team if rule else None) == team


def test_good_rules_have_no_problems() -> None:
    assert problems(RULES, ("care", "tech")) == []
    assert problems({"rules": []}, ()) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (None, [("rules", "required")]),
        ({"rules": {}}, [("rules", "required")]),
        ({"rules": [7]}, [("rules.0", "wrong_type")]),
        ({"rules": [{"event": "closed", "team": "care"}]}, [("rules.0.event", "unknown_value")]),
        ({"rules": [{"event": "late", "team": "first"}]}, [("rules.0.team", "not_higher_line")]),
        ({"rules": [{"event": "late", "team": "care", "level": 4}]}, [("rules.0.level", "out_of_range")]),
        ({"rules": [{"event": "late", "team": "care", "priority": "P9"}]}, [("rules.0.priority", "unknown_value")]),
        ({"rules": [{"event": "late", "team": "care", "colour": "red"}]}, [("rules.0", "wrong_type")]),
    ],
)
def test_what_is_wrong_is_named_by_place(body: Any, found: list[tuple[str, str]]) -> None:
    assert [(p.path, p.code) for p in problems(body, ("care", "tech"))] == found
