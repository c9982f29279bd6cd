"""Markdown of a desk: what agents write becomes clean HTML, whatever it holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core.richtext import render


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("您好\n请稍等", "<p>您好<br>\n请稍等</p>"),
        ("**重要** 与 ~~作废~~", "<p><strong>重要</strong> 与 <s>作废</s></p>"),
        ("<b onclick=x>x</b>", "<p>&lt;b onclick=x&gt;x&lt;/b&gt;</p>"),
        ("`a<b`", "<p><code>a&lt;b</code></p>"),
    ],
)
def test_marks_become_elements_and_html_stays_text(source: str, html: str) -> None:
    assert render(source) == html


def test_an_address_is_a_link_up_to_the_punctuation_of_either_script() -> None:
    for source in ("见 https://a.example/x?y=1，谢谢", "见 https://a.example/x?y=1.", "<https://a.example/x?y=1>"):
        html = render(source)
        assert 'href="https://a.example/x?y=1"' in html
        assert 'rel="noopener noreferrer nofollow"' in html
        assert html.count("<a ") == 1
    assert render("[站](https://a.example)").count("<a ") == 1


@pytest.mark.parametrize("evil", ["[x](javascript:alert(1))", "![x](https://a.example/p.png)", "<img src=x onerror=y>"])
def test_nothing_runs_and_nothing_is_fetched(evil: str) -> None:
    html = render(evil)
    assert "<img" not in html
    assert 'href="javascript' not in html


@given(st.text(max_size=300))
def test_whatever_is_written_no_script_and_no_handler_comes_out(source: str) -> None:
    html = render(source).lower()
    assert "<script" not in html
    assert "<img" not in html
    assert "<iframe" not in html
