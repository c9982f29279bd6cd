"""Survey results as a file: masked, no formulas, by right, recorded."""

import csv
from io import BytesIO, StringIO
from typing import Any

from openpyxl import load_workbook

from jiying.base.models import JournalEntry
from tests.cast import Cast
from tests.quality.test_surveys import asked, give, on

__all__ = ["on"]


def taken(cast: Cast, who: Any, **form: str) -> Any:
    return cast.client(who).post("/surveys/export", {"what": "answers", "format": "csv", **form})


def sheet(content: bytes) -> list[list[Any]]:
    book = load_workbook(BytesIO(content))
    return [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]


def test_answers_are_taken_along_masked_and_never_as_a_formula(on: Cast) -> None:
    survey = asked(on)
    give(survey, 2, on.now, marks={"speed": 1, "result": 3}, comment='=HYPERLINK("http://evil.example","x")')
    now = {"days": "365"}
    csv_file = taken(on, on.admin, **now)
    assert csv_file.status_code == 200
    assert csv_file.content.startswith(b"\xef\xbb\xbf")
    assert "attachment" in csv_file["Content-Disposition"]
    rows = list(csv.reader(StringIO(csv_file.content.decode("utf-8-sig"))))
    assert len(rows) == 2
    number, subject, _state, score, speed, result, attitude, comment, agent = rows[1][:9]
    assert (number, subject, agent) == (survey.ticket.number, "充电宝不充电", on.lin.name)
    assert (score, speed, result, attitude) == ("2", "1", "3", "")
    assert comment.startswith("'=HYPERLINK")
    assert "张三1" not in csv_file.content.decode() and "13812340001" not in csv_file.content.decode()
    book = sheet(taken(on, on.admin, format="xlsx", **now).content)
    assert book[1][3] == 2 and str(book[1][7]).startswith("=HYPERLINK")  # a text in a cell of texts
    assert "张三1" in taken(on, on.admin, plain="on", **now).content.decode()
    fact = JournalEntry.objects.filter(kind="export.surveys").order_by("-pk")[0]
    assert (fact.data["what"], fact.data["plain"]) == ("answers", True)


def test_the_figures_are_taken_along_as_numbers(on: Cast) -> None:
    survey = asked(on)
    give(survey, 5, on.now)
    form = {"what": "figures", "by": "agent", "days": "365"}
    head, one, whole = sheet(taken(on, on.admin, format="xlsx", **form).content)
    assert one[:5] == [on.lin.name, 1, 1, 1, 5] and whole[1:5] == [1, 1, 1, 5]
    assert len(head) == len(one) == 11
    assert len(list(csv.reader(StringIO(taken(on, on.admin, **form).content.decode("utf-8-sig"))))) == 3


def test_only_those_with_the_rights_take_results_along(cast: Cast) -> None:
    assert taken(cast, cast.lin).status_code == 403
    role = cast.wang.roles.first()
    assert role is not None
    role.rights = ["quality.view_results", "desk.export"]
    role.save()
    assert taken(cast, cast.wang).status_code == 200
    assert taken(cast, cast.wang, plain="on").status_code == 403
    assert taken(cast, cast.wang, format="pdf").status_code == 422
    role.rights = ["quality.view_results"]
    role.save()
    assert taken(cast, cast.wang).status_code == 403
    assert "export-menu" not in cast.client(cast.wang).get("/surveys/").content.decode()
    assert "export-menu" in cast.client(cast.admin).get("/surveys/answers/").content.decode()
