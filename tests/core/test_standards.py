"""Standard sets: the shipped figures, which row wins and why, what is refused, what a draft changes (C6-C9)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core.standards import (
    SHIPPED,
    Change,
    Considered,
    Facts,
    StandardError,
    Target,
    choose,
    difference,
    parse,
    problems,
)
from tests.core.clock_cases import changed, target

SET = parse(SHIPPED)


def row(key: str, targets: dict[str, Any] | None = None, **facts: str) -> dict[str, Any]:
    return {"key": key, "targets": targets or {"resolution": target(1, "h")}, **facts}


@pytest.mark.parametrize(("channel", "priority", "response", "resolve"), [
    ("phone", "P1", Target(15, "min", "24x7"), Target(4, "h", "24x7")),
    ("chat", "P1", Target(10, "min", "24x7"), Target(4, "h", "24x7")),
    ("email", "P1", Target(15, "min", "24x7"), Target(4, "h", "24x7")),
    ("phone", "P2", Target(2, "h", "24x7"), Target(24, "h", "24x7")),
    ("chat", "P3", Target(8, "h", "work"), Target(3, "wd", "work")),
    ("web", "P4", Target(24, "h", "work"), Target(5, "wd", "work")),
])  # fmt: skip
def test_c6_shipped_figures(channel: str, priority: str, response: Target, resolve: Target) -> None:
    targets = SET.row_for(Facts(channel, priority)).targets
    assert targets["first_response"] == response
    assert targets["resolution"] == resolve
    assert targets["accept"] == Target(10, "min", "24x7")
    assert "update" not in targets


def test_c6_a_working_day_is_what_its_calendar_says() -> None:
    assert Target(3, "wd", "work").seconds(27_000) == 81_000
    assert (Target(15, "min", "x").seconds(1), Target(4, "h", "x").seconds(1)) == (900, 14_400)


@pytest.mark.parametrize(("department", "kind", "expected"), [
    ("logistics", "parcel", Target(1, "h", "24x7")),
    ("rd", "defect", Target(24, "h", "24x7")),
    ("finance", "joint", Target(2, "h", "24x7")),
    ("second_line", None, Target(30, "min", "24x7")),
    ("finance", None, Target(24, "h", "24x7")),
])  # fmt: skip
def test_c6a_shipped_collaboration(department: str, kind: str | None, expected: Target) -> None:
    found = SET.collaboration_for(department, kind)
    assert found is not None and found.target == expected


def test_c6a_department_before_kind() -> None:
    found = SET.collaboration_for("logistics", "joint")
    assert found is not None and found.key == "logistics/*"
    assert parse(changed({"collaboration": []})).collaboration_for("logistics", None) is None


def test_c8_shipped_rules() -> None:
    assert SET.rule("first_response").starts == "acceptance"
    assert SET.rule("first_response").pauses == ()
    assert SET.rule("resolution").pauses == ("customer", "third_party", "department")
    assert SET.rule("resolution").warn == (50, 80)
    assert SET.confirmation_s == 72 * 3600


def test_c8_rules_left_out_are_as_shipped() -> None:
    plain = parse(changed({"rules": {}}))
    for metric in ("accept", "first_response", "next_response", "resolution", "resolution_total"):
        assert plain.rule(metric).starts == SET.rule(metric).starts
        assert plain.rule(metric).pauses == SET.rule(metric).pauses


def test_c9_most_specific_row_wins() -> None:
    rows = [
        row("plain"), row("channel", channel="chat"), row("priority", priority="P2"),
        row("both", channel="chat", priority="P2"), row("part", category="order"), row("deep", category="order/refund"),
        row("tier", tier="vip"), row("tier-part", tier="vip", category="order"),
    ]  # fmt: skip
    table = parse(changed({"rows": rows}))

    def won(*facts: str | None) -> str:
        return choose(table, Facts(*facts)).row.key

    assert won("email", "P1", None, None) == "plain"
    assert won("chat", "P1", None, None) == "channel"
    assert won("email", "P2", None, None) == "priority"
    assert won("chat", "P2", None, None) == "both"
    assert won("chat", "P2", None, "order/late") == "part"
    assert won("chat", "P2", None, "order/refund/partial") == "deep"
    assert won("chat", "P2", None, "orders") == "both"
    assert won("chat", "P2", "vip", "wish") == "tier"
    assert won("chat", "P2", "vip", "order/refund") == "tier-part"


def test_c9_no_row_gives_the_default_row_and_says_why() -> None:
    table = parse(changed({"rows": [row("vip", tier="vip"), row("p1", priority="P1")]}))
    choice = choose(table, Facts("chat", "P2", "plain", None))
    assert choice.row is table.default
    assert choice.reasons == (
        Considered("vip", "tier", (1, 0, 0, 0)),
        Considered("p1", "priority", (0, 0, 1, 0)),
    )


@pytest.mark.parametrize(("change", "path", "code"), [
    ({"rows.2.targets.resolution.amount": -4}, "rows.2.targets.resolution.amount", "not_positive"),
    ({"rows.2.targets.resolution.amount": 0}, "rows.2.targets.resolution.amount", "not_positive"),
    ({"rows.2.targets.resolution.amount": 1.5}, "rows.2.targets.resolution.amount", "not_a_whole_number"),
    ({"rows.2.targets.resolution.amount": True}, "rows.2.targets.resolution.amount", "not_a_whole_number"),
    ({"rows.2.targets.resolution.amount": 10**9}, "rows.2.targets.resolution.amount", "too_large"),
    ({"rows.2.targets.speed": target(1)}, "rows.2.targets.speed", "unknown_metric"),
    ({"rows.2.targets.resolution.unit": "weeks"}, "rows.2.targets.resolution.unit", "unknown_unit"),
    ({"rows.2.targets.resolution.calendar": "moon"}, "rows.2.targets.resolution.calendar", "unknown_calendar"),
    ({"rows.2.targets.resolution.calendar": None}, "rows.2.targets.resolution.calendar", "no_calendar"),
    ({"rows.2.targets.resolution": 5}, "rows.2.targets.resolution", "not_an_object"),
    ({"rows.2.targets": {}}, "rows.2.targets", "no_targets"),
    ({"rows.2.channel": "pigeon"}, "rows.2.channel", "unknown_channel"),
    ({"rows.2.priority": "P9"}, "rows.2.priority", "unknown_priority"),
    ({"rows.2.category": "a//b"}, "rows.2.category", "bad_category"),
    ({"rows.2.tier": 3}, "rows.2.tier", "not_text"),
    ({"rows.2.colour": "red"}, "rows.2.colour", "unknown_field"),
    ({"rows.2.key": ""}, "rows.2.key", "no_key"),
    ({"rows.2.key": "default"}, "rows.2.key", "reserved_key"),
    ({"rows.2.key": "p1-chat"}, "rows.2", "duplicate_key"),
    ({"rows.2.channel": "chat"}, "rows.2", "duplicate_facts"),
    ({"rows.2": "p1"}, "rows.2", "not_an_object"),
    ({"rows": {}}, "rows", "not_a_list"),
    ({"default": None}, "default", "no_default_row"),
    ({"default": {"targets": {}}}, "default.targets", "no_targets"),
    ({"default": []}, "default", "not_an_object"),
    ({"rules.resolution.warn": [80, 50]}, "rules.resolution.warn", "not_rising"),
    ({"rules.resolution.warn": [50, 50]}, "rules.resolution.warn", "not_rising"),
    ({"rules.resolution.warn": [50, 100]}, "rules.resolution.warn", "outside_range"),
    ({"rules.resolution.warn": [0]}, "rules.resolution.warn", "outside_range"),
    ({"rules.resolution.warn": 50}, "rules.resolution.warn", "not_a_list"),
    ({"rules.resolution.late_min": [30, 10]}, "rules.resolution.late_min", "not_rising"),
    ({"rules.resolution.pauses": ["lunch"]}, "rules.resolution.pauses.0", "unknown_reason"),
    ({"rules.resolution.pauses": "customer"}, "rules.resolution.pauses", "not_a_list"),
    ({"rules.resolution.starts": "assignment"}, "rules.resolution.starts", "unknown_start"),
    ({"rules.speed": {}}, "rules.speed", "unknown_metric"),
    ({"rules": []}, "rules", "not_an_object"),
    ({"confirmation_s": 0}, "confirmation_s", "not_positive"),
    ({"version": -1}, "version", "not_a_version"),
    ({"promises.accept": target(1)}, "promises.accept", "reserved_metric"),
    ({"promises.Call Back": target(1)}, "promises.Call Back", "bad_code"),
    ({"collaboration.1.department": "logistics", "collaboration.1.kind": None}, "collaboration.1", "duplicate_facts"),
    ({"collaboration.1.target.amount": 0}, "collaboration.1.target.amount", "not_positive"),
    ({"extra": 1}, "extra", "unknown_field"),
])  # fmt: skip
def test_bad_documents_are_refused_by_place_and_code(change: dict[str, Any], path: str, code: str) -> None:
    doc = changed(change)
    assert [(x.path, x.code) for x in problems(doc, {"24x7", "work"})] == [(path, code)]
    with pytest.raises(StandardError) as refused:
        parse(doc, calendars={"24x7", "work"})
    assert path in str(refused.value)


def test_all_problems_are_told_at_once_with_their_values() -> None:
    doc = changed({"rows.0.priority": "P9", "rows.1.targets.accept.amount": -1, "default": None})
    assert [(x.path, x.code, dict(x.params)) for x in problems(doc)] == [
        ("rows.0.priority", "unknown_priority", {"priority": "P9"}),
        ("rows.1.targets.accept.amount", "not_positive", {"amount": -1}),
        ("default", "no_default_row", {}),
    ]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_PLACES = st.sampled_from((
    "rows", "rows.0", "rows.0.key", "rows.0.channel", "rows.0.category", "rows.0.targets", "rows.0.targets.accept",
    "rows.0.targets.accept.unit", "rows.0.targets.accept.calendar", "default", "default.targets", "rules",
    "rules.accept", "rules.accept.starts", "rules.accept.warn", "rules.accept.pauses", "confirmation_s", "promises",
    "promises.callback", "collaboration", "collaboration.0", "collaboration.0.department", "version",
))  # fmt: skip


@given(_PLACES, _JSON)
def test_any_json_is_answered_with_problems_or_parses(place: str, value: Any) -> None:
    doc = changed({place: value})
    if not problems(doc):
        assert parse(doc).row_for(Facts("chat", "P1")).targets


@given(_JSON)
def test_any_document_is_answered_with_problems(doc: Any) -> None:
    assert problems(doc)


def test_c7_the_difference_names_each_changed_cell() -> None:
    new = parse(changed({
        "rows.1.targets.first_response.amount": 5,
        "rows.2.key": "renamed",
        "rows.4.targets.update": target(1, "h"),
        "rules.resolution.warn": [75],
        "confirmation_s": 3600,
        "collaboration.0.target.amount": 2,
    }))  # fmt: skip
    p1_chat, p3 = ("chat", "P1", None, None), (None, "P3", None, None)
    assert difference(SET, new) == [
        Change("rows", p1_chat, "first_response", Target(10, "min", "24x7"), Target(5, "min", "24x7")),
        Change("rows", p3, "update", None, Target(1, "h", "24x7")),
        Change("rules", ("resolution",), "warn", (50, 80), (75,)),
        Change("confirmation", (), "seconds", 259_200, 3600),
        Change("collaboration", ("logistics", None), "collaboration", Target(1, "h", "24x7"), Target(2, "h", "24x7")),
    ]
    removed = parse(changed({"rows": SHIPPED["rows"][1:]}))
    assert {(x.field, x.new) for x in difference(SET, removed)} == {(metric, None) for metric in SET.rows[0].targets}
    assert difference(SET, SET) == []
