"""The Chinese of the catalogue: punctuation of its script, the glossary's words, a word of its own for every state."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

from jiying.base import texts
from tools import catalogue

ROOT = Path(__file__).resolve().parents[2] / "jiying"
_HAN = "[\u4e00-\u9fff]"
# An exclamation mark anywhere; a mark of the Latin script behind a Chinese character; a bracket beside one.
_FOREIGN = re.compile(rf"[!！]|{_HAN}[,;:?](?!\d)|{_HAN}\.(?:$|\s)|{_HAN}\(|\){_HAN}|…\.")
GLOSSARY = {
    ("status", "assigned"): "待接单",
    ("status", "accepted"): "已接单",
    ("status", "in_progress"): "处理中",
    ("status", "resolved"): "已解决",
    ("status", "closed"): "已关闭",
    ("verb", "accept"): "确认接单",
    ("verb", "escalate"): "升级",
    ("metric", "accept"): "确认接单",
    ("metric", "first_response"): "首次响应",
    ("metric", "resolution"): "解决",
    ("channel", "phone"): "电话",
    ("channel", "chat"): "在线客服",
    ("channel", "email"): "邮件",
    ("channel", "social"): "社交媒体",
    ("channel", "web"): "网页表单",
    ("channel", "other"): "其他",
    ("priority", "P1"): "紧急",
    ("priority", "P2"): "重要",
    ("priority", "P3"): "一般",
    ("priority", "P4"): "低频",
    ("kind", "calendar"): "工作日历",
    ("kind", "collaboration"): "协作请求",
}
# Groups whose words stand side by side: two codes with one word could not be told apart.
TOLD_APART = ("status", "channel", "priority", "metric", "clock_state", "document_state", "hold_reason", "presence")


def _chinese() -> Iterator[tuple[str, str]]:
    for message in catalogue.stored():
        if message.id:
            parts = message.string if isinstance(message.string, tuple | list) else (message.string,)
            yield from ((str(message.id), part or "") for part in parts)


def test_sentences_are_punctuated_in_their_script() -> None:
    assert [(source, text) for source, text in _chinese() if _FOREIGN.search(text)] == []


def test_sentences_end_where_the_english_ends() -> None:
    """A sentence stays one: what ends with a full stop in English does so in Chinese, a label has none."""
    odd = [
        (message.id, message.string)
        for message in catalogue.stored()
        if message.id and isinstance(message.id, str) and isinstance(message.string, str)
        if message.string.endswith("。") and not message.id.endswith((".", "?"))
    ]
    assert odd == []


@pytest.mark.parametrize(("group", "code"), sorted(GLOSSARY))
def test_the_words_of_the_glossary(group: str, code: str) -> None:
    with translation.override("zh-hans"):
        assert texts.term(group, code) == GLOSSARY[group, code]


@pytest.mark.parametrize("group", TOLD_APART)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_codes_side_by_side_have_words_of_their_own(group: str, language: str) -> None:
    with translation.override(language):
        words = [str(word) for word in texts.TERMS[group].values()]
    assert len(set(words)) == len(words) > 1


def test_every_kind_of_thing_that_may_be_missing_has_a_word() -> None:
    kinds = {
        str(node.args[0].value)
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "NotFound"
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    assert len(kinds) > 10
    assert kinds - texts.TERMS["kind"].keys() == set()


def test_a_refusal_tells_codes_in_words() -> None:
    with translation.override("zh-hans"):
        assert texts.fault("not_found", {"kind": "ticket", "key": "GD1"}) == "没有工单“GD1”，或者您无权查看。"
        assert texts.fault("wrong_state", {"status": "closed", "verb": "hold"}) == "工单处于“已关闭”，不能挂起。"
