"""What nobody foresaw still tells by which number the log knows it."""

import re

import pytest

from jiying.desk.pages import work as page_module
from tests.cast import Cast


def test_an_unforeseen_fault_names_its_number(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_given: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(page_module, "work", broken)
    page = cast.client(cast.lin).get("/work/")
    assert page.status_code == 500
    shown = re.search(r'jy-fault">[^<]*?([0-9a-f]{12})', page.content.decode())
    assert shown is not None
    assert shown.group(1) == page["X-Request-Id"]


def test_a_page_that_is_not_there_names_it_too(cast: Cast) -> None:
    page = cast.client(cast.lin).get("/tickets/GD19990101001/nowhere/")
    assert page.status_code == 404
    assert page["X-Request-Id"] in page.content.decode()
