"""What may frame a chat, and what a chat is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core import widgets


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://www.example.com", "https://www.example.com"),
        (" HTTPS://WWW.Example.com/ ", "https://www.example.com"),
        ("https://www.example.com:443", "https://www.example.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://*.example.com", "https://*.example.com"),
        ("www.example.com", None),
        ("https://www.example.com/shop", None),
        ("https://a@example.com", None),
        ("https://example.com; script-src *", None),
        ("https://example.com *", None),
        ("javascript:alert(1)", None),
        ("https://*", None),
        ("https://例子.cn", None),
        ("https://example.com:99999", None),
        ("", None),
    ],
)
def test_an_origin_is_what_a_browser_compares(written: str, origin: str | None) -> None:
    assert widgets.origin(written) == origin


@given(st.text())
def test_no_text_ends_the_line_of_the_policy(text: str) -> None:
    found = widgets.ancestors([text, f"https://{text}", f"https://example.com{text}"])
    assert ";" not in found and "," not in found and "\n" not in found and "\r" not in found
    assert found.split()[0] == "'self'"


def test_a_subject_is_the_first_line_cut_where_a_word_ends() -> None:
    assert widgets.subject("  订单没到\n在哪里", "x") == "订单没到"
    assert widgets.subject("", "在线咨询") == "在线咨询"
    assert len(widgets.subject("好" * 500, "x")) == widgets.SUBJECT + 1
    assert widgets.subject("word " * 40, "x").removesuffix("…").endswith("word")


def test_ink_is_readable_on_its_colour() -> None:
    assert widgets.ink("#0b6bcb") == "#ffffff"
    assert widgets.ink("#ffe066") == "#111827"


def test_a_contact_is_a_phone_or_an_address() -> None:
    assert widgets.contact(" 138 1234 5678 ") == ("138 1234 5678", "")
    assert widgets.contact("a@example.com") == ("", "a@example.com")
