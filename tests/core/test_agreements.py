"""Collaboration standards (C6a): which promise holds, what is wrong with a document, what a version changes."""

from typing import Any

import pytest

from jiying.core.standards import (
    SHIPPED,
    Change,
    StandardError,
    Target,
    agreement_changes,
    agreement_problems,
    by_department,
    parse_agreement,
    promised,
)

HOUR = {"amount": 1, "unit": "h", "calendar": "24x7"}
DAY = {"amount": 24, "unit": "h", "calendar": "24x7"}
HELD = {key: parse_agreement(key, 1, document) for key, document in by_department(SHIPPED["collaboration"]).items()}


@pytest.mark.parametrize(
    ("department", "kind", "row", "target"),
    [
        ("logistics", "question", "logistics/*", Target(1, "h", "24x7")),
        ("rd", "defect", "rd/defect", Target(24, "h", "24x7")),
        ("second_line", "line2", "second_line/*", Target(30, "min", "24x7")),
        ("finance", "joint", "finance/joint", Target(2, "h", "24x7")),
        ("rd", "joint", "rd/joint", Target(2, "h", "24x7")),
        ("finance", None, "finance/*", Target(24, "h", "24x7")),
    ],
)
def test_the_shipped_promises(department: str, kind: str | None, row: str, target: Target) -> None:
    found = promised(HELD, department, kind)
    assert found is not None and (found.row, found.entry.target) == (row, target)


def test_a_departments_own_word_for_every_kind_comes_before_what_all_promise_for_one() -> None:
    found = promised(HELD, "logistics", "joint")
    assert found is not None and found.agreement.key == "logistics"


def test_nothing_is_promised_where_nobody_agreed() -> None:
    assert promised({}, "logistics", None) is None
    only = {"rd": parse_agreement("rd", 1, {"entries": [{"kind": "defect", "target": DAY}]})}
    assert promised(only, "rd", "question") is None


BAD: list[tuple[Any, str, str]] = [
    ([], "", "not_an_object"),
    ({"entries": [], "colour": 1}, "colour", "unknown_field"),
    ({"entries": []}, "entries", "no_targets"),
    ({"entries": {}}, "entries", "not_a_list"),
    ({"entries": [3]}, "entries.0", "not_an_object"),
    ({"entries": [{"kind": None, "target": {**HOUR, "amount": 0}}]}, "entries.0.target.amount", "not_positive"),
    (
        {"entries": [{"kind": None, "target": {**HOUR, "calendar": "no"}}]},
        "entries.0.target.calendar",
        "unknown_calendar",
    ),
    ({"entries": [{"kind": "a", "target": HOUR}, {"kind": "a", "target": DAY}]}, "entries.1", "duplicate_facts"),
    ({"entries": [{"kind": 5, "target": HOUR}]}, "entries.0.kind", "not_text"),
    ({"entries": [{"kind": None, "target": HOUR}] * 101}, "entries", "too_many"),
    ({"asking": 4, "entries": [{"kind": None, "target": HOUR}]}, "asking", "not_text"),
]


@pytest.mark.parametrize(("document", "path", "code"), BAD)
def test_what_is_wrong_is_named_with_its_place(document: Any, path: str, code: str) -> None:
    assert (path, code) in [(p.path, p.code) for p in agreement_problems(document, {"24x7"})]
    if code != "unknown_calendar":
        with pytest.raises(StandardError):
            parse_agreement("rd", 1, document)


def test_changes_are_told_entry_by_entry() -> None:
    old = parse_agreement("rd", 1, {"asking": None, "entries": [{"kind": None, "target": DAY}]})
    new = {"asking": "service", "entries": [{"kind": None, "target": HOUR}, {"kind": "defect", "target": DAY}]}
    hour, day = Target(1, "h", "24x7"), Target(24, "h", "24x7")
    assert agreement_changes(old, parse_agreement("rd", 2, new)) == [
        Change("collaboration", ("rd", None), "collaboration", day, hour),
        Change("collaboration", ("rd", "defect"), "collaboration", None, day),
        Change("collaboration", ("rd",), "asking", None, "service"),
    ]
    assert len(agreement_changes(None, old)) == 1
