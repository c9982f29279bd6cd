"""What robots are sent: signatures by the vendors' rules, bodies within their sizes, answers understood."""

import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core import robots
from jiying.core.robots import Item, Verdict, verdict

LONG = Item(
    "T20261122-00012",
    "首次响应已超时 12 分钟" * 4,
    "P1",
    "退款一直没有到账,请尽快处理" * 20,
    "https://desk.example.com/t/1",
)


def test_dingtalk_signs_the_timestamp_and_its_secret_in_the_address() -> None:
    url = robots.dingtalk_url("https://oapi.example.com/robot/send?access_token=a", "SECabc", 1_700_000_000_123)
    asked = parse_qs(urlsplit(url).query)
    wanted = hmac.new(b"SECabc", b"1700000000123\nSECabc", hashlib.sha256).digest()
    assert asked["timestamp"] == ["1700000000123"]
    assert base64.b64decode(asked["sign"][0]) == wanted
    assert asked["access_token"] == ["a"]
    assert robots.dingtalk_url("https://x/y", "", 1) == "https://x/y"


def test_feishu_signs_nothing_with_the_timestamp_and_secret_as_key() -> None:
    signed = robots.feishu_sign("abc", 1_700_000_000)
    wanted = hmac.new(b"1700000000\nabc", b"", hashlib.sha256).digest()
    assert signed == {"timestamp": "1700000000", "sign": base64.b64encode(wanted).decode()}
    assert robots.feishu_sign("", 1) == {}


def test_our_hooks_sign_timestamp_and_body() -> None:
    wanted = hmac.new(b"s", b"17.{}", hashlib.sha256).hexdigest()
    assert robots.sign_hook("s", 17, b"{}") == f"v1={wanted}"


@pytest.mark.parametrize(
    ("make", "limit"),
    [
        (lambda items: robots.dingtalk_body("50 alerts", items), 20_000),
        (lambda items: robots.feishu_body("50 alerts", items, {}), 20_000),
        (lambda items: robots.wecom_body("12 alerts", items[:12]), 4_096),
    ],
)
def test_a_full_digest_fits_and_leaves_no_alert_out(make, limit) -> None:
    items = [Item(f"N{n:03d}", LONG.text, "P1", LONG.title, LONG.url) for n in range(50)]
    body = make(items)
    assert len(body) <= limit
    assert body.decode().count("N0") == (12 if limit == 4_096 else 50)


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_subject_line_makes_marks_or_mentions(label: str, title: str) -> None:
    body = json.loads(robots.dingtalk_body("1", [Item(label, "due", "P1", title)]))
    line = body["markdown"]["text"].removeprefix("#### 1\n- ")
    assert not set(line) & set("[]<>*_`#\n")


def test_a_line_with_its_link() -> None:
    body = json.loads(robots.dingtalk_body("1 alert", [Item("T1", "due", "P1", "", "https://d/t/1")]))
    assert body["markdown"]["text"] == "#### 1 alert\n- [T1](https://d/t/1) P1 · due"
    post = json.loads(robots.feishu_body("1 alert", [Item("T1", "due", "P1", "", "https://d/t/1")], {"sign": "s"}))
    assert post["sign"] == "s"
    assert post["content"]["post"]["zh_cn"]["content"] == [
        [{"tag": "a", "text": "T1", "href": "https://d/t/1"}, {"tag": "text", "text": " P1 · due"}]
    ]


@pytest.mark.parametrize(
    ("vendor", "status", "body", "wanted"),
    [
        ("dingtalk", 200, '{"errcode":0,"errmsg":"ok"}', Verdict()),
        ("dingtalk", 200, '{"errcode":130101,"errmsg":"send too fast"}', Verdict("130101 send too fast", 600)),
        ("dingtalk", 200, '{"errcode":310000,"errmsg":"sign not match"}', Verdict("310000 sign not match")),
        ("feishu", 200, '{"code":0,"msg":"success"}', Verdict()),
        ("feishu", 200, '{"StatusCode":0}', Verdict()),
        ("feishu", 200, '{"code":11232,"msg":"limited"}', Verdict("11232 limited", 60)),
        ("wecom", 200, '{"errcode":45009,"errmsg":"freq"}', Verdict("45009 freq", 60)),
        ("wecom", 200, "<html>", Verdict("200 <html>")),
        ("wecom", 200, "[]", Verdict("200 []")),
        ("wecom", 200, '{"errcode":"0"}', Verdict('200 {"errcode":"0"}')),
        ("wecom", 502, "bad", Verdict("502 bad")),
        ("wecom", 410, "gone", Verdict("410 gone", 0, True)),
    ],
)
def test_answers(vendor: str, status: int, body: str, wanted: Verdict) -> None:
    assert verdict(vendor, status, "", body) == wanted


def test_a_wish_for_rest_is_heard_up_to_an_hour() -> None:
    assert verdict("wecom", 429, "30", "").wait_s == 30
    assert verdict("wecom", 503, "30", "").wait_s == 30
    assert verdict("wecom", 429, "Fri, 01 Jan 2027 00:00:00 GMT", "").wait_s == robots.REST_S
    assert verdict("wecom", 429, "999999999999", "").wait_s == robots.MAX_REST_S
