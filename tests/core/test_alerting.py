"""Who is told: the first rule that holds, quiet times over midnight, digests, and every fault of a plan."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core import alerting
from jiying.core.alerting import DAY_MIN, Occasion, Quiet, Wish, hold_min, parse

minutes = st.integers(0, DAY_MIN - 1)
quiets = st.none() | st.builds(Quiet, minutes, minutes, st.just(frozenset({"critical"})))


def shipped() -> dict[str, Any]:
    return copy.deepcopy(dict(alerting.SHIPPED))


@pytest.mark.parametrize(
    ("occasion", "told"),
    [
        (Occasion("warn1", "resolution"), {"assignee": ("app",)}),
        (Occasion("due", "accept"), {"supervisor": ("app", "mail", "group")}),
        (Occasion("due", "resolution", "P1"), {"assignee": ("app", "mail"), "supervisor": ("app", "mail", "group")}),
        (Occasion("vip"), {"assignee": ("app", "sms")}),
    ],
)
def test_as_shipped(occasion: Occasion, told: dict[str, tuple[str, ...]]) -> None:
    rule = parse(shipped()).decide(occasion)
    assert rule is not None and dict(rule.tell) == told


def test_the_first_rule_that_holds_decides_and_none_tells_nobody() -> None:
    plan = parse(
        {
            "rules": [
                {"key": "night", "when": {"hours": ["closed"], "point": ["due"]}, "tell": {"on_call": ["app"]}},
                {"key": "silent", "when": {"priority": ["P4"]}, "tell": {}},
                {"key": "due", "when": {"point": ["due"]}, "tell": {"manager": ["app", "mail"]}},
            ]
        }
    )

    def key(occasion: Occasion) -> str | None:
        rule = plan.decide(occasion)
        return None if rule is None else rule.key

    assert key(Occasion("due", "accept", "P4", "", "closed")) == "night"
    assert key(Occasion("due", "accept", "P4")) == "silent"
    assert key(Occasion("due", "accept", "P1")) == "due"
    assert key(Occasion("warn1", "accept", "P1")) is None


@pytest.mark.parametrize(
    ("start", "end", "at", "wait"),
    [
        ("22:00", "08:00", "23:30", 510),
        ("22:00", "08:00", "07:59", 1),
        ("22:00", "08:00", "08:00", 0),
        ("22:00", "08:00", "21:59", 0),
        ("12:00", "13:30", "12:00", 90),
        ("12:00", "13:30", "13:30", 0),
    ],
)
def test_quiet_times(start: str, end: str, at: str, wait: int) -> None:
    hours, minute = at.split(":")
    assert alerting.quiet_of(start, end).wait_min(int(hours) * 60 + int(minute)) == wait


@given(quiets, quiets, st.integers(0, 240), minutes, st.sampled_from(alerting.SEVERITIES))
def test_a_message_leaves_outside_every_quiet_time_unless_it_may_go_through(
    plan: Quiet | None, own: Quiet | None, digest: int, minute: int, severity: str
) -> None:
    hold = hold_min(plan, Wish(own, digest), severity, minute)
    if severity == "critical":
        assert hold == 0
        return
    assert hold >= digest
    leaves = (minute + hold) % DAY_MIN
    covered = [q for q in (plan, own) if q is not None]
    if any(all(q.wait_min(m) == 0 for q in covered) for m in range(DAY_MIN)):  # else it is always quiet
        assert sum(q.wait_min(leaves) for q in covered) == 0


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"rules": [{"key": "a", "when": {"point": ["noon"]}, "tell": {}}]}, "rules.0.when.point", "plan_unknown"),
    ({"rules": [{"key": "a", "when": {"point": []}, "tell": {}}]}, "rules.0.when.point", "plan_empty"),
    ({"rules": [{"key": "a", "when": {"moon": ["x"]}, "tell": {}}]}, "rules.0.when.moon", "plan_unknown"),
    ({"rules": [{"key": "a", "tell": {"boss": ["app"]}}]}, "rules.0.tell.boss", "plan_unknown"),
    ({"rules": [{"key": "a", "tell": {"manager": ["fax"]}}]}, "rules.0.tell.manager", "plan_ways"),
    ({"rules": [{"key": "a", "tell": {"manager": ["mail"]}}]}, "rules.0.tell.manager", "plan_ways"),
    ({"rules": [{"key": "a", "tell": {"manager": []}}]}, "rules.0.tell.manager", "plan_ways"),
    ({"rules": [{"key": "a", "tell": {}}, {"key": "a", "tell": {}}]}, "rules.1.key", "plan_twice"),
    ({"rules": [{"tell": {}}]}, "rules.0.key", "plan_key"),
    ({"rules": [{"key": "a"}]}, "rules.0.tell", "plan_shape"),
    ({"rules": ["x"]}, "rules.0", "plan_shape"),
    ({"rules": {}}, "rules", "plan_shape"),
    ({"rules": [], "quiet": {"from": "25:00", "to": "08:00"}}, "quiet.from", "plan_time"),
    ({"rules": [], "quiet": {"from": "08:00", "to": "08:00"}}, "quiet.to", "plan_quiet_always"),
    ({"rules": [], "quiet": {"from": "22:00", "to": "08:00", "through": ["x"]}}, "quiet.through", "plan_unknown"),
    ({"rules": [], "colour": "red"}, "colour", "plan_unknown"),
]


@pytest.mark.parametrize(("document", "path", "code"), BAD)
def test_every_fault_of_a_plan_is_named(document: dict[str, Any], path: str, code: str) -> None:
    with pytest.raises(alerting.PlanError) as refused:
        parse(document)
    assert [(p.path, p.code) for p in refused.value.problems] == [(path, code)]
