"""The mapping file: what it says, what is refused in it, and how a log finds the mapping that fits."""

import gzip
from pathlib import Path

import pytest

from jiying.desk.services.history.mapping import (
    HistoryMapping,
    MappingError,
    choose_mapping,
    parse_mapping,
    require_columns,
    shipped_mappings,
)
from jiying.desk.services.history.mapping_check import MappingProblem
from jiying.desk.services.history.plan import Plan, Record
from jiying.desk.services.history.readers import open_log
from jiying.desk.services.history.rows import Row, RowNote

MADE_UP = Path(__file__).resolve().parents[2] / "data" / "history"
MINIMAL = """
zone = "Asia/Shanghai"
times = ["%d/%m/%Y %H:%M"]
[event]
case = "id"
at = "when"
activity = "what"
"""


def problems_of(text: str) -> list[tuple[str, str]]:
    with pytest.raises(MappingError) as caught:
        parse_mapping(text)
    return [(problem.path, problem.code) for problem in caught.value.problems]


def read(mapping: HistoryMapping, **cells: str) -> Record | RowNote:
    plan = Plan(mapping)
    return plan.read(Row(2, tuple(cells.get(column, "") for column in plan.wanted), b"12345678"))


class TestDocument:
    def test_all_problems_are_told_at_once(self) -> None:
        text = """
        zone = "Mars/Olympus"
        [event]
        case = "id"
        at = []
        [activities]
        Go = "started"
        Wait = "held"
        [ticket]
        colour = "c"
        [ticket.priority]
        columns = "p"
        values = { high = "P9", low = 4 }
        """
        assert sorted(problems_of(text)) == [
            ("activities.Go", "value_unknown"),
            ("activities.Wait", "reason_missing"),
            ("event.activity", "key_missing"),
            ("event.at", "columns_expected"),
            ("event.at", "key_missing"),
            ("ticket.colour", "key_unknown"),
            ("ticket.priority.values.high", "value_unknown"),
            ("ticket.priority.values.low", "text_expected"),
            ("zone", "zone_unknown"),
        ]

    @pytest.mark.parametrize(
        ("text", "path", "code"),
        [
            ("mode = ", "", "toml_broken"),
            ('mode = "guess"' + MINIMAL, "mode", "value_unknown"),
            ('surprise = "x"' + MINIMAL, "surprise", "key_unknown"),
            ('null = "?"' + MINIMAL, "null", "list_expected"),
            ("name = 7" + MINIMAL, "name", "text_expected"),
            ("detect = 7" + MINIMAL, "detect", "table_expected"),
            ('actor_is_agent = "no"' + MINIMAL, "actor_is_agent", "boolean_expected"),
            ('mode = "snapshots"' + MINIMAL, "states", "key_missing"),
            (MINIMAL + 'owner = "x"', "event.owner", "key_unknown"),
            (MINIMAL + '[detect.values]\nid = "("', "detect.values.id", "pattern_broken"),
            (
                MINIMAL + '[activities]\nx = { is = "message", by = "person" }',
                "activities.x.direction",
                "value_unknown",
            ),
            (MINIMAL + "[ticket.agent]\njoin = ' '", "ticket.agent.columns", "key_missing"),
            (MINIMAL + '[custom.x]\ncolumns = "x"\ntime = "yes"', "custom.x.time", "boolean_expected"),
            (MINIMAL + '[custom.x]\ncolumns = "x"\nvalues = []', "custom.x.values", "table_expected"),
        ],
    )
    def test_each_refusal(self, text: str, path: str, code: str) -> None:
        assert problems_of(text) == [(path, code)]

    def test_the_shipped_ones_are_sound(self) -> None:
        shipped = shipped_mappings()
        assert set(shipped) == {"servicenow", "servicenow_labels", "xes"}
        assert all(name == mapping.name and mapping.title and mapping.detect for name, mapping in shipped.items())


class TestRecords:
    def test_day_first_and_iso_times_in_the_zone_of_the_mapping(self) -> None:
        mapping = parse_mapping(MINIMAL)
        found = [
            read(mapping, id="1", what="x", when=when)
            for when in ("2/3/2024 08:00", "2024-03-02 08:00", "2024-03-02T00:00:00Z", "2024-03-02T00:00:00.000+00:00")
        ]
        assert {record.at_us for record in found if isinstance(record, Record)} == {1_709_337_600_000_000}
        assert all(isinstance(record, Record) for record in found)

    @pytest.mark.parametrize(
        ("cells", "code", "column", "value"),
        [
            ({"id": " ", "when": "1/1/2024 00:00", "what": "x"}, "case_missing", "id", ""),
            ({"id": "1", "when": "", "what": "x"}, "time_missing", "when", ""),
            ({"id": "1", "when": "1/1/2024 00:00"}, "activity_missing", "what", ""),
            ({"id": "1", "when": "13/13/2024 00:00", "what": "x"}, "time_unreadable", "when", "13/13/2024 00:00"),
            (
                {"id": "1", "when": "9999-12-31T00:00:00", "what": "x"},
                "time_out_of_range",
                "when",
                "9999-12-31T00:00:00",
            ),
            ({"id": "x" * 81, "when": "1/1/2024 00:00", "what": "x"}, "value_too_long", "id", "x" * 80),
        ],
    )
    def test_a_row_that_cannot_be_used_names_the_cell(
        self, cells: dict[str, str], code: str, column: str, value: str
    ) -> None:
        note = read(parse_mapping(MINIMAL), **cells)
        assert isinstance(note, RowNote)
        assert (note.row, note.code, note.column, note.value) == (2, code, column, value)

    def test_a_time_without_offset_needs_a_zone(self) -> None:
        mapping = parse_mapping(MINIMAL.replace('zone = "Asia/Shanghai"', ""))
        note = read(mapping, id="1", what="x", when="1/1/2024 00:00")
        assert isinstance(note, RowNote) and note.code == "time_without_zone"
        assert isinstance(read(mapping, id="1", what="x", when="2024-01-01T00:00:00+08:00"), Record)

    def test_a_value_outside_the_table_is_refused_unless_one_stands_for_all_others(self) -> None:
        table = '[ticket.priority]\ncolumns = "p"\nvalues = { High = "P1" }\n'
        row = {"id": "1", "when": "1/1/2024 00:00", "what": "x", "p": "odd"}
        note = read(parse_mapping(MINIMAL + table), **row)
        assert isinstance(note, RowNote)
        assert (note.code, note.column, note.value, note.case) == ("value_unknown", "p", "odd", "1")
        plan = Plan(parse_mapping(MINIMAL + table + 'otherwise = "P4"'))
        record = plan.read(Row(2, tuple(row.get(column, "") for column in plan.wanted), b"12345678"))
        assert isinstance(record, Record) and record.facts.priority == "P4"
        assert plan.remarks == [RowNote(2, "value_replaced", "p", "odd")]

    def test_alternatives_joined_columns_defaults_and_null_tokens(self) -> None:
        mapping = parse_mapping(
            'null = ["?"]'
            + MINIMAL
            + """
            [ticket]
            customer = ["mail", "phone"]
            category = { columns = ["main", "sub"], join = "/" }
            tier = { columns = ["tier"], default = "standard" }
            """
        )
        record = read(
            mapping, id="1", when="1/1/2024 00:00", what="x", mail="?", phone=" 13800 ", main="a", sub="b", tier="?"
        )
        assert isinstance(record, Record)
        assert (record.facts.customer, record.facts.category, record.facts.tier) == ("13800", "a/b", "standard")

    def test_activity_with_transition_wins_and_only_complete_counts_without(self) -> None:
        mapping = parse_mapping(
            MINIMAL + 'transition = ["state"]\n[activities]\nwork = "accepted"\n"WORK+Done" = "solved"\n'
        )
        row = {"id": "1", "when": "1/1/2024 00:00", "what": "Work"}
        meanings = [read(mapping, **row, state=state) for state in ("", "complete", "done", "start")]
        codes = [record.meaning and record.meaning.code for record in meanings if isinstance(record, Record)]
        assert codes == ["accepted", "accepted", "solved", None]

    def test_unknown_activities_can_be_refused(self) -> None:
        note = read(parse_mapping('unknown_activity = "refuse"' + MINIMAL), id="1", when="1/1/2024 00:00", what="odd")
        assert isinstance(note, RowNote) and (note.code, note.column, note.value) == ("activity_unknown", "what", "odd")


class TestChoice:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("servicenow.csv", "servicenow"),
            ("servicenow_labels.csv", "servicenow_labels"),
            ("cases.csv", "xes"),
            ("cases.xes", "xes"),
        ],
    )
    def test_a_log_finds_its_mapping(self, name: str, expected: str) -> None:
        assert choose_mapping(open_log(MADE_UP / name), shipped_mappings().values()).name == expected

    def test_without_one_the_missing_columns_of_the_nearest_are_named(self, tmp_path: Path) -> None:
        (tmp_path / "log.csv").write_text("concept:name,time:timestamp,CaseID\nx,2024-01-01T00:00:00Z,1\n")
        with pytest.raises(MappingError) as caught:
            choose_mapping(open_log(tmp_path / "log.csv"), shipped_mappings().values())
        none, missing = caught.value.problems
        found = "concept:name, time:timestamp, CaseID"
        assert none == MappingProblem("", "mapping_not_found", {"file": "log.csv", "found": found, "nearest": "xes"})
        assert missing == MappingProblem(
            "case:concept:name", "column_missing", {"mapping": "xes", "file": "log.csv", "found": found}
        )

    def test_a_named_mapping_that_does_not_fit_lists_what_is_missing(self) -> None:
        mapping = parse_mapping(MINIMAL + '[ticket]\nagent = "owner"\nteam = ["group"]\n')
        with pytest.raises(MappingError) as caught:
            require_columns(mapping, open_log(MADE_UP / "cases.csv"))
        assert [problem.path for problem in caught.value.problems] == ["id", "when", "what", "owner"]

    def test_xes_without_case_names_is_refused_by_its_column(self, tmp_path: Path) -> None:
        event = '<event><string key="concept:name" value="x"/><date key="time:timestamp" value="2024-01-01"/></event>'
        (tmp_path / "log.xes.gz").write_bytes(gzip.compress(f"<log><trace>{event}</trace></log>".encode()))
        with pytest.raises(MappingError) as caught:
            choose_mapping(open_log(tmp_path / "log.xes.gz"), shipped_mappings().values())
        assert [problem.path for problem in caught.value.problems] == ["", "case:concept:name"]
