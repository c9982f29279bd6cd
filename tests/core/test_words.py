"""Words of Chinese and English text: whatever pair of characters is asked for is found where it stands."""

import pytest

from jiying.core import words


def _finds(query: str, text: str) -> bool:
    asked = words.of_query(query)
    return not asked.is_empty and set(asked.needed) <= words.of_text(text)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("退款", "我的订单退款一直未到账"),
        ("到账", "我的订单退款一直未到账"),  # inside what the best cut takes for 未到 and 账
        ("延保", "想买延保修服务"),  # no word of the dictionary
        ("配送慢", "物流配送太慢了"),
        ("王小虎", "找王小虎退款"),
        ("refund", "Two refunds were refunded"),
        ("Invoices", "the invoice is wrong"),
        ("ＧＤ２０２４", "gd2024"),
        ("iphone15", "我的iPhone15坏了"),
    ],
)
def test_what_is_asked_is_found(query: str, text: str) -> None:
    assert _finds(query, text)


@pytest.mark.parametrize(("query", "text"), [("发票", "退款没有到"), ("refund", "fund"), ("退款 发票", "退款没有到")])
def test_what_is_not_there_is_not_found(query: str, text: str) -> None:
    assert not _finds(query, text)


def test_a_lone_character_stands_for_the_beginning_of_a_word() -> None:
    assert words.of_query("账").begins == "账"
    assert words.of_query("!?").is_empty


def test_nobody_writes_a_mark() -> None:
    assert not any("\ue000" in word for word in words.of_text("\ue000t5 退款\ue001"))


@pytest.mark.parametrize("word", ["ship", "invoice", "charge", "delivery", "class", "status", "need", "bus"])
def test_an_english_word_and_its_forms_are_one(word: str) -> None:
    plural = word[:-1] + "ies" if word.endswith("y") else word + ("es" if word.endswith("s") else "s")
    if word not in ("class", "status", "bus"):
        assert words.stem(word) == words.stem(plural)
    assert words.stem(word) == words.stem(words.stem(word)) or len(word) > 4


def test_a_snippet_shows_and_marks_the_hit() -> None:
    text = "您好，" * 60 + "我的退款 REFUND 一直没有" + "，谢谢" * 60
    pieces = words.snippet(text, words.of_query("退款 refund"), 60)
    assert [p.text for p in pieces if p.is_hit] == ["退款", "REFUND"]
    assert sum(len(p.text) for p in pieces) <= 62
    assert "".join(p.text for p in pieces).strip("…") in " ".join(text.split())


def test_a_snippet_without_a_hit_is_the_beginning() -> None:
    assert words.snippet("退款没有到", words.of_query("发票")) == [words.Piece("退款没有到")]
    assert words.snippet("", words.of_query("发票")) == []
