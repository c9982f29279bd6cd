"""Cases become tickets: the steps told, those added, those kept as they were, and nothing lost on the way."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core.calendars import CalendarSpec, compile_calendar
from jiying.core.clocks import Clock, DictBook, fold
from jiying.core.standards import SHIPPED, parse
from jiying.desk.services.history.build import History, TicketHistory, clock_events, read_history
from jiying.desk.services.history.lifecycle import KINDS, state_after
from jiying.desk.services.history.mapping import HistoryMapping, choose_mapping, parse_mapping, shipped_mappings
from jiying.desk.services.history.plan import Plan, Record
from jiying.desk.services.history.readers import open_log
from jiying.desk.services.history.rows import Row
from jiying.desk.services.history.story import is_answer, tell

MADE_UP = Path(__file__).resolve().parents[2] / "data" / "history"
HOTLINE = (MADE_UP / "hotline.toml").read_text(encoding="utf-8")


def history_of(path: Path, mapping: HistoryMapping | None = None) -> History:
    log = open_log(path)
    return read_history(log, mapping or choose_mapping(log, shipped_mappings().values()))


@cache
def real_history(path: Path) -> History:
    return history_of(path)


def tickets_of(path: Path, mapping: HistoryMapping | None = None) -> dict[str, TicketHistory]:
    return {ticket.external_id: ticket for ticket in history_of(path, mapping).tickets()}


def steps(ticket: TicketHistory) -> list[str]:
    """Kinds in order; those that the log does not hold in brackets."""
    return [f"({event.kind})" if event.derived else event.kind for event in ticket.events]


class TestSnapshots:
    def test_differences_between_rows_become_steps(self) -> None:
        ticket = tickets_of(MADE_UP / "servicenow.csv")["0000101"]
        assert steps(ticket) == ("opened (assigned) accepted (message) held resumed (message) solved closed".split())
        assert (ticket.status, ticket.n_rows, ticket.n_derived, ticket.n_out_of_place) == ("closed", 6, 3, 0)
        assert ticket.received_at == dt.datetime(2016, 3, 1, 9, tzinfo=dt.UTC)
        opened, assigned, held = ticket.events[0], ticket.events[1], ticket.events[4]
        assert opened.data == {
            "channel": "phone", "priority": "P3", "category": "55/170", "by": "import", "activity": "New"
        }  # fmt: skip
        assert assigned.data == {"to": "12", "team": "7"}
        assert held.data == {"reason": "customer", "activity": "Awaiting User Info"}
        assert ticket.events[-1].data == {"as_of": ticket.events[-2].at_s, "activity": "Closed"}
        assert ticket.facts.agent == "12" and dict(ticket.facts.custom)["made_sla"] == "true"

    def test_priority_hand_over_and_hidden_reopening(self) -> None:
        ticket = tickets_of(MADE_UP / "servicenow.csv")["0000102"]
        assert steps(ticket) == (
            "(opened) assigned (reclassified) accepted transferred accepted (message) solved (reopened) (message)"
            " solved closed".split()
        )
        assert ticket.events[2].data == {"priority": "P2"}
        assert ticket.events[4].data == {"to": "13", "team": "8", "activity": "Active"}
        assert ticket.facts.priority == "P2" and ticket.facts.team == "8"

    def test_scattered_rows_are_put_in_order_and_told(self) -> None:
        history = history_of(MADE_UP / "servicenow.csv")
        ticket = {found.external_id: found for found in history.tickets()}["0000103"]
        assert steps(ticket) == "(opened) imported (assigned) (accepted) (message) solved closed".split()
        assert [event.row for event in ticket.events if not event.derived] == [17, 15, 16]
        assert [(note.row, note.code, note.case) for note in history.notices] == [(17, "time_out_of_order", "0000103")]
        assert (history.n_tickets, history.n_events, history.skipped) == (3, 16, ())

    def test_both_layouts_tell_the_same(self) -> None:
        codes = tickets_of(MADE_UP / "servicenow.csv")
        labels = tickets_of(MADE_UP / "servicenow_labels.csv")
        for case, ticket in codes.items():
            other = labels[f"INC{case}"]
            assert [(event.at_us, event.kind) for event in ticket.events] == [
                (event.at_us, event.kind) for event in other.events
            ]
            assert (ticket.facts.priority, ticket.facts.channel) == (other.facts.priority, other.facts.channel)

    def test_the_same_update_twice_is_skipped_and_told(self, tmp_path: Path) -> None:
        lines = (MADE_UP / "servicenow.csv").read_text().splitlines()
        (tmp_path / "log.csv").write_text("\n".join([*lines, lines[2], lines[3].replace("Awaiting User Info", "-100")]))
        history = history_of(tmp_path / "log.csv")
        assert [(note.row, note.code, note.column, note.value) for note in history.skipped] == [
            (18, "row_twice", "", "3"),
            (19, "activity_unknown", "incident_state", "-100"),
        ]
        assert history.n_events == 16

    def test_an_opening_after_the_first_update_is_corrected_and_told(self, tmp_path: Path) -> None:
        text = (MADE_UP / "servicenow.csv").read_text().replace("2/3/2016 08:00", "2/3/2016 08:20")
        (tmp_path / "log.csv").write_text(text)
        history = history_of(tmp_path / "log.csv")
        ticket = {found.external_id: found for found in history.tickets()}["0000102"]
        assert ticket.received_at == dt.datetime(2016, 3, 2, 8, 5, tzinfo=dt.UTC)
        assert "opened_after_first_event" in {note.code for note in history.notices}


class TestEvents:
    def test_missing_steps_are_added_and_repeats_kept_as_they_are(self) -> None:
        tickets = tickets_of(MADE_UP / "cases.xes")
        assert steps(tickets["C-1"]) == "opened (assigned) accepted held resumed (message) solved closed".split()
        assert steps(tickets["C-2"]) == (
            "(opened) imported (assigned) accepted (transferred) accepted (message) solved imported reopened".split()
        )
        assert tickets["C-2"].n_out_of_place == 1
        assert tickets["C-2"].facts.agent == "Hao"

    def test_xes_and_csv_of_one_log_are_equal(self) -> None:
        xes, table = history_of(MADE_UP / "cases.xes"), history_of(MADE_UP / "cases.csv")
        assert list(xes.tickets()) == list(table.tickets())
        assert (xes.n_tickets, xes.n_events) == (3, 15)

    def test_fractions_stay_exact_and_are_rounded_up_for_core(self) -> None:
        first = tickets_of(MADE_UP / "cases.xes")["C-1"].events[0]
        assert first.at == dt.datetime(2024, 5, 6, 1, 0, 0, 250_000, tzinfo=dt.UTC)
        assert first.at_s == 1_714_957_201

    def test_the_words_of_the_log_stay_with_its_own_events_only(self) -> None:
        for ticket in tickets_of(MADE_UP / "cases.xes").values():
            assert all(("activity" in event.data) != event.derived for event in ticket.events)

    def test_equal_rows_are_kept_and_told_where_the_mapping_says_so(self) -> None:
        history = history_of(MADE_UP / "cases.xes")
        assert [(note.row, note.code, note.value) for note in history.notices if note.code == "row_twice"] == [
            (14, "row_twice", "13")
        ]
        assert history.skipped == ()

    def test_a_chinese_hotline_with_its_own_mapping(self) -> None:
        tickets = tickets_of(MADE_UP / "hotline.csv", parse_mapping(HOTLINE))
        assert steps(tickets["GD1"]) == ("opened assigned accepted message held resumed solved confirmed".split())
        assert steps(tickets["GD2"]) == ["opened", "message", "cancelled"]
        assert tickets["GD1"].events[4].data == {"reason": "third_party", "activity": "等待第三方"}
        assert tickets["GD2"].status == "cancelled"
        assert tickets["GD1"].received_at == dt.datetime(2024, 3, 4, 1, 0, tzinfo=dt.UTC)

    def test_steps_named_without_an_agent_do_not_take_the_ticket_from_its_agent(self, tmp_path: Path) -> None:
        text = "case:concept:name,concept:name,org:resource,time:timestamp\n" + "".join(
            f"1,{step},{who},2024-05-06T0{hour}:00:00Z\n"
            for hour, (step, who) in enumerate([("Assign ticket", "Lin"), ("Look", "Wu"), ("Accept ticket", "Lin")])
        )
        (tmp_path / "log.csv").write_text(text)
        assert steps(tickets_of(tmp_path / "log.csv")["1"]) == "(opened) assigned imported accepted".split()

    def test_an_agent_column_tells_who_has_the_ticket(self, tmp_path: Path) -> None:
        mapping = parse_mapping(
            '[event]\ncase = "id"\nat = "when"\nactivity = "what"\n[ticket]\nagent = "who"\n'
            '[activities]\nnew = "opened"\ntaken = "accepted"\nbot = { is = "message", direction = "out", by = "bot" }'
        )
        rows = [("new", ""), ("bot", ""), ("note", "Lin"), ("taken", "Lin"), ("note", "Wu"), ("note", "")]
        text = "".join(f"1,2024-05-06T0{hour}:00:00Z,{what},{who}\n" for hour, (what, who) in enumerate(rows))
        (tmp_path / "log.csv").write_text("id,when,what,who\n" + text)
        ticket = tickets_of(tmp_path / "log.csv", mapping)["1"]
        assert steps(ticket) == "opened message assigned accepted transferred imported".split()
        assert ticket.facts.agent == "Wu"

    def test_a_changed_case_has_another_fingerprint(self, tmp_path: Path) -> None:
        text = (MADE_UP / "cases.csv").read_text()
        (tmp_path / "log.csv").write_text(text.replace("C-2,phone,,Resolve", "C-2,phone,,Close", 1))
        before, after = tickets_of(MADE_UP / "cases.csv"), tickets_of(tmp_path / "log.csv")
        changed = {case for case in before if before[case].fingerprint != after[case].fingerprint}
        assert changed == {"C-2"}


WORDS = ("受理", "派单", "接单", "回复", "催单", "等待第三方", "恢复", "解决", "客户确认", "撤销", "别的")
LEVELS = ("紧急", "一般", "")
told_rows = st.lists(
    st.tuples(st.sampled_from(WORDS), st.sampled_from(("甲", "乙", "")), st.sampled_from(LEVELS)), min_size=1
)


@given(told_rows)
def test_whatever_was_logged_is_told_once_and_legally(rows: list[tuple[str, str, str]]) -> None:
    mapping = parse_mapping(HOTLINE)
    plan = Plan(mapping)
    records = []
    for number, (word, agent, level) in enumerate(rows, start=2):
        cells = {"工单号": "1", "时间": f"2024-03-04 09:{number % 60:02}", "动作": word, "坐席": agent, "级别": level}
        record = plan.read(Row(number, tuple(cells.get(column, "") for column in plan.wanted), bytes(8)))
        assert isinstance(record, Record)
        records.append(record)
    story = tell(records, records[0].at_us, mapping)
    assert [event.row for event in story.events if not event.derived] == list(range(2, len(rows) + 2))
    assert story.events[0].kind == "opened"
    state: str | None = "new"
    for event in story.events[1:]:
        assert event.kind in KINDS and state is not None
        state = state_after(state, event.kind, answer=is_answer(event.kind, event.data))
    assert state == story.status


def clocks_of(ticket: TicketHistory) -> dict[str, list[Clock]]:
    """Its clocks by the shipped standard, all calendars always open, when its last event came."""
    standard = parse(SHIPPED)
    always = {"tz": "UTC", "weekly": {str(day): [[0, 1440]] for day in range(7)}, "first_year": 2000, "last_year": 2050}
    calendar = compile_calendar(CalendarSpec.from_json(always))
    versions = {"24x7": 1, "work": 1}
    book = DictBook({standard.version: standard}, {(key, 1): calendar for key in versions})
    events = clock_events(ticket, standard=standard.version, calendars=versions)
    found: dict[str, list[Clock]] = {}
    for clock in fold(events, book, ticket.events[-1].at_s):
        found.setdefault(clock.metric, []).append(clock)
    return found


def test_imported_events_fold_to_clocks() -> None:
    """C-1: taken after 4 minutes, waits 4 hours for the customer, solved; confirmation by silence counts as of then."""
    ticket = tickets_of(MADE_UP / "cases.xes")["C-1"]
    clocks = {metric: found[0] for metric, found in clocks_of(ticket).items()}
    solved_s = ticket.events[-2].at_s
    assert (clocks["accept"].state, clocks["first_response"].state) == ("met", "met")
    assert clocks["resolution"].ended_at == solved_s
    assert clocks["resolution"].runs == (
        (ticket.events[0].at_s, ticket.events[3].at_s), (ticket.events[4].at_s, solved_s)
    )  # fmt: skip


class TestRealLogs:
    @pytest.mark.parametrize(
        ("name", "n_tickets", "n_events"),
        [
            ("servicenow_incidents_2016q1.csv.gz", 17_136, 101_045),
            ("servicenow_original_labels_5998.csv.gz", 890, 5_998),
            ("helpdesk_italian.xes.gz", 4_580, 21_348),
            ("bpi2013_closed_problems.xes.gz", 1_487, 6_660),
            ("teleclaims.xes.gz", 3_512, 46_138),
        ],
    )
    def test_counts(self, real_data: Callable[[str], Path], name: str, n_tickets: int, n_events: int) -> None:
        history = real_history(real_data(f"eventlogs/{name}"))
        assert (history.n_tickets, history.n_events, history.skipped) == (n_tickets, n_events, ())
        own = sum(not event.derived for ticket in history.tickets() for event in ticket.events)
        assert own == n_events

    def test_servicenow_ends_as_its_last_snapshots_do(self, real_data: Callable[[str], Path]) -> None:
        history = real_history(real_data("eventlogs/servicenow_incidents_2016q1.csv.gz"))
        assert Counter(note.code for note in history.notices) == {
            "opened_after_first_event": 5, "time_out_of_order": 1
        }  # fmt: skip
        tickets = list(history.tickets())
        assert {ticket.status for ticket in tickets} == {"closed"}
        assert sum(ticket.n_out_of_place for ticket in tickets) == 0
        assert all(
            before.at_us <= after.at_us
            for ticket in tickets
            for before, after in zip(ticket.events, ticket.events[1:], strict=False)
        )

    def test_helpdesk_equal_events_are_told_and_kept(self, real_data: Callable[[str], Path]) -> None:
        history = real_history(real_data("eventlogs/helpdesk_italian.xes.gz"))
        assert Counter(note.code for note in history.notices) == {"row_twice": 127}

    def test_receipt_is_the_same_log_in_both_formats(self, real_data: Callable[[str], Path]) -> None:
        xes = real_history(real_data("eventlogs/receipt.xes.gz"))
        table = real_history(real_data("eventlogs/receipt.csv.gz"))
        assert (xes.n_tickets, xes.n_events) == (table.n_tickets, table.n_events) == (1_434, 8_577)
        assert list(xes.tickets()) == list(table.tickets())


def test_who_is_given_a_waiting_ticket_takes_it_and_waits_on(tmp_path: Path) -> None:
    """As at this desk: the wait ends with the hand-over. Else the clock of its acceptance would run on for ever."""
    lines = (MADE_UP / "servicenow.csv").read_text().splitlines()
    waits = lines[3]  # 0000101 is awaiting the user from 10:00 to 15:00; at noon agent 13 gets it
    handed = waits.replace(",12,false", ",13,false").replace("1/3/2016 10:00", "1/3/2016 12:00")
    later = [line.replace(",7,12,", ",7,13,") for line in lines[4:7]]
    (tmp_path / "log.csv").write_text("\n".join([*lines[:4], handed, *later]))
    ticket = tickets_of(tmp_path / "log.csv")["0000101"]
    at_noon = [e.kind for e in ticket.events if e.at == dt.datetime(2016, 3, 1, 12, tzinfo=dt.UTC)]
    assert at_noon == ["resumed", "transferred", "accepted", "message", "held"]
    clocks = clocks_of(ticket)
    assert [c.state for c in clocks["accept"]] == ["met", "met"]
    assert clocks["resolution"][0].runs == (
        (ticket.events[0].at_s, ticket.events[4].at_s), (ticket.events[-4].at_s, ticket.events[-2].at_s)
    )  # fmt: skip
