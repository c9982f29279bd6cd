"""Steps of task flows: what comes first, what blocks, what is wrong with a flow."""

from typing import Any

import pytest

from jiying.core.task_flows import DONE, OPEN, SKIPPED, Standing, before, blocking, is_over, parse, problems

STEPS = [
    {"key": "check", "title": "核对订单", "amount": 30, "unit": "min", "checklist": ["订单号", "金额"]},
    {"key": "call", "title": "联系物流", "mandatory": False},
    {"key": "pay", "title": "退款", "role": "lead", "amount": 1, "unit": "wd", "calendar": "work"},
]
CALENDARS = ("24x7", "work")


def standing(*states: str) -> list[Standing]:
    return [Standing(key, state, key != "call") for key, state in zip(("check", "call", "pay"), states, strict=True)]


def test_a_flow_is_read_in_order_with_what_is_left_out() -> None:
    check, call, pay = parse({"steps": STEPS})
    assert (check.checklist, check.mandatory, call.mandatory, call.amount) == (("订单号", "金额"), True, False, 1)
    assert (pay.role, pay.unit, pay.calendar) == ("lead", "wd", "work")
    assert problems({"steps": STEPS}, CALENDARS) == []


def test_open_mandatory_steps_block_in_order() -> None:
    assert blocking(standing(OPEN, OPEN, OPEN)) == ["check", "pay"]
    assert blocking(standing(DONE, OPEN, SKIPPED)) == []
    assert before(standing(OPEN, OPEN, OPEN), "check") == []
    assert before(standing(OPEN, OPEN, OPEN), "pay") == ["check"]
    assert before(standing(DONE, OPEN, OPEN), "pay") == []  # an optional one waits for nobody
    assert not is_over(standing(DONE, OPEN, SKIPPED))
    assert is_over(standing(DONE, SKIPPED, DONE))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (None, [("steps", "required")]),
        ({"steps": []}, [("steps", "required")]),
        ({"steps": STEPS * 11}, [("steps", "too_many")]),
        ({"steps": ["x"]}, [("steps.0", "wrong_type")]),
        ({"steps": [{"key": "A b", "title": "x"}]}, [("steps.0.key", "bad_step_key")]),
        ({"steps": [{"key": "a", "title": " "}]}, [("steps.0.title", "required")]),
        ({"steps": [{"key": "a", "title": "x" * 121}]}, [("steps.0.title", "too_long")]),
        ({"steps": [{"key": "a", "title": "x", "role": "cook"}]}, [("steps.0.role", "unknown_value")]),
        ({"steps": [{"key": "a", "title": "x", "calendar": "moon"}]}, [("steps.0.calendar", "unknown_value")]),
        ({"steps": [{"key": "a", "title": "x", "amount": 0}]}, [("steps.0.amount", "out_of_range")]),
        ({"steps": [{"key": "a", "title": "x", "amount": True}]}, [("steps.0.amount", "out_of_range")]),
        ({"steps": [{"key": "a", "title": "x", "mandatory": "yes"}]}, [("steps.0.mandatory", "wrong_type")]),
        ({"steps": [{"key": "a", "title": "x", "checklist": "y"}]}, [("steps.0.checklist", "wrong_type")]),
        ({"steps": [{"key": "a", "title": "x", "checklist": [""]}]}, [("steps.0.checklist.0", "required")]),
        ({"steps": [STEPS[0], STEPS[0]]}, [("steps.1.key", "duplicate")]),
    ],
)
def test_what_is_wrong_is_named_by_place(body: Any, found: list[tuple[str, str]]) -> None:
    assert [(p.path, p.code) for p in problems(body, CALENDARS)] == found
