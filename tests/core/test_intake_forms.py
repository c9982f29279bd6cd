"""Intake forms: what is asked, filled in, missing or wrong; and what is wrong with a form itself."""

from typing import Any

import pytest

from jiying.core.intake_forms import check, filled, parse, problems, shown

BODY: dict[str, Any] = {
    "fields": [
        {"key": "order_no", "label": "订单号", "kind": "order", "required": True, "fill": "last"},
        {"key": "damage", "label": "破损类型", "kind": "choice", "options": ["外箱", "商品"], "required": True},
        {"key": "photo", "label": "照片链接", "when": "damage", "values": ["商品"], "required": True},
        {"key": "amount", "label": "金额", "kind": "number"},
        {"key": "bought", "label": "购买日期", "kind": "date"},
        {"key": "callback", "label": "回拨电话", "kind": "phone", "channels": ["phone"], "fill": "customer.phone"},
    ],
    "strict": ["web"],
}
FORM = parse(BODY)


def keys(channel: str, **given: str) -> list[str]:
    return [field.key for field in shown(FORM, channel, given)]


def wrong(channel: str, **given: str) -> list[tuple[str, str]]:
    return [(w.key, w.code) for w in check(FORM, channel, given)]


def test_fields_show_by_channel_and_by_what_stands_before() -> None:
    assert keys("web") == ["order_no", "damage", "amount", "bought"]
    assert keys("phone", damage="商品") == ["order_no", "damage", "photo", "amount", "bought", "callback"]
    assert "photo" not in keys("web", damage="外箱")


def test_what_is_missing_or_wrong() -> None:
    assert wrong("web") == [("order_no", "required"), ("damage", "required")]
    assert wrong("web", order_no="DD12345678", damage="商品") == [("photo", "required")]
    good = {"order_no": "DD12345678", "damage": "外箱", "amount": "12.50", "bought": "2026-05-01"}
    assert wrong("web", **good) == []
    for key, value, code in (
        ("order_no", "xy", "wrong_form"),
        ("damage", "没有", "unknown_value"),
        ("amount", "1e5", "no_number"),
        ("bought", "2026-02-30", "no_date"),
        ("amount", "1" * 2001, "too_long"),
    ):
        assert wrong("web", **{**good, key: value}) == [(key, code)]
    assert wrong("phone", **good, callback="abc") == [("callback", "bad_phone")]


def test_what_is_known_is_filled_in_and_never_over_what_was_given() -> None:
    known = {"last:order_no": "DD00000001", "customer.phone": "13800000000", "last:damage": "外箱"}
    assert filled(FORM, {}, known) == {"order_no": "DD00000001", "callback": "13800000000"}
    assert filled(FORM, {"order_no": " DD7654321 "}, known)["order_no"] == "DD7654321"
    assert filled(FORM, {}, {}) == {}


def _field(**changes: Any) -> dict[str, Any]:
    return {"fields": [{"key": "a", "label": "甲", **changes}]}


def test_a_good_form_has_no_problems() -> None:
    assert problems(BODY) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (None, [("fields", "required")]),
        ({"fields": []}, [("fields", "required")]),
        ({"fields": [1]}, [("fields.0", "wrong_type")]),
        ({**BODY, "strict": ["fax"]}, [("strict", "unknown_value")]),
        (_field(key="A b"), [("fields.0.key", "bad_field_key")]),
        (_field(label=""), [("fields.0.label", "required")]),
        (_field(label="x" * 121), [("fields.0.label", "too_long")]),
        (_field(kind="colour"), [("fields.0.kind", "unknown_value")]),
        (_field(kind="choice"), [("fields.0.options", "required")]),
        (_field(options="ab"), [("fields.0.options", "wrong_type")]),
        (_field(fill="guess"), [("fields.0.fill", "unknown_value")]),
        (_field(channels=["fax"]), [("fields.0.channels", "unknown_value")]),
        (_field(pattern="(a+)+"), [("fields.0.pattern", "bad_pattern")]),
        (_field(pattern="["), [("fields.0.pattern", "bad_pattern")]),
        (_field(when="later", values=["x"]), [("fields.0.when", "no_field_before")]),
        ({"fields": [BODY["fields"][0], BODY["fields"][0]]}, [("fields.1.key", "duplicate")]),
    ],
)
def test_what_is_wrong_with_a_form_is_named_by_place(body: Any, found: list[tuple[str, str]]) -> None:
    assert [(p.path, p.code) for p in problems(body)] == found
