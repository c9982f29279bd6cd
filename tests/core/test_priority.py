"""Priority rules: the shipped ones, each condition, every fault of a document, and the trial on past requests."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core.priority import (
    SHIPPED,
    Matched,
    Past,
    PriorityError,
    Request,
    RuleSet,
    decide,
    parse,
    try_on,
)

RULES = parse(SHIPPED)


def one_rule(when: object, **more: object) -> dict[str, object]:
    return {"default": "P3", "rules": [{"key": "only", "priority": "P1", "when": when, **more}]}


def holds(when: object, **facts: Any) -> bool:
    return decide(parse(one_rule(when)), Request(**{"channel": "web", **facts})).rule_key == "only"


def problems(doc: object) -> list[tuple[str, str]]:
    with pytest.raises(PriorityError) as caught:
        parse(doc)
    return [(found.path, found.code) for found in caught.value.problems]


@pytest.mark.parametrize(
    ("kind", "subject", "priority", "rule"),
    [
        ("complaint", "信用卡被盗刷了三笔", "P1", "money_lost"),
        ("inquiry", "本月扣款异常，请核实", "P1", "money_lost"),
        ("suggestion", "我的卡被盗刷，应加强验证", "P1", "money_lost"),
        ("complaint", "I was charged twice for one order", "P1", "money_lost"),
        ("inquiry", "我的账号被盗了", "P1", "money_lost"),
        ("inquiry", "How do I report a stolen card?", "P1", "money_lost"),
        ("fault", "There is a service outage", "P1", "core_business_interrupted"),
        ("inquiry", "担心资金安全", "P1", "money_safety"),
        ("fault", "核心业务中断，全公司停工", "P1", "core_business_interrupted"),
        ("fault", "系统故障，订单全部卡住", "P1", "system_fault"),
        ("inquiry", "今天一直无法登录", "P1", "system_fault"),
        (None, "服务器宕机", "P1", "system_fault"),
        ("fault", "I can’t log in since this morning", "P1", "system_fault"),
        ("complaint", "订单纠纷：卖家拒绝退款", "P2", "order_dispute"),
        ("inquiry", "功能咨询：报表导出", "P2", "function_question"),
        ("inquiry", "How to use the export?", "P2", "function_question"),
        ("fault", "扫码枪打不开", "P2", "use_hindered"),
        ("fault", "冰箱不制冷", "P2", "fault_reported"),
        ("inquiry", "这件事需要多部门一起看", "P2", "several_departments"),
        ("inquiry", "请问营业时间", "P3", "default"),
        ("inquiry", "What are your opening hours?", "P3", "default"),
        ("suggestion", "关于我的工单，处理进度能否每天告知", "P3", "running_request_suggestion"),
        ("suggestion", "请优化 GD20240501001 的流程", "P3", "running_request_suggestion"),
        ("suggestion", "页面可以换个颜色", "P4", "idea"),
        ("inquiry", "提个建议，希望增加夜间模式", "P4", "idea_by_words"),
        (None, "Feature requests for the app", "P4", "idea_by_words"),
        ("suggestion", "建议增加系统故障时的短信通知", "P4", "idea"),
        ("suggestion", "建议增加防盗刷提醒", "P4", "idea"),
    ],
)
def test_shipped_rules_read_requests_as_d21_says(kind, subject, priority, rule):
    decision = decide(RULES, Request(channel="web", type=kind, subject=subject))
    assert (decision.priority, decision.rule_key) == (priority, rule)


@pytest.mark.parametrize(
    "subject",
    [
        "如何防止盗刷",
        "请确认系统没有故障",
        "这款产品停产了吗",
        "自行车被盗能否理赔",
        "感觉有种被骗的感觉",
        "Download of the invoice",
        "shut down my account",
        "my backpack was stolen",
        "Is food covered in a power outage?",
    ],
)
def test_shipped_rules_do_not_cry_wolf(subject):
    assert decide(RULES, Request(channel="web", type="inquiry", subject=subject)).priority != "P1"


def test_the_shipped_document_is_json_with_names_in_both_languages():
    assert parse(json.loads(json.dumps(SHIPPED))) == RULES
    assert all(set(rule["name"]) == {"zh", "en"} for rule in SHIPPED["rules"])


def test_worked_example_of_the_algorithm_page():
    request = Request(
        channel="phone", type="complaint", subject="重复扣款", description="同一订单扣了两次，疑似盗刷", amount=128_00
    )
    assert decide(RULES, request).as_data() == {
        "priority": "P1",
        "rule": "money_lost",
        "reason": [{"code": "words.any", "values": ["盗刷", "重复扣款"]}],
    }


def test_a_reason_stays_small():
    terms = [f"词{n}" for n in range(40)]
    when = {"words": {"any": terms}, "tags": {"none": terms}}
    reason = decide(parse(one_rule(when)), Request("web", " ".join(terms))).reason
    assert [(found.code, len(found.values)) for found in reason] == [("words.any", 10), ("tags.none", 10)]


def test_first_rule_wins_and_the_default_has_no_reason():
    doc = {
        "default": "P4",
        "rules": [
            {"key": "vip", "priority": "P2", "when": {"tier": {"any": ["vip"]}}},
            {"key": "phone", "priority": "P1", "when": {"channel": {"any": ["phone"]}}},
        ],
    }
    rules = parse(doc)
    assert decide(rules, Request(channel="phone", tier="VIP")).rule_key == "vip"
    assert decide(rules, Request(channel="phone")).rule_key == "phone"
    assert decide(rules, Request(channel="web")).as_data() == {"priority": "P4", "rule": "default", "reason": []}


def test_all_conditions_of_a_rule_must_hold_and_each_is_in_the_reason():
    when = {
        "channel": {"any": ["phone", "chat"]},
        "category": {"any": ["金融/支付"]},
        "words": {"all": ["退款", "三天"], "none": ["已解决"]},
        "sentiment": {"at_most": -0.5},
        "amount": {"at_least": 100_00, "at_most": 999_00},
        "tags": {"none": ["测试"]},
    }
    facts: dict[str, Any] = {
        "channel": "chat",
        "category": "金融/支付/退款",
        "subject": "退款",
        "description": "等了三天",
        "sentiment": -0.7,
        "amount": 500_00,
    }
    decision = decide(parse(one_rule(when)), Request(**facts))
    assert decision.reason == (
        Matched("channel.any", ("chat",)),
        Matched("category.any", ("金融/支付",)),
        Matched("words.all", ("退款", "三天")),
        Matched("words.none", ("已解决",)),
        Matched("sentiment.at_most", (-0.5, -0.7)),
        Matched("amount.at_least", (100_00, 500_00)),
        Matched("amount.at_most", (999_00, 500_00)),
        Matched("tags.none", ("测试",)),
    )
    spoilers = {
        "channel": "web",
        "category": "金融/支付宝",
        "description": "等了三天，已解决",
        "sentiment": -0.4,
        "amount": 99_99,
        "tags": frozenset({"测试"}),
    }
    for name, value in spoilers.items():
        assert not holds(when, **{**facts, name: value}), name


def test_unknown_facts_fulfil_nothing_that_is_asked_for():
    assert not holds({"amount": {"at_least": 0}})
    assert not holds({"sentiment": {"at_most": 1}})
    assert not holds({"category": {"any": ["a"]}})
    assert holds({"category": {"none": ["a"]}})


def test_latin_words_are_whole_and_chinese_ones_are_found_inside():
    down = {"words": {"any": ["down"]}}
    assert holds(down, subject="系统DOWN了") and holds(down, subject="ＤＯＷＮ") and holds(down, subject="it is down.")
    assert not holds(down, subject="download") and not holds(down, subject="breakdown")
    assert holds({"words": {"any": ["refund*"]}}, subject="Refunded?")
    assert not holds({"words": {"any": ["refund"]}}, subject="Refunded?")
    assert holds({"words": {"any": ["两  个 词"]}}, description="有 两 个\n词 吗")


def test_excepted_phrases_are_cut_out_but_what_stands_beside_them_counts():
    when = {"words": {"any": ["故障"], "except": ["没有故障"]}}
    assert not holds(when, subject="没有故障")
    assert holds(when, subject="昨天没有故障，今天故障了")
    assert not holds({"words": {"any": ["甲乙"], "except": ["丙"]}}, subject="甲丙乙")
    assert not holds({"words": {"any": ["outage"], "except": ["no outage"]}}, subject="No outage seen")


def test_tags_ask_for_any_all_none_without_regard_to_case():
    assert holds({"tags": {"all": ["Refund", "VIP"]}}, tags=frozenset({"refund", "vip", "x"}))
    assert not holds({"tags": {"all": ["refund", "vip"]}}, tags=frozenset({"refund"}))
    assert holds({"tags": {"any": ["a", "b"]}}, tags=frozenset({"b"}))


@pytest.mark.parametrize(
    ("doc", "expected"),
    [
        (None, [("", "wrong_type")]),
        ([], [("", "wrong_type")]),
        ({}, [("default", "missing"), ("rules", "missing")]),
        ({"default": "P5", "rules": {}}, [("default", "unknown_value"), ("rules", "wrong_type")]),
        ({"default": "P3", "rules": [], "x": 1}, [("x", "unknown_key")]),
        ({"default": "P3", "rules": ["x"]}, [("rules.0", "wrong_type")]),
        (
            {"default": "P3", "rules": [{}]},
            [("rules.0.key", "missing"), ("rules.0.priority", "missing"), ("rules.0.when", "missing")],
        ),
        (one_rule({}), [("rules.0.when", "empty")]),
        (one_rule({"phase": {}}), [("rules.0.when.phase", "unknown_key")]),
        (one_rule({"channel": {"any": ["fax"]}}), [("rules.0.when.channel.any.0", "unknown_value")]),
        (one_rule({"channel": {"all": ["web"]}}), [
            ("rules.0.when.channel.all", "unknown_key"), ("rules.0.when.channel", "empty"),
        ]),
        (one_rule({"words": {"any": []}}), [("rules.0.when.words.any", "empty")]),
        (one_rule({"words": {"any": ["ok", 3]}}), [("rules.0.when.words.any.1", "wrong_type")]),
        (one_rule({"words": {"any": [" * "]}}), [("rules.0.when.words.any.0", "empty")]),
        (one_rule({"words": {"any": ["字" * 61]}}), [("rules.0.when.words.any.0", "too_long")]),
        (one_rule({"words": {"except": ["a"]}}), [("rules.0.when.words", "empty")]),
        (one_rule({"words": {"any": ["a"], "none": ["A"]}}), [("rules.0.when.words.none.0", "contradiction")]),
        (one_rule({"words": {"any": ["a"] * 501}}), [("rules.0.when.words.any", "too_many")]),
        (one_rule({"amount": {}}), [("rules.0.when.amount", "empty")]),
        (one_rule({"amount": {"at_least": 1.5}}), [("rules.0.when.amount.at_least", "wrong_type")]),
        (one_rule({"amount": {"at_least": True}}), [("rules.0.when.amount.at_least", "wrong_type")]),
        (one_rule({"amount": {"at_least": 10**400}}), [("rules.0.when.amount.at_least", "out_of_range")]),
        (one_rule({"amount": {"at_least": 5, "at_most": 4}}), [("rules.0.when.amount", "empty_range")]),
        (one_rule({"sentiment": {"at_most": -2}}), [("rules.0.when.sentiment.at_most", "out_of_range")]),
        (one_rule({"sentiment": {"at_most": float("nan")}}), [("rules.0.when.sentiment.at_most", "out_of_range")]),
        (one_rule({"tags": {"any": ["a"]}}, key="default"), [("rules.0.key", "bad_key")]),
        (one_rule({"tags": {"any": ["a"]}}, key=7), [("rules.0.key", "wrong_type")]),
        (one_rule({"tags": {"any": ["a"]}}, name={"en": "x"}), [("rules.0.name.zh", "missing")]),
    ],
)  # fmt: skip
def test_a_faulty_document_is_refused_with_the_place(doc, expected):
    assert problems(doc) == expected


def test_doubled_keys_and_rules_that_are_never_reached_are_named():
    rule = {"key": "a", "priority": "P1", "when": {"words": {"any": ["x"]}}}
    doc = {"default": "P3", "rules": [rule, {**rule, "priority": "P2"}]}
    assert problems(doc) == [("rules.1.key", "duplicate"), ("rules.1.when", "never_reached")]


def test_all_problems_come_at_once():
    doc = copy.deepcopy(SHIPPED)
    doc["rules"][0]["priority"] = "high"
    doc["rules"][3]["when"]["words"]["any"][1] = ""
    assert problems(doc) == [("rules.0.priority", "unknown_value"), ("rules.3.when.words.any.1", "empty")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["rules", "default", "when", "words", "any", "key", "amount", "at_least", "name"]), inner
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_gives_rules_or_problems_never_another_error(doc):
    try:
        assert isinstance(parse(doc), RuleSet)
    except PriorityError as error:
        assert error.problems


@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from(["inquiry", "complaint", "suggestion", "fault"]))
def test_deciding_is_deterministic_and_blind_to_case(subject, description, kind):
    request = Request("web", subject, description, kind)
    decision = decide(RULES, request)
    assert decision == decide(RULES, request)
    assert decision == decide(RULES, Request("web", subject.casefold(), description.casefold(), kind))


def test_trial_counts_what_would_change():
    past = [
        Past("GD1", Request("web", "无法登录"), "P2"),
        Past("GD2", Request("web", "无法登录"), "P1"),
        Past("GD3", Request("web", "你好"), "P3"),
        Past("GD4", Request("web", "订单纠纷"), "P3"),
    ]
    trial = try_on(RULES, past, n_examples=1)
    assert (trial.n_requests, trial.n_changed) == (4, 2)
    assert trial.moves == {("P2", "P1"): 1, ("P1", "P1"): 1, ("P3", "P3"): 1, ("P3", "P2"): 1}
    assert trial.by_rule == {"system_fault": 2, "default": 1, "order_dispute": 1}
    assert [change.ref for change in trial.examples] == ["GD1"]
    assert try_on(RULES, []).n_requests == 0
