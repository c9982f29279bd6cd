"""Lists as files and tables as tickets: masked, guarded, resumable, refused by row, and only for who may."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import load_workbook

from jiying.base.errors import Denied, Invalid, NotFound
from jiying.base.models import Job, JournalEntry, Person
from jiying.desk.models import Ticket
from jiying.desk.queries import lists
from jiying.desk.queries.filters import read
from jiying.desk.services import exporting, table_import
from jiying.desk.services.customers import CustomerData
from tests.cast import Cast

PHONE = "13812345678"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Iterator[Path]:
    settings.MEDIA_ROOT = tmp_path
    yield tmp_path


def _export(cast: Cast, person: Person | None = None, **about: Any) -> Job:
    filters = read(about.pop("filters", {}))
    about = {"form": "csv", "language": "zh-hans", **about}
    return exporting.start(actor=cast.actor(person or cast.admin), filters=filters, now=cast.now, **about)


def _run(step: Any, job: Job, now: datetime) -> Job:
    while not step(job, now):
        pass
    job.finished_at = now
    job.save()
    return job


def _table(job: Job) -> list[dict[str, str]]:
    path = exporting.file_of(job)
    assert path is not None
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def _some(cast: Cast, n: int = 3) -> list[Ticket]:
    customer = CustomerData(name="张三", phone=PHONE, email="zhang@example.com")
    return [cast.ticket(subject=f"=HYPERLINK({i})", customer=customer) for i in range(n)]


def test_a_list_leaves_masked_and_without_formulas(cast: Cast) -> None:
    tickets = _some(cast)
    rows = _table(_run(exporting.step, _export(cast), cast.now))
    assert {row["编号"] for row in rows} == {t.number for t in tickets}
    cells = [cell for row in rows for cell in row.values()]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    text = "".join(cells)
    assert "张三" not in text and PHONE not in text and "zhang@" not in text and "138****5678" in text


def test_plain_data_needs_the_right_and_is_recorded(cast: Cast) -> None:
    _some(cast, 1)
    [row] = _table(_run(exporting.step, _export(cast, plain=True), cast.now))
    assert PHONE + "\t" in row.values()  # a long number stays text
    fact = JournalEntry.objects.get(kind="export.started")
    assert fact.data["plain"] is True and fact.actor_id == cast.admin.pk
    for person in cast.everybody():
        if {exporting.RIGHT, "desk.reveal"} <= cast.actor(person).rights:
            continue
        with pytest.raises(Denied):
            _export(cast, person, plain=True)


def test_only_what_one_sees_and_only_who_may(cast: Cast) -> None:
    _some(cast, 1)
    for person in (cast.lin, cast.he):
        with pytest.raises(Denied):
            _export(cast, person)
    job = _export(cast)
    with pytest.raises(NotFound):
        exporting.of_actor(cast.actor(cast.sup), job.pk)
    cast.admin.roles.clear()  # the right went while the job waited
    _run(exporting.step, job, cast.now)
    assert exporting.describe(job)["state"] == "failed" and exporting.file_of(job) is None


def test_a_workbook_holds_texts(cast: Cast) -> None:
    _some(cast, 2)
    job = _run(exporting.step, _export(cast, form="xlsx", plain=True), cast.now)
    path = exporting.file_of(job)
    assert path is not None and path.suffix == ".xlsx"
    sheet = load_workbook(path).worksheets[0]
    values = {cell.value: cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row if cell.value}
    assert values[PHONE] == "s" and values["=HYPERLINK(0)"] == "s"
    assert sheet.max_row == 3


def test_a_batch_that_was_rolled_back_doubles_nothing(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "PAGE", 2)
    monkeypatch.setattr(exporting, "PAGES_A_BATCH", 1)
    tickets = _some(cast, 7)
    job = _export(cast)
    assert not exporting.step(job, cast.now)
    kept, n = dict(job.cursor), job.n_done
    assert not exporting.step(job, cast.now)  # its rows reach the file, but the process dies before they count
    job.cursor, job.n_done = kept, n
    rows = _table(_run(exporting.step, job, cast.now))
    assert sorted(row["编号"] for row in rows) == sorted(t.number for t in tickets)
    assert job.n_done == 7


def test_files_do_not_lie_about(cast: Cast) -> None:
    _some(cast, 1)
    job = _run(exporting.step, _export(cast), cast.now)
    made = datetime.fromtimestamp(exporting.file_of(job).stat().st_mtime, tz=cast.now.tzinfo)  # type: ignore[union-attr]
    exporting.sweep(made + exporting.KEPT - timedelta(minutes=1))
    assert exporting.describe(job)["state"] == "ready"
    exporting.sweep(made + exporting.KEPT + timedelta(minutes=1))
    assert exporting.describe(job)["state"] == "gone"


# --- tables in -------------------------------------------------------------------------------------------------------

TABLE = """工单标题,渠道,问题分类,优先级,手机号,受理时间,原编号,地区
打印机坏了,电话,质量故障,P2,13900000001,2026-09-08 10:30,A1,浙江
发票抬头写错,网页表单,发票,,13900000002,2026/09/08 11:00,A2,
,电话,,,,,A3,
空调漏水,传真,,,,,A4,
账号进不去,电话,,,,昨天,A5,
"""


def _upload(cast: Cast, text: str = TABLE, name: str = "旧工单.csv") -> int:
    upload = SimpleUploadedFile(name, text.encode("gb18030"))
    return table_import.keep(actor=cast.actor(cast.admin), upload=upload, now=cast.now).pk


def _mapped(cast: Cast, file_id: int) -> dict[str, Any]:
    kept = table_import.of_actor(cast.actor(cast.admin), file_id)
    mapping = table_import.guess(table_import.opened(kept).columns)
    return {"actor": cast.actor(cast.admin), "file_id": file_id, "mapping": mapping, "channel": "other"}


def test_columns_are_guessed_and_a_trial_writes_nothing(cast: Cast) -> None:
    about = _mapped(cast, _upload(cast))
    assert about["mapping"]["subject"] == "工单标题" and about["mapping"]["customer_phone"] == "手机号"
    trial = table_import.try_out(**about, now=cast.now)
    assert (trial.n_rows, trial.n_good) == (5, 2)
    assert [(f.row, f.code) for f in trial.faults] == [(4, "required"), (5, "unknown_value"), (6, "bad_time")]
    assert all(f.text for f in trial.faults)
    assert trial.sample[0].category == "product/defect" and trial.sample[1].channel == "web"
    assert not Ticket.objects.exists()


def test_good_rows_are_opened_bad_ones_told_and_the_same_file_opens_nothing_twice(cast: Cast) -> None:
    about = _mapped(cast, _upload(cast))
    job = _run(table_import.step, table_import.start(**about, now=cast.now), cast.now)
    assert (job.result["n_opened"], job.result["n_refused"], job.n_done) == (2, 3, 5)
    assert [f.row for f in table_import.faults_of(job)] == [4, 5, 6]
    opened = {t.subject: t for t in Ticket.objects.all()}
    assert set(opened) == {"打印机坏了", "发票抬头写错"}
    assert (opened["打印机坏了"].priority, opened["打印机坏了"].region) == ("P2", "浙江")
    assert f"{opened['打印机坏了'].received_at:%Y-%m-%dT%H:%M}" == "2026-09-08T02:30"
    _run(table_import.step, table_import.start(**about, now=cast.now), cast.now)
    assert Ticket.objects.count() == 2


def test_it_goes_on_where_it_stood(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_import, "ROWS_A_BATCH", 2)
    job = table_import.start(**_mapped(cast, _upload(cast)), now=cast.now)
    table_import.step(job, cast.now)
    job.save()
    job = Job.objects.get(pk=job.pk)
    _run(table_import.step, job, cast.now)
    assert (job.result["n_opened"], job.result["n_refused"]) == (2, 3)


@pytest.mark.parametrize(("mapping", "field"), [({}, "subject"), ({"subject": "工单标题", "tags": "没有这列"}, "tags")])
def test_a_mapping_that_does_not_fit_is_refused(cast: Cast, mapping: dict[str, str], field: str) -> None:
    about = {**_mapped(cast, _upload(cast)), "mapping": mapping}
    with pytest.raises(Invalid) as refused:
        table_import.start(**about, now=cast.now)
    assert [f.field for f in refused.value.faults] == [field]
    assert not Job.objects.exists()


def test_a_damaged_file_and_a_stranger(cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        table_import.keep(
            actor=cast.actor(cast.admin), upload=SimpleUploadedFile("x.xlsx", b"PK\x03\x04 broken"), now=cast.now
        )
    assert refused.value.faults[0].text
    file_id = _upload(cast)
    with pytest.raises(NotFound):
        table_import.of_actor(cast.actor(cast.sup), file_id)
    with pytest.raises(Denied):
        table_import.keep(actor=cast.actor(cast.lin), upload=SimpleUploadedFile("x.csv", b"a"), now=cast.now)


def test_the_pages(cast: Cast) -> None:
    _some(cast, 1)
    client = cast.client(cast.admin)
    assert "export-menu" in client.get("/tickets/").content.decode()
    assert client.post("/exchange/export", {"format": "csv", "view": "open"}).status_code == 302
    job = _run(exporting.step, Job.objects.get(), cast.now)
    page = client.get("/exchange/").content.decode()
    assert f"/exchange/exports/{job.pk}/file" in page
    got = client.get(f"/exchange/exports/{job.pk}/file")
    assert got.status_code == 200 and b"".join(got).startswith(b"\xef\xbb\xbf")
    sent = client.post("/exchange/upload", {"files": SimpleUploadedFile("旧工单.csv", TABLE.encode())})
    assert sent.status_code == 302
    page = client.get(sent["Location"]).content.decode()
    assert "工单标题" in page and "打印机坏了" in page
    form = {f"map.{f}": c for f, c in table_import.guess(["工单标题", "渠道", "手机号"]).items()}
    tried = client.post(sent["Location"], {**form, "channel": "other", "try": "1"}).content.decode()
    assert 'name="start"' in tried and Ticket.objects.count() == 1
    assert client.post(sent["Location"], {**form, "channel": "other", "start": "1"}).status_code == 302
    assert client.post(sent["Location"], {"try": "1"}).status_code == 422
    assert client.get("/exchange/template.csv").content.startswith(b"\xef\xbb\xbf")
    agent = cast.client(cast.lin)
    assert "export-menu" not in agent.get("/tickets/").content.decode()
    for path in ("/exchange/", f"/exchange/exports/{job.pk}/file", "/exchange/template.csv"):
        assert agent.get(path).status_code == 403, path
    assert agent.post("/exchange/export", {}).status_code == 403


def test_the_api(cast: Cast) -> None:
    _some(cast, 1)
    api = cast.api(cast.admin)
    made = api.post("/api/v1/exports", {"filters": {"view": "open"}}, content_type="application/json")
    assert made.status_code == 202 and made.json()["state"] == "running"
    assert api.get(f"/api/v1/exports/{made.json()['id']}/file").status_code == 404
    _run(exporting.step, Job.objects.get(), cast.now)
    assert api.get(f"/api/v1/exports/{made.json()['id']}").json()["state"] == "ready"
    assert api.get(f"/api/v1/exports/{made.json()['id']}/file").status_code == 200
    bad = api.post("/api/v1/exports", {"filters": {"view": "x"}}, content_type="application/json")
    assert bad.status_code == 422
