"""Worked examples of the clocks, one a rule: fine print, solved and confirmed, breaches, re-dating (C13a-C14, C5)."""

from __future__ import annotations

from typing import Any

import pytest

from jiying.core.clocks import Clock, Event, Point, fold
from tests.core.clock_cases import (
    ALWAYS,
    ASKS,
    AUTO,
    BOOK,
    BOT,
    CALL,
    HOUR,
    MISSED_CALL,
    NOTE,
    REPLY,
    WORK,
    at,
    clocks,
    events,
    opened,
)

LI, WANG = {"to": "li"}, {"to": "wang"}
CUSTOMER, THIRD_PARTY = {"reason": "customer"}, {"reason": "third_party"}
TAKEN = (("23 10:00", "opened", opened()), ("23 10:00", "assigned", LI), ("23 10:05", "accepted"))


def verdict(clock: Clock) -> tuple[str, int | None, int | None]:
    return clock.state, clock.due_at, clock.ended_at


@pytest.mark.parametrize("data", [BOT, AUTO, NOTE, {**CALL, "by": "bot"}])
def test_c13a_only_a_public_message_or_call_by_a_person_stops_first_response(data: dict[str, Any]) -> None:
    found = clocks(events(*TAKEN, ("23 10:10", "message", data)), "23 10:11")
    assert found["first_response"].state == "running"


def test_c13a_reply_and_hold_in_one_step_count_both() -> None:
    for order in ((("message", REPLY), ("held", CUSTOMER)), (("held", CUSTOMER), ("message", REPLY))):
        found = clocks(events(*TAKEN, *(("23 10:10", *x) for x in order)), "23 12:00")
        assert verdict(found["first_response"]) == ("met", at("23 10:20"), at("23 10:10"))
        assert (found["resolution"].state, found["resolution"].paused_at) == ("paused", at("23 10:10"))


@pytest.mark.parametrize("asks", [ASKS, MISSED_CALL, {**ASKS, "public": False}])
def test_c13a_a_customers_message_by_any_way_starts_next_response(asks: dict[str, Any]) -> None:
    told = events(*TAKEN, ("23 10:10", "message", REPLY), ("23 11:00", "message", asks), ("23 11:10", "message", ASKS))
    assert verdict(clocks(told, "23 11:11")["next_response"]) == ("running", at("23 11:15"), None)


def test_c13a_each_wait_of_the_customer_is_a_clock_of_its_own() -> None:
    told = events(*TAKEN, ("23 10:10", "message", REPLY), ("23 11:00", "message", ASKS), ("23 11:05", "message", REPLY),
                  ("23 12:00", "message", ASKS), ("23 12:20", "message", CALL))  # fmt: skip
    found = clocks(told, "23 13:00")
    assert verdict(found["next_response"]) == ("met", at("23 11:15"), at("23 11:05"))
    assert verdict(found["next_response 2"]) == ("breached", at("23 12:15"), at("23 12:20"))


def test_c13a_before_the_first_response_that_clock_measures_the_wait() -> None:
    found = clocks(events(*TAKEN, ("23 10:06", "message", ASKS)), "23 10:07")
    assert "next_response" not in found and found["first_response"].state == "running"


def test_c13a_a_message_while_on_hold_starts_next_response() -> None:
    told = events(*TAKEN, ("23 10:10", "message", REPLY), ("23 10:10", "held", CUSTOMER), ("23 11:00", "message", ASKS))
    assert clocks(told, "23 11:01")["next_response"].state == "running"


@pytest.mark.parametrize("by", ["customer", "agent", "import"])
def test_c13a_a_ticket_has_all_its_clocks_whoever_opened_it(by: str) -> None:
    found = clocks(events(("23 10:00", "opened", opened(by=by))), "23 10:01")
    assert list(found) == ["accept", "first_response", "resolution", "resolution_total"]


def test_c13a_total_resolution_runs_on_over_reopens_without_the_time_closed() -> None:
    told = events(*TAKEN, ("23 12:00", "solved"), ("23 12:30", "confirmed"), ("24 09:00", "reopened"),
                  ("24 11:00", "solved"), ("24 11:30", "confirmed"))  # fmt: skip
    total = clocks(told, "25 10:00")["resolution_total"]
    assert total.runs == ((at("23 10:00"), at("23 12:00")), (at("24 09:00"), at("24 11:00")))
    assert verdict(total) == ("met", at("24 11:00"), at("24 11:00"))
    reopened = clocks(told[:6], "24 10:00")
    assert verdict(reopened["resolution_total"]) == ("running", at("24 11:00"), None)
    assert verdict(reopened["resolution"]) == ("met", at("23 14:00"), at("23 12:00"))


def test_c13a_a_late_total_resolution_stays_late_over_reopens() -> None:
    told = events(*TAKEN, ("23 15:00", "solved"), ("23 15:30", "confirmed"), ("24 09:00", "reopened"))
    total = clocks(told, "24 09:01")["resolution_total"]
    assert verdict(total) == ("breached", at("23 14:00"), None)


def test_c13a_a_late_total_resolution_stays_late_when_the_row_changed_while_it_was_closed() -> None:
    told = events(*TAKEN, ("23 15:00", "solved"), ("23 15:30", "confirmed"),
                  ("23 16:00", "reclassified", {"priority": "P4"}), ("24 09:00", "reopened"))  # fmt: skip
    found = clocks(told, "24 09:01")
    assert verdict(found["resolution_total"]) == ("breached", at("23 14:00"), None)
    assert found["resolution 2"].row == "p4"


def test_c13a_a_public_reply_ends_the_accept_clock() -> None:
    found = clocks(events(*TAKEN[:2], ("23 10:08", "message", REPLY)), "23 11:00")
    assert verdict(found["accept"]) == ("met", at("23 10:10"), at("23 10:08"))


def test_c13b_solved_holds_the_resolution_clock() -> None:
    held = clocks(events(*TAKEN, ("23 12:00", "solved")), "25 10:00")["resolution"]
    assert (held.state, held.paused_at, held.paused_reason) == ("paused", at("23 12:00"), "solved")


def test_c13b_confirmation_ends_it_as_of_the_solved_mark() -> None:
    found = clocks(events(*TAKEN, ("23 14:00", "solved"), ("25 10:00", "confirmed")), "25 11:00")
    assert verdict(found["resolution"]) == ("met", at("23 14:00"), at("23 14:00"))


def test_c13b_hold_and_resume_mean_nothing_once_solved() -> None:
    for later in (("23 13:00", "held", CUSTOMER), ("23 13:00", "resumed")):
        told = events(*TAKEN, ("23 12:00", "solved"), later, ("23 18:00", "confirmed"))
        assert clocks(told[:5], "23 13:30")["resolution"].paused_reason == "solved"
        assert verdict(clocks(told, "24 10:00")["resolution"]) == ("met", at("23 14:00"), at("23 12:00"))


def test_c13b_solved_after_a_hold_ends_at_the_solved_mark_without_the_time_held() -> None:
    told = events(*TAKEN, ("23 12:00", "held", CUSTOMER), ("23 16:00", "solved"), ("25 10:00", "confirmed"))
    assert verdict(clocks(told, "25 11:00")["resolution"]) == ("met", at("23 18:00"), at("23 16:00"))


def test_c13b_silence_ends_it_as_of_the_solved_mark() -> None:
    told = events(*TAKEN, ("23 13:00", "solved"), ("26 13:00", "closed", {"as_of": at("23 13:00")}))
    assert verdict(clocks(told, "27 10:00")["resolution"]) == ("met", at("23 14:00"), at("23 13:00"))


def test_c13b_a_closing_can_name_a_solved_instant_that_no_event_told() -> None:
    told = events(*TAKEN, ("26 13:00", "closed", {"as_of": at("23 13:00")}))
    assert verdict(clocks(told, "27 10:00")["resolution"]) == ("met", at("23 14:00"), at("23 13:00"))


def test_c13b_closing_without_a_solved_mark_ends_it_there() -> None:
    assert verdict(clocks(events(*TAKEN, ("23 14:30", "closed")), "24 10:00")["resolution"]) == (
        "breached", at("23 14:00"), at("23 14:30"),
    )  # fmt: skip


def test_c13b_not_solved_lets_it_run_on() -> None:
    told = events(*TAKEN, ("23 12:00", "solved"), ("24 12:00", "rejected"), ("24 13:30", "solved"),
                  ("24 15:00", "confirmed"))  # fmt: skip
    running = clocks(told[:5], "24 12:30")["resolution"]
    assert verdict(running) == ("running", at("24 14:00"), None)
    assert verdict(clocks(told, "25 10:00")["resolution"]) == ("met", at("24 14:00"), at("24 13:30"))


def test_c13b_solved_holds_a_waiting_answer_and_not_solved_lets_it_run_on() -> None:
    told = events(*TAKEN, ("23 10:10", "message", REPLY), ("23 11:00", "message", ASKS), ("23 11:05", "solved"),
                  ("23 12:00", "rejected"))  # fmt: skip
    assert clocks(told[:6], "23 11:30")["next_response"].state == "paused"
    assert verdict(clocks(told, "23 12:01")["next_response"]) == ("running", at("23 12:10"), None)


def test_c13b_a_message_after_solved_waits_for_an_answer() -> None:
    told = events(*TAKEN, ("23 10:10", "message", REPLY), ("23 11:05", "solved"), ("23 11:10", "message", ASKS))
    assert clocks(told, "23 11:11")["next_response"].state == "running"


def test_c13b_a_message_to_a_closed_ticket_waits_from_its_reopening() -> None:
    told = events(*TAKEN, ("23 10:10", "message", REPLY), ("23 11:05", "solved"), ("23 11:06", "confirmed"),
                  ("24 09:00", "message", ASKS), ("24 09:00", "reopened"))  # fmt: skip
    assert "next_response" not in clocks(told[:7], "24 09:00")
    assert clocks(told, "24 09:01")["next_response"].started_at == at("24 09:00")
    answered = [*told[:7], Event(at("24 09:00"), 8, "message", REPLY), Event(at("24 09:00"), 9, "reopened", {})]
    assert "next_response" not in clocks(answered, "24 09:01")


def test_c13b_closing_does_not_judge_what_nobody_waits_for() -> None:
    told = events(*TAKEN, ("23 10:10", "message", REPLY), ("23 11:00", "message", ASKS), ("23 11:05", "solved"),
                  ("23 11:06", "confirmed"))  # fmt: skip
    assert clocks(told, "24 10:00")["next_response"].state == "cancelled"


def test_c14_a_breach_is_dated_at_the_due_instant() -> None:
    for now in ("23 10:20", "23 10:21", "29 10:00"):
        clock = clocks(events(*TAKEN), now)["first_response"]
        assert (clock.state, clock.breached_at, clock.due_at, clock.ended_at) == (
            "breached", at("23 10:20"), at("23 10:20"), None,
        )  # fmt: skip
    assert clocks(events(*TAKEN), "23 10:19")["first_response"].breached_at is None


def test_c14_a_breach_that_time_brought_is_not_undone_by_another_priority() -> None:
    told = events(*TAKEN, ("23 10:30", "reclassified", {"priority": "P4"}))
    clock = clocks(told, "23 11:00")["first_response"]
    assert (clock.state, clock.due_at, clock.row) == ("breached", at("23 10:20"), "p1")


def test_c7_redating_applies_another_standard_to_open_clocks_only() -> None:
    told = events(*TAKEN, ("23 10:10", "message", REPLY), ("23 11:00", "redated", {"standard": 3}))
    before, after = clocks(told[:4], "23 11:01"), clocks(told, "23 11:01")
    assert after["resolution"].due_at == at("23 12:00")
    assert after["first_response"] == before["first_response"]


def test_c5_a_holiday_added_moves_open_clocks() -> None:
    told = events(("23 10:00", "opened", opened("P3")), ("23 12:00", "redated", {"calendars": {"work": 2}}))
    clock = clocks(told, "23 12:01")["resolution"]
    assert (clock.due_at, clock.calendar) == (at("27 10:00"), ("work", 2))


def test_c5_a_holiday_told_too_late_takes_back_the_breach_it_would_have_prevented() -> None:
    told = events(("20 16:00", "opened", opened("P3")), ("24 09:10", "accepted"),
                  ("25 17:50", "redated", {"calendars": {"work": 2}}))  # fmt: skip
    assert clocks(told[:2], "25 17:00")["resolution"].state == "breached"
    assert verdict(clocks(told, "25 17:51")["resolution"]) == ("running", at("26 16:00"), None)


def test_c5_a_breach_taken_back_gives_way_to_the_row_chosen_since() -> None:
    told = events(("20 16:00", "opened", opened("P3")), ("24 09:10", "accepted"), ("25 17:00", "held", CUSTOMER),
                  ("25 17:10", "reclassified", {"priority": "P4"}),
                  ("25 17:50", "redated", {"calendars": {"work": 2}}))  # fmt: skip
    late, taken_back = clocks(told[:4], "25 17:20")["resolution"], clocks(told, "25 18:00")["resolution"]
    assert (late.state, late.row, late.due_at) == ("breached", "p3", at("25 16:00"))
    assert (taken_back.state, taken_back.row, taken_back.target_s) == ("paused", "p4", 5 * 27_000)


def test_c5_a_clock_still_late_after_redating_stays_breached_on_hold_too() -> None:
    told = events(("18 10:00", "opened", opened("P3")), ("24 09:00", "held", CUSTOMER),
                  ("24 10:00", "redated", {"calendars": {"work": 2}}))  # fmt: skip
    clock = clocks(told, "24 11:00")["resolution"]
    assert (clock.state, clock.due_at, clock.paused_at) == ("breached", at("23 10:00"), at("24 09:00"))


def test_c5_a_clock_still_late_after_redating_keeps_the_row_of_its_breach() -> None:
    told = events(("18 10:00", "opened", opened("P3")), ("24 09:00", "reclassified", {"priority": "P4"}),
                  ("24 10:00", "redated", {"calendars": {"work": 2}}),
                  ("24 11:00", "reclassified", {"priority": "P2"}))  # fmt: skip
    for n in (2, 3, 4):
        clock = clocks(told[:n], "24 12:00")["resolution"]
        assert (clock.state, clock.row, clock.due_at) == ("breached", "p3", at("23 10:00"))


def test_c7_redating_during_a_hold_takes_back_a_breach_that_had_not_come_by_then() -> None:
    told = events(("23 10:00", "opened", opened(standard=3)), ("23 13:50", "held", CUSTOMER),
                  ("23 16:00", "redated", {"standard": 1}))  # fmt: skip
    assert clocks(told[:2], "23 15:00")["resolution"].state == "breached"
    clock = clocks(told, "23 16:30")["resolution"]
    assert (clock.state, clock.remaining_s(ALWAYS, at("23 16:30"))) == ("paused", 600)


def test_points_fall_where_that_share_of_the_target_is_used() -> None:
    told = events(("23 10:00", "opened", opened("P3")), ("23 17:00", "held", CUSTOMER), ("24 10:00", "resumed"))
    running, moved = clocks(told[:1], "23 10:01")["resolution"], clocks(told, "24 10:00")["resolution"]
    assert running.points == (
        Point("warn1", at("24 15:15")), Point("warn2", at("25 14:30")), Point("due", at("26 10:00")),
        Point("late1", at("26 10:30")),
    )  # fmt: skip
    assert moved.points == (
        Point("warn1", at("24 17:15")), Point("warn2", at("25 16:30")), Point("due", at("26 12:00")),
        Point("late1", at("26 12:30")),
    )  # fmt: skip


def test_points_stay_while_late_and_end_with_the_clock() -> None:
    late = clocks(events(*TAKEN), "23 10:30")["first_response"]
    assert [x.code for x in late.points] == ["warn1", "warn2", "due", "late1"]
    assert clocks(events(*TAKEN, ("23 10:31", "message", REPLY)), "23 10:32")["first_response"].points == ()


def test_remaining_is_working_time_and_negative_when_late() -> None:
    clock = clocks(events(("23 10:00", "opened", opened("P3"))), "23 10:01")["resolution"]
    assert clock.remaining_s(WORK, at("25 18:00")) == HOUR
    assert clock.remaining_s(WORK, at("26 09:00")) == HOUR
    assert clock.remaining_s(WORK, at("26 11:00")) == -HOUR
    ended = clocks(events(*TAKEN), "23 10:06")["accept"]
    assert ended.remaining_s(ALWAYS, at("23 10:06")) is None


def test_events_that_the_state_does_not_allow_change_nothing() -> None:
    told = events(*TAKEN, ("23 10:06", "opened", opened("P4")), ("23 10:07", "rejected"), ("23 10:08", "reopened"),
                  ("23 10:08", "resumed"), ("23 10:08", "tagged", {"tag": "x"}))  # fmt: skip
    assert clocks(told, "23 10:10") == clocks(events(*TAKEN), "23 10:10")
    assert fold(events(("23 09:00", "held", CUSTOMER), ("23 09:00", "merged")), BOOK, at("23 10:00")) == ()


def test_a_version_that_the_book_lacks_is_an_error() -> None:
    with pytest.raises(LookupError):
        fold(events(("23 10:00", "opened", opened(standard=77))), BOOK, at("23 10:00"))
    with pytest.raises(LookupError, match="work"):
        fold(events(("23 10:00", "opened", {**opened("P3"), "calendars": {"24x7": 1}})), BOOK, at("23 10:00"))
