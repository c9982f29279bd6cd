"""Every format gives the same rows, and whatever is wrong with a file is told instead of crashing or vanishing."""

import datetime as dt
import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from jiying.desk.services.history.readers import open_log
from jiying.desk.services.history.rows import LogFile, LogFileError, Row, RowNote

MADE_UP = Path(__file__).resolve().parents[2] / "data" / "history"


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows_of(log: LogFile) -> list[tuple[int, tuple[str, ...]]]:
    return [(row.number, row.values) for row in log.rows(log.columns) if isinstance(row, Row)]


def notes_of(log: LogFile) -> list[RowNote]:
    return [row for row in log.rows(log.columns) if isinstance(row, RowNote)]


def refusal(path: Path) -> LogFileError:
    with pytest.raises(LogFileError) as caught:
        log = open_log(path)
        list(log.rows(log.columns))
    return caught.value


class TestDelimitedText:
    @pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
    def test_finds_the_delimiter_in_the_heading(self, tmp_path: Path, mark: str) -> None:
        log = open_log(written(tmp_path, "log.csv", f'"id,;"{mark}when\n1{mark}noon\n'))
        assert log.columns == ("id,;", "when")
        assert rows_of(log) == [(2, ("1", "noon"))]

    def test_byte_order_mark_is_no_part_of_the_first_column(self, tmp_path: Path) -> None:
        log = open_log(written(tmp_path, "log.csv", "\ufeff工单号,时间\n甲,乙\n"))
        assert log.columns == ("工单号", "时间")
        assert log.notices == ()

    def test_gzip_is_known_by_its_content(self, tmp_path: Path) -> None:
        for name in ("log.csv", "log.csv.gz"):
            log = open_log(written(tmp_path, name, gzip.compress(b"a,b\n1,2\n")))
            assert rows_of(log) == [(2, ("1", "2"))]

    def test_chinese_excel_text_is_read_and_the_guess_is_told(self) -> None:
        log = open_log(MADE_UP / "hotline.csv")
        assert log.columns[0] == "工单号"
        assert log.notices == (RowNote(0, "encoding_guessed", value="gb18030"),)
        assert len(rows_of(log)) == 11

    def test_utf16_of_a_spreadsheet_program_is_read(self, tmp_path: Path) -> None:
        log = open_log(written(tmp_path, "log.txt", "工单\t时间\n甲\t乙\n".encode("utf-16")))
        assert rows_of(log) == [(2, ("甲", "乙"))]
        assert log.notices[0].value == "utf-16"

    def test_a_broken_byte_costs_its_row_only(self, tmp_path: Path) -> None:
        text = "id,name\n1,王芳\n2,caf\udce9r\n3,李明\n".encode("utf-8", "surrogateescape")
        log = open_log(written(tmp_path, "log.csv", text))
        assert rows_of(log) == [(2, ("1", "王芳")), (4, ("3", "李明"))]
        assert notes_of(log) == [RowNote(3, "text_broken", value="caf\\udce9r")]

    def test_rows_of_another_width_are_told_and_blank_ones_are_not(self, tmp_path: Path) -> None:
        log = open_log(written(tmp_path, "log.csv", "a,b\n1\n\n,\n1,2,3\n1,2,\n"))
        assert notes_of(log) == [RowNote(2, "row_width", value="1/2"), RowNote(5, "row_width", value="3/2")]
        assert rows_of(log) == [(6, ("1", "2"))]

    def test_stray_quote_is_told_not_swallowed(self, tmp_path: Path) -> None:
        log = open_log(written(tmp_path, "log.csv", 'a,b\n"x"y,2\n3,4\n'))
        assert [(note.row, note.code) for note in notes_of(log)] == [(2, "row_malformed")]
        assert rows_of(log) == [(3, ("3", "4"))]

    def test_wanted_columns_come_in_the_wanted_order_and_absent_ones_empty(self, tmp_path: Path) -> None:
        log = open_log(written(tmp_path, "log.csv", "a,b,c\n1,2,3\n"))
        (row,) = log.rows(["c", "missing", "a"])
        assert isinstance(row, Row)
        assert row.values == ("3", "", "1")
        (single,) = log.rows(["b"])
        assert isinstance(single, Row)
        assert single.values == ("2",)

    def test_digest_covers_the_whole_row_not_only_what_is_wanted(self, tmp_path: Path) -> None:
        log = open_log(written(tmp_path, "log.csv", "a,b\n1,2\n1,3\n1,2\n"))
        first, other, again = (row.digest for row in log.rows(["a"]) if isinstance(row, Row))
        assert first == again != other


class TestWorkbook:
    def test_gives_the_text_that_a_csv_would_hold(self, tmp_path: Path) -> None:
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        sheet.append(["id", "when", "ok", "note", None])
        sheet.append([7, dt.datetime(2024, 5, 6, 9, 30), True, "甲"])  # noqa: DTZ001 - cells have no zone
        sheet.append([])
        sheet.append([8.0, dt.date(2024, 5, 7), False])
        book.save(tmp_path / "log.xlsx")
        log = open_log(tmp_path / "log.xlsx")
        assert log.columns == ("id", "when", "ok", "note")
        assert rows_of(log) == [
            (2, ("7", "2024-05-06T09:30:00", "true", "甲")),
            (4, ("8", "2024-05-07T00:00:00", "false", "")),
        ]

    def test_what_is_no_workbook_is_refused(self, tmp_path: Path) -> None:
        assert refusal(written(tmp_path, "log.xlsx", "a,b\n")).code == "file_damaged"
        for part in ("something.txt", "[Content_Types].xml"):
            with zipfile.ZipFile(tmp_path / "log.xlsx", "w") as archive:
                archive.writestr(part, "<x")
            assert refusal(tmp_path / "log.xlsx").code == "file_damaged"


class TestXes:
    def test_one_row_per_event_with_the_attributes_of_its_case(self) -> None:
        log = open_log(MADE_UP / "cases.xes")
        wanted = ["case:concept:name", "case:channel", "concept:name", "org:group", "case:deadline"]
        rows = [row for row in log.rows(wanted) if isinstance(row, Row)]
        assert len(rows) == 15
        assert rows[0].values == ("C-1", "Internet", "Insert ticket", "Desk", "2024-05-10T18:00:00.000+08:00")
        assert rows[6].values == ("C-2", "phone", "Assign seriousness", "Desk", "")
        assert "case:source" not in log.columns and "source" not in log.columns

    def test_event_outside_of_a_case_is_told(self, tmp_path: Path) -> None:
        event = '<event><string key="concept:name" value="x"/></event>'
        log = open_log(written(tmp_path, "log.xes", f"<log><trace>{event}</trace>{event}<trace>{event}</trace></log>"))
        assert [number for number, _ in rows_of(log)] == [1, 3]
        assert notes_of(log) == [RowNote(2, "event_outside_trace")]

    def test_broken_xml_is_refused_with_its_place(self, tmp_path: Path) -> None:
        event = '<event><string key="concept:name" value="x"/></event>'
        fault = refusal(written(tmp_path, "log.xes", f"<log><trace>{event}</trace>\n<trace>"))
        assert (fault.code, fault.params["line"]) == ("xml_broken", 2)

    def test_entities_are_refused(self, tmp_path: Path) -> None:
        bomb = '<!DOCTYPE log [<!ENTITY a "aaaa">]><log><trace><string key="x" value="&a;"/></trace></log>'
        assert refusal(written(tmp_path, "log.xes", bomb)).code == "xml_forbidden"

    def test_another_kind_of_xml_is_refused(self, tmp_path: Path) -> None:
        fault = refusal(written(tmp_path, "log.xes", "<html><trace/></html>"))
        assert (fault.code, fault.params["found"]) == ("xes_without_log", "html")


class TestRefusals:
    def test_whole_files(self, tmp_path: Path) -> None:
        torn = gzip.compress(b"a,b\n" + b"1,2\n" * 5000)[:-20]
        assert refusal(tmp_path / "none.csv").code == "file_missing"
        assert refusal(written(tmp_path, "log.pdf", "x")).code == "format_unknown"
        assert refusal(written(tmp_path, "empty.csv", "\n,,\n")).code == "file_empty"
        assert refusal(written(tmp_path, "empty.xes", "<log/>")).code == "file_empty"
        assert refusal(written(tmp_path, "torn.csv.gz", torn)).code == "file_damaged"
        twice = refusal(written(tmp_path, "twice.csv", "a,b,a\n"))
        assert (twice.code, twice.params["columns"]) == ("column_twice", "a")


@pytest.mark.parametrize(
    ("name", "n_rows"),
    [
        ("servicenow_incidents_2016q1.csv.gz", 101_045),
        ("servicenow_original_labels_5998.csv.gz", 5_998),
        ("helpdesk_italian.xes.gz", 21_348),
        ("receipt.csv.gz", 8_577),
        ("receipt.xes.gz", 8_577),
    ],
)
def test_every_row_of_the_real_logs(real_data: Callable[[str], Path], name: str, n_rows: int) -> None:
    log = open_log(real_data(f"eventlogs/{name}"))
    assert sum(isinstance(row, Row) for row in log.rows(log.columns[:4])) == n_rows
    assert log.notices == ()
