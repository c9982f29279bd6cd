"""A report on paper: the page's figures and sections, Chinese in the file's own fonts, nothing fetched, bounded."""

import re
import subprocess
import sys
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import translation
from django.utils.html import escape, strip_tags
from pypdf import PdfReader

from jiying.desk.models import Ticket
from jiying.insight.models import KeptReport
from jiying.insight.queries import drawing
from jiying.insight.services import press, printing
from tests.cast import NOW, Cast
from tests.insight.test_reports import WEEK, centre

__all__ = ["centre"]


def _read(body: bytes) -> tuple[PdfReader, str]:
    """The text without blanks: lines are broken where paper ends."""
    found = PdfReader(BytesIO(body))
    return found, re.sub(r"\s+", "", "".join(page.extract_text() for page in found.pages))


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_paper_and_page_show_the_same_figures(cast: Cast, centre: list[Ticket], language: str) -> None:
    client = cast.client(cast.sup)
    client.cookies["django_language"] = language
    page = client.get(f"/reports/?{WEEK}").context
    answer = client.get(f"/reports/report.pdf?{WEEK}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf"), answer.content[:300]
    reader, text = _read(answer.content)
    box = reader.pages[0].mediabox
    assert (round(box.width), round(box.height)) == (595, 842)
    for one in page["whole"]:
        if one["row"].value is not None:
            assert _bare(f"{one['name']}{one['hint']}") in text, one["key"]
            assert _bare(one["text"]) in text, one["key"]
    for section in page["sections"]:
        assert (_bare(section["heading"]) in text) == bool(section["lines"])
        for line in section["lines"]:
            with translation.override(language):  # a line is put into words where it is shown
                figures, cells = line.figures, line.cells.split("</td>")[:-1]
            told = "".join(one["text"] + (_small(one) if one["row"].value is not None else "") for one in figures)
            assert _bare(line.label + told) in text, line.label
            assert [_bare(strip_tags(cell)) for cell in cells] == [_bare(one["text"] + _beside(one)) for one in figures]
            for cell, one in zip(cells, figures, strict=True):
                assert (f'href="{escape(one["url"])}"' in cell) == bool(one["row"].n)
                assert ("is-few" in cell) == bool(one["row"].n and one["row"].few)
                assert ("is-short" in cell) == (one["row"].reached is False)
    for cause in page["causes"]:
        assert _bare(f"{cause['row'].label}{cause['row'].n}{cause['row'].share:.1f}%") in text
    assert f"1/{len(reader.pages)}" in text and "2026-09-07–2026-09-13" in text
    fonts = {str(font["/BaseFont"]) for page_ in reader.pages for font in _fonts(page_)}
    assert fonts and all("+" in name for name in fonts)  # subsets, embedded
    if language == "zh-hans":
        assert "首次响应达标率" in text


def _beside(one: dict[str, Any]) -> str:
    """What stands beside a figure on the page: nothing where there are no cases."""
    return _small(one) if one["row"].n and (one["median"] or not one["is_spread"]) else ""


def _small(one: dict[str, Any]) -> str:
    if one["is_spread"]:
        return f"{one['median']}·{one['p90']}"
    return f"{one['row'].hits}/{one['row'].n}" if one["row"].hits is not None else ""


def _fonts(page: Any) -> list[Any]:
    return [font.get_object() for font in page["/Resources"]["/Font"].values()]


def test_a_kept_report_on_paper_is_as_it_was_made(cast: Cast, centre: list[Ticket], db: Any) -> None:
    body = cast.api(cast.sup).get(f"/api/v1/reports/figures?{WEEK}").json()
    row = KeptReport.objects.create(kind="week", first="2026-09-07", last="2026-09-13", made_at=NOW, body=body)
    Ticket.objects.all().delete()
    own = KeptReport.objects.create(
        kind="week", first="2026-09-07", last="2026-09-13", team=cast.team2, made_at=NOW, body=body
    )
    client = cast.client(cast.sup)
    page = client.get(f"/reports/kept/{row.pk}/").context
    _reader, text = _read(client.get(f"/reports/kept/{row.pk}/report.pdf").content)
    assert all(_bare(one["text"]) in text for one in page["whole"] if one["row"].value is not None)
    _reader, text = _read(client.get(f"/reports/kept/{own.pk}/report.pdf").content)
    assert cast.team2.name in text
    assert cast.client(cast.lin).get(f"/reports/kept/{row.pk}/report.pdf").status_code == 403
    assert cast.client(cast.wang).get(f"/reports/kept/{row.pk}/report.pdf").status_code == 404


def test_nothing_is_fetched() -> None:
    html = '<p style="background: url(http://127.0.0.1:9/x)">a<img src="file:///etc/passwd" alt="picture"></p>'
    text = _read(printing.pdf(html))[1]
    assert "picture" in text and "root:" not in text


def test_what_is_missing_is_said(cast: Cast, centre: list[Ticket], monkeypatch: pytest.MonkeyPatch) -> None:
    client = cast.client(cast.sup)
    client.cookies["django_language"] = "en"
    for code, word in (("pango", "libpango"), ("fonts", "fonts-noto-cjk")):
        done = SimpleNamespace(returncode=press.MISSING, stderr=code.encode(), stdout=b"")
        monkeypatch.setattr(subprocess, "run", lambda *_args, _done=done, **_named: _done)
        answer = client.get(f"/reports/report.pdf?{WEEK}")
        assert answer.status_code == 409 and word in answer.content.decode()
    monkeypatch.setattr(printing, "is_installed", lambda: False)
    assert "requirements/pdf.txt" in client.get(f"/reports/report.pdf?{WEEK}").content.decode()


def test_a_page_too_long_or_too_slow_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    from jiying.base.errors import Conflict, TooMany

    with pytest.raises(Conflict):
        printing.pdf("x" * (printing.MOST_BYTES + 1))
    monkeypatch.setattr(printing, "TIMEOUT_S", 0.01)
    with pytest.raises(Conflict):
        printing.pdf("<p>slow</p>")
    for _n in range(printing.AT_ONCE):
        assert printing._places.acquire(blocking=False)
    try:
        with pytest.raises(TooMany):
            printing.pdf("<p>busy</p>")
    finally:
        for _n in range(printing.AT_ONCE):
            printing._places.release()
    assert "weasyprint" not in sys.modules


def test_charts_are_drawn_with_their_words_escaped() -> None:
    chart = {
        "kind": "bars", "title": "t", "unit": "%", "target": "Target", "categories": ["<b>", "P2"],
        "series": [{"name": "A & B", "values": [90.0, None], "target": 95}],
    }  # fmt: skip
    drawn = str(drawing.svg(chart))
    assert "&lt;b&gt;" in drawn and "A &amp; B" in drawn and drawn.count("<rect") == 2 and 'dasharray="5 3"' in drawn
