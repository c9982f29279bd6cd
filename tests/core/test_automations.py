"""Automations: which facts are events, which conditions hold, where a loop is cut, what is wrong with a rule."""

from typing import Any

import pytest

from jiying.core.automations import (
    EVENTS,
    MAX_A_DAY,
    MAX_CHAIN,
    Action,
    Known,
    Seen,
    check,
    cut,
    event_of,
    fits,
    parse,
    problems,
    tags_of,
)

KNOWN = Known(category=("order", "order/refund"), team=("care",), person=("lin",), flow=("visit",), department=("rnd",))


def rule(*conditions: dict[str, Any], then: list[dict[str, Any]] | None = None, **when: Any) -> dict[str, Any]:
    return {
        "when": {"event": "opened", **when},
        "if": list(conditions),
        "then": then or [{"do": "priority", "value": "P1"}],
    }


def test_a_fact_is_the_events_that_its_data_fulfil() -> None:
    assert event_of("ticket.message", {"direction": "in"}) == ("customer_message",)
    assert event_of("ticket.message", {"direction": "out", "public": True, "by": "person"}) == ("reply",)
    assert event_of("ticket.message", {"direction": "out", "public": True, "by": "auto"}) == ()
    assert event_of("ticket.rejected", {}) == event_of("ticket.reopened", {}) == ("reopened",)
    assert event_of("ticket.imported", {}) == ()


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"field": "priority", "values": ["P1", "P2"]}, True),
        ({"field": "priority", "op": "not", "values": ["P2"]}, False),
        ({"field": "category", "values": ["order"]}, True),  # and all below it
        ({"field": "category", "values": ["ord"]}, False),
        ({"field": "category", "op": "not", "values": ["order/refund"]}, False),
        ({"field": "tags", "values": ["急"]}, True),
        ({"field": "tags", "op": "not", "values": ["VIP"]}, True),
        ({"field": "words", "values": ["ＲＥＦＵＮＤ"]}, True),  # full width and capitals are the same word
        ({"field": "words", "values": ["换货"]}, False),
        ({"field": "metric", "values": ["resolution"]}, False),  # what is not known fulfils nothing
    ],
)
def test_a_condition_holds_for_any_of_its_values(condition: dict[str, Any], holds: bool) -> None:
    seen = Seen({"priority": ["P2"], "category": ["order/refund"], "tags": ["急"]}, "请给我 refund\n谢谢")
    assert fits(check(parse(rule(condition)), seen)) is holds


def test_all_conditions_must_hold_and_what_was_found_is_told() -> None:
    one, two = {"field": "tags", "values": ["a", "b"]}, {"field": "channel", "values": ["web"]}
    checked = check(parse(rule(one, two)), Seen({"tags": ["b"], "channel": ["phone"]}))
    assert [c.holds for c in checked] == [True, False]
    assert checked[0].as_data() == {"field": "tags", "op": "is", "values": ["b"]}
    assert not fits(checked)
    assert fits(check(parse(rule()), Seen({})))


def test_loops_are_cut() -> None:
    assert cut("a", [], 0) == ""
    assert cut("a", ["b", "c"], MAX_A_DAY - 1) == ""
    assert cut("a", ["a", "b"], 0) == "loop"
    assert cut("z", [str(n) for n in range(MAX_CHAIN)], 0) == "too_deep"
    assert cut("a", [], MAX_A_DAY) == "too_often"


def test_a_rule_is_read_with_what_is_left_out() -> None:
    found = parse({"when": {"event": "held", "wait": 2, "unit": "h"}, "then": [{"do": "note", "text": " x "}]})
    assert (found.wait_s, found.on, found.conditions) == (7200, True, ())
    assert found.actions == (Action("note", "", "x"),)
    assert Action("add_tags", "a，b、 c,a").tags == tags_of("a,b,c") == ("a", "b", "c")


@pytest.mark.parametrize(
    ("body", "where", "code"),
    [
        ([], "", "wrong_type"),
        ({"then": []}, "when", "wrong_type"),
        (rule(wait=-1), "when.wait", "out_of_range"),
        (rule(wait=1, unit="wk"), "when.unit", "unknown_value"),
        ({**rule(), "when": {"event": "moon"}}, "when.event", "unknown_value"),
        ({**rule(), "then": []}, "then", "required"),
        ({**rule(), "on": "yes"}, "on", "wrong_type"),
        (rule({"field": "mood", "values": ["x"]}), "if.0.field", "unknown_value"),
        (rule({"field": "team", "values": ["nobody"]}), "if.0.values.0", "unknown_value"),
        (rule({"field": "tags", "values": []}), "if.0.values", "required"),
        (rule({"field": "tags", "values": ["x" * 200]}), "if.0.values.0", "too_long"),
        (rule(then=[{"do": "fly"}]), "then.0.do", "unknown_value"),
        (rule(then=[{"do": "team", "value": "moon"}]), "then.0.value", "unknown_value"),
        (rule(then=[{"do": "dedicated", "value": "x"}]), "then.0.value", "unknown_value"),
        (rule(then=[{"do": "reply", "text": " "}]), "then.0.text", "required"),
        (rule(then=[{"do": "add_tags", "value": " , "}]), "then.0.value", "required"),
        (rule(then=[{"do": "add_tags", "value": "x" * 60}]), "then.0.value", "bad_tags"),
        (rule(then=[{"do": "close"}] * 11), "then", "too_many"),
    ],
)
def test_what_is_wrong_is_named_by_place(body: Any, where: str, code: str) -> None:
    found = problems(body, KNOWN)
    assert (where, code) in [(p.path, p.code) for p in found]


def test_a_rule_of_every_action_is_sound() -> None:
    actions = [
        {"do": "category", "value": "order/refund"},
        {"do": "team", "value": "care"},
        {"do": "person", "value": "lin"},
        {"do": "flow", "value": "visit"},
        {"do": "ask", "value": "rnd", "text": "请看"},
        {"do": "add_tags", "value": "a, b"},
        {"do": "dedicated"},
        {"do": "close"},
    ]
    for event in EVENTS:
        when = {"event": event, **({"every": "day", "at": "09:00"} if event == "time" else {})}
        assert problems({**rule(then=actions), "when": when}, KNOWN) == []
