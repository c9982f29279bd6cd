"""Days taken over from files and other years (C2, C5): preview, refusal whole, rights, export, uncovered years."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from jiying.base import documents, readiness
from jiying.base.models import Job, VersionedDocument
from jiying.clocks import queries
from tests.cast import Cast
from tests.desk.test_api_tickets import post

PATH = "/calendars/work/import"
GOOD = "date,kind,name,hours\n2027-01-01,closed,New Year,\n2027-01-02,worked,,09:00-12:00\n"
BAD = GOOD + "2027-13-01,closed,x,\n2027-01-04,perhaps,x,\n"


def numbers() -> list[int]:
    return list(VersionedDocument.objects.filter(kind="calendar", key="work").values_list("number", flat=True))


def upload(text: str, name: str = "days.csv", encoding: str = "utf-8", **more: str) -> dict[str, Any]:
    return {"seen": "1", "file": SimpleUploadedFile(name, text.encode(encoding)), **more}


@pytest.fixture
def ops(cast: Cast) -> Any:
    return cast.client(cast.ops)


def test_a_file_is_previewed_then_taken_over(cast: Cast, ops: Any) -> None:
    page = ops.post(PATH, upload(GOOD, whole_years="on")).content.decode()
    assert "2027-01-01" in page and "元旦" in page and "09:00–12:00" in page
    assert numbers() == [1]
    text = page[page.index("<textarea") :].partition(">")[2].partition("</textarea>")[0]
    answer = ops.post(PATH, {"seen": "1", "text": text, "whole_years": "on", "apply": ""})
    assert answer.status_code == 302
    body = documents.get("calendar", "work", 2).body
    assert body["closed"]["2027-01-01"] == "元旦"  # typed in English, kept as the statutory ones are
    assert body["worked"]["2027-01-02"] == [[540, 720]]
    assert body["last_year"] == 2027
    assert Job.objects.filter(params__kind="calendar").count() == 1  # running clocks are re-dated (C5)


def test_nothing_is_taken_over_while_a_line_is_wrong(cast: Cast, ops: Any) -> None:
    page = ops.post(PATH, upload(BAD)).content.decode()
    assert page.count("第 4 行") == page.count("第 5 行") == 1
    assert 'name="apply"' not in page
    answer = ops.post(PATH, {"seen": "1", "text": BAD, "apply": ""})
    assert answer.status_code == 422 and numbers() == [1]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"seen": "1"}, 422),
        (upload(GOOD, "days.xlsx"), 422),
        (upload("x", "days.ics"), 200),
        ({"seen": "1", "from_year": "no", "to_year": "2027"}, 422),
        ({"seen": "1", "from_year": "2026", "to_year": "9999"}, 422),
        ({"seen": "9", "text": GOOD, "apply": ""}, 409),
        ({"seen": "1", "text": "date,kind\n2027-01-04,usual\n", "apply": ""}, 409),
    ],
)
def test_what_cannot_be_taken_over_is_said(cast: Cast, ops: Any, form: dict[str, Any], status: int) -> None:
    answer = ops.post(PATH, form)
    assert (answer.status_code, numbers()) == (status, [1])
    assert "alert-error" in answer.content.decode()


def test_a_spreadsheet_of_an_office_is_read(cast: Cast, ops: Any) -> None:
    page = ops.post(PATH, upload("日期,类型,名称\n2027-01-01,休,元旦\n", encoding="gb18030")).content.decode()
    assert "元旦" in page and "alert-error" not in page


def test_a_year_is_copied_with_a_preview(cast: Cast, ops: Any) -> None:
    page = ops.post(PATH, {"seen": "1", "from_year": "2026", "to_year": "2027"}).content.decode()
    assert "2027-10-01" in page and numbers() == [1]


def test_rights(cast: Cast) -> None:
    lin = cast.client(cast.lin)
    assert lin.get(PATH).status_code == 403
    assert lin.post(PATH, {"seen": "1", "text": GOOD, "apply": ""}).status_code == 403
    assert numbers() == [1]
    assert lin.get("/calendars/work/export.csv").status_code == 200
    assert cast.client(cast.he).get("/calendars/work/export.csv").status_code == 403
    assert lin.get("/calendars/work/export.pdf").status_code == 404
    assert lin.get("/calendars/nothing/export.ics").status_code == 404


def test_what_was_exported_can_be_imported_again(cast: Cast, ops: Any) -> None:
    for kind in ("csv", "ics"):
        answer = ops.get(f"/calendars/work/export.{kind}?year=2026")
        assert f'filename="work-2026.{kind}"' in answer["Content-Disposition"]
        page = ops.post(PATH, {"seen": "1", "file": SimpleUploadedFile(f"days.{kind}", answer.content)})
        assert "alert-error" not in page.content.decode()
        assert 'name="apply" disabled' in page.content.decode()  # nothing would change


# --- API -------------------------------------------------------------------------------------------------------------

API = "/calendars/work/import"


def test_a_dry_run_by_api_tells_all_and_writes_nothing(cast: Cast) -> None:
    answer = post(cast.api(cast.ops), API, {"format": "csv", "text": BAD, "dry_run": True}).json()
    assert [row["line"] for row in answer["problems"]] == [4, 5]
    first = {"date": "2027-01-01", "was": "usual", "was_value": "09:00-12:00, 13:30-18:00"}
    assert answer["changes"][0] == {**first, "kind": "closed", "value": "元旦"}
    assert (answer["before"], answer["version"], answer["n_days"]) == (1, None, 2)
    assert numbers() == [1]


def test_an_import_by_api_is_whole_or_not_at_all(cast: Cast) -> None:
    ops = cast.api(cast.ops)
    refused = post(ops, API, {"format": "csv", "text": BAD})
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["line 4", "line 5"]
    assert post(cast.api(cast.lin), API, {"format": "csv", "text": GOOD}).status_code == 403
    assert numbers() == [1]
    assert post(ops, API, {"format": "csv", "text": GOOD, "whole_years": True}).json()["version"] == 2
    assert post(ops, API, {"format": "csv", "text": GOOD, "seen": 1}).status_code == 409
    copied = post(ops, "/calendars/work/copy-year", {"from_year": 2026, "to_year": 2028, "dry_run": True}).json()
    assert {row["date"][:4] for row in copied["changes"]} == {"2028"}
    exported = ops.get("/api/v1/calendars/work/export?format=csv&year=2027").content.decode()
    assert "2027-01-01,closed,元旦," in exported


def test_uncovered_years_are_told_everywhere(cast: Cast) -> None:
    now = datetime(2026, 12, 1, tzinfo=UTC)
    assert queries.uncovered_years(now) == {"work": [2027]}
    assert queries.coverage_warnings(now) == {"calendars": "statutory days not known (work: 2027)"}
    assert readiness.warnings(now)["calendars"]
    rows = {row["key"]: row for row in cast.api(cast.ops).get("/api/v1/calendars").json()["items"]}
    assert rows["24x7"]["uncovered_years"] == []
    assert rows["work"]["uncovered_years"] == queries.uncovered(
        documents.get("calendar", "work", 1).body, datetime.now(UTC)
    )
