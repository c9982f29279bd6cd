"""Clocks by worked example: one test or more for each rule of C8 and C11-C14, named after it. See docs/algorithms."""

from __future__ import annotations

from typing import Any

import pytest

from jiying.core.clocks import Clock, Event, Point, Subject, fold
from jiying.core.standards import parse
from tests.core.clock_cases import (
    ALWAYS,
    ASKS,
    BOOK,
    CALENDARS,
    CALL,
    CALL_IN,
    HOUR,
    MIN,
    MISSED_CALL,
    NOTE,
    REPLY,
    WORK,
    at,
    book,
    changed,
    clocks,
    events,
    opened,
    target,
)

LI, WANG = {"to": "li"}, {"to": "wang"}
CUSTOMER, THIRD_PARTY = {"reason": "customer"}, {"reason": "third_party"}
TAKEN = (("23 10:00", "opened", opened()), ("23 10:00", "assigned", LI), ("23 10:05", "accepted"))


def verdict(clock: Clock) -> tuple[str, int | None, int | None]:
    return clock.state, clock.due_at, clock.ended_at


def test_the_worked_example_of_the_docs() -> None:
    """docs/algorithms/clocks.md: a P3 mail on Monday, a hold over the night, solved on Wednesday."""
    told = events(
        ("23 10:00", "opened", opened("P3")), ("23 10:02", "assigned", LI), ("23 10:08", "accepted"),
        ("23 11:00", "message", REPLY), ("23 11:00", "held", CUSTOMER),
        ("24 08:40", "message", ASKS), ("24 08:40", "resumed"), ("24 09:30", "message", REPLY),
        ("25 14:00", "solved"), ("26 09:00", "confirmed"),
    )  # fmt: skip
    first = clocks(told[:1], "23 10:00")
    assert (first["first_response"].due_at, first["resolution"].due_at) == (at("24 10:40"), at("26 10:00"))
    found = clocks(told, "26 10:00")
    assert [(x.metric, x.seq, x.state) for x in found.values()] == [
        ("accept", 1, "met"), ("first_response", 1, "met"), ("resolution", 1, "met"), ("resolution_total", 1, "met"),
        ("next_response", 1, "met"),
    ]  # fmt: skip
    assert verdict(found["accept"]) == ("met", at("23 10:12"), at("23 10:08"))
    assert verdict(found["first_response"]) == ("met", at("24 10:38"), at("23 11:00"))
    assert verdict(found["next_response"]) == ("met", at("25 09:30"), at("24 09:30"))
    resolution = found["resolution"]
    assert resolution.target_s == 3 * 27_000
    assert resolution.runs == ((at("23 10:00"), at("23 11:00")), (at("24 08:40"), at("25 14:00")))
    assert verdict(resolution) == ("met", at("26 17:00"), at("25 14:00"))
    assert resolution.used_s(WORK, at("30 09:00")) == 12 * HOUR


def test_c8_first_response_starts_at_acceptance() -> None:
    waiting = clocks(events(*TAKEN[:2]), "23 10:01")["first_response"]
    assert (waiting.state, waiting.started_at, waiting.due_at) == ("pending", None, at("23 10:25"))
    assert waiting.points == (Point("due", at("23 10:25")), Point("late1", at("23 10:55")))
    running = clocks(events(*TAKEN), "23 10:06")["first_response"]
    assert (running.state, running.started_at, running.due_at) == ("running", at("23 10:05"), at("23 10:20"))


def test_c8_a_standard_can_start_first_response_at_receipt() -> None:
    told = events(("23 10:00", "opened", opened(standard=2)), *TAKEN[1:])
    assert clocks(told, "23 10:06")["first_response"].started_at == at("23 10:00")


@pytest.mark.parametrize("call", [CALL, CALL_IN])
def test_c8_an_answered_call_is_acceptance_and_first_response_in_one(call: dict[str, Any]) -> None:
    found = clocks(events(*TAKEN[:2], ("23 10:04", "message", call)), "23 11:00")
    assert verdict(found["accept"]) == ("met", at("23 10:10"), at("23 10:04"))
    assert verdict(found["first_response"]) == ("met", at("23 10:19"), at("23 10:04"))


def test_c8_a_missed_call_answers_nothing() -> None:
    found = clocks(events(*TAKEN[:2], ("23 10:04", "message", MISSED_CALL)), "23 10:05")
    assert (found["accept"].state, found["first_response"].state) == ("running", "pending")


@pytest.mark.parametrize("accepted", ["23 10:26", None])
def test_c8_not_accepted_in_time_is_a_breached_first_response(accepted: str | None) -> None:
    late = [(accepted, "accepted")] if accepted else []
    told = events(*TAKEN[:2], *late, ("23 10:30", "message", REPLY))
    before = clocks(told[:2], "23 10:25")["first_response"]
    assert (before.state, before.breached_at, before.ended_at) == ("breached", at("23 10:25"), None)
    after = clocks(told, "23 11:00")["first_response"]
    assert (after.state, after.started_at) == ("breached", at("23 10:00"))
    assert verdict(after) == ("breached", at("23 10:25"), at("23 10:30"))


def test_c8_accepted_at_the_last_second_has_the_whole_target() -> None:
    told = events(*TAKEN[:2], ("23 10:25", "accepted"))
    found = clocks(told, "23 10:26")
    assert found["accept"].state == "breached"
    assert (found["first_response"].state, found["first_response"].due_at) == ("running", at("23 10:40"))


def test_c8_the_last_instant_for_acceptance_counts_each_part_in_its_calendar() -> None:
    """Friday 17:55: 10 minutes always, then 8 working hours: the rest of Friday is gone."""
    told = events(("27 17:55", "opened", opened("P3")))
    assert clocks(told, "27 17:56")["first_response"].due_at == at("30 18:00") + 15 * HOUR + 30 * MIN


WAITED = (
    ("23 10:00", "opened", opened(standard=4)), ("23 10:02", "held", CUSTOMER), ("23 10:08", "resumed"),
)  # fmt: skip


def test_c8_a_pause_before_acceptance_moves_the_last_instant_for_it() -> None:
    assert clocks(events(*WAITED), "23 10:10")["first_response"].due_at == at("23 10:31")
    held = clocks(events(*WAITED[:2]), "23 12:00")["first_response"]
    assert (held.state, held.paused_at, held.points) == ("pending", at("23 10:02"), ())


def test_c8_a_wait_for_acceptance_that_is_no_breach_any_more_counts_from_the_acceptance() -> None:
    slow = parse(changed({"rows.2.targets.accept": target(2, "h"),
                          "rules.first_response.pauses": ["customer"]}), version=9)  # fmt: skip
    told = events(*WAITED, ("23 10:32", "accepted"), ("23 10:33", "held", CUSTOMER), ("23 10:43", "resumed"),
                  ("23 10:45", "redated", {"standard": 9}))  # fmt: skip
    assert verdict(clocks(told[:6], "23 10:44")["first_response"]) == ("breached", at("23 10:31"), None)
    clock = clocks(told, "23 10:46", book(slow))["first_response"]
    assert (clock.state, clock.started_at, clock.due_at) == ("running", at("23 10:32"), at("23 10:57"))
    assert clock.runs == ((at("23 10:32"), at("23 10:33")), (at("23 10:43"), None))


def test_c8_a_priority_raised_by_mistake_while_waiting_for_acceptance_leaves_no_mark() -> None:
    told = events(("23 10:00", "opened", opened("P2")), ("23 10:40", "reclassified", {"priority": "P1"}),
                  ("23 10:50", "accepted"), ("23 10:55", "reclassified", {"priority": "P2"}))  # fmt: skip
    assert verdict(clocks(told[:3], "23 10:50")["first_response"]) == ("breached", at("23 10:25"), None)
    assert verdict(clocks(told, "23 10:56")["first_response"]) == ("running", at("23 12:50"), None)


def test_c8_who_solves_has_accepted() -> None:
    found = clocks(events(*TAKEN[:2], ("23 10:07", "solved")), "23 10:08")
    assert verdict(found["accept"]) == ("met", at("23 10:10"), at("23 10:07"))
    assert verdict(found["first_response"]) == ("running", at("23 10:22"), None)


def test_c11_accept_runs_from_assignment() -> None:
    told = events(("23 10:00", "opened", opened()), ("23 10:07", "assigned", LI))
    idle = clocks(told[:1], "23 10:05")["accept"]
    assert (idle.state, idle.started_at, idle.due_at, idle.points) == ("pending", None, None, ())
    assert idle.remaining_s(ALWAYS, at("23 10:05")) == 600
    running = clocks(told, "23 10:08")["accept"]
    assert (running.state, running.started_at, running.due_at) == ("running", at("23 10:07"), at("23 10:17"))


def test_c11_assignment_to_another_starts_a_new_accept_clock() -> None:
    told = events(*TAKEN[:2], ("23 10:04", "assigned", WANG), ("23 10:06", "accepted"))
    found = clocks(told, "23 10:07")
    assert verdict(found["accept"]) == ("cancelled", at("23 10:10"), at("23 10:04"))
    assert verdict(found["accept 2"]) == ("met", at("23 10:14"), at("23 10:06"))


def test_c11_a_late_accept_clock_stays_breached_when_the_ticket_goes_to_another() -> None:
    found = clocks(events(*TAKEN[:2], ("23 10:15", "transferred", WANG)), "23 10:16")
    assert verdict(found["accept"]) == ("breached", at("23 10:10"), at("23 10:15"))
    assert found["accept 2"].due_at == at("23 10:25")


def test_c11_assigning_the_same_person_again_changes_nothing() -> None:
    again = clocks(events(*TAKEN[:2], ("23 10:04", "assigned", LI)), "23 10:05")
    assert [x for x in again if x.startswith("accept")] == ["accept"]
    assert again["accept"].due_at == at("23 10:10")


def test_c11_taking_it_from_an_agent_waits_for_the_next_assignment() -> None:
    found = clocks(events(*TAKEN[:2], ("23 10:03", "unassigned"), ("23 10:05", "assigned", LI)), "23 10:06")
    assert found["accept"].state == "cancelled"
    assert (found["accept 2"].state, found["accept 2"].due_at) == ("running", at("23 10:15"))


def test_c11_a_closed_ticket_is_not_to_be_accepted() -> None:
    closed = (*TAKEN, ("23 10:10", "closed"))
    for later in (("23 10:12", "assigned", WANG), ("23 10:12", "unassigned")):
        assert "accept 2" not in clocks(events(*closed, later), "23 10:13")


def test_c11_a_new_assignee_does_not_restart_the_other_clocks() -> None:
    before = clocks(events(*TAKEN), "23 10:30")
    after = clocks(events(*TAKEN, ("23 10:15", "assigned", WANG), ("23 10:16", "accepted")), "23 10:30")
    for metric in ("first_response", "resolution", "resolution_total"):
        assert after[metric] == before[metric]


def test_c11_update_runs_from_each_public_answer_to_the_next() -> None:
    told = events(
        ("23 10:00", "opened", opened(standard=2)), *TAKEN[1:], ("23 10:20", "message", REPLY),
        ("23 10:40", "message", NOTE), ("23 11:00", "message", REPLY),
        ("23 11:10", "solved"), ("23 12:00", "confirmed"),
    )  # fmt: skip
    found = clocks(told, "23 13:00")
    assert verdict(found["update"]) == ("met", at("23 10:35"), at("23 10:20"))
    assert verdict(found["update 2"]) == ("breached", at("23 10:50"), at("23 11:00"))
    assert found["update 3"].state == "cancelled"


def test_c11_an_answer_that_is_the_acceptance_too_begins_one_update_clock() -> None:
    told = events(("23 10:00", "opened", opened(standard=2)), ("23 10:05", "message", REPLY),
                  ("23 10:10", "solved"), ("23 10:20", "confirmed"), ("23 11:00", "reopened"))  # fmt: skip
    found = clocks(told[:2], "23 10:06")
    assert verdict(found["update"]) == ("running", at("23 10:35"), None)
    assert "update 2" not in found
    assert clocks(told, "23 11:01")["update 2"].due_at == at("23 11:30")


def test_c11_no_update_clock_where_the_row_promises_none() -> None:
    assert "update" not in clocks(events(*TAKEN, ("23 10:20", "message", REPLY)), "23 11:00")


ASKED = {"standard": 1, "calendars": CALENDARS, "department": "logistics", "kind": "parcel"}


def test_c11_a_collaboration_answer_has_its_own_clock() -> None:
    told = events(("23 10:00", "asked", ASKED), ("23 11:00", "answered"))
    running = clocks(told[:1], "23 10:10")["collaboration"]
    assert (running.state, running.row, running.due_at) == ("running", "logistics/*", at("23 11:00"))
    assert verdict(clocks(told, "23 12:00")["collaboration"]) == ("met", at("23 11:00"), at("23 11:00"))


def test_c11_asking_again_after_the_answer_is_a_second_clock() -> None:
    told = events(("23 10:00", "asked", ASKED), ("23 10:30", "asked", ASKED), ("23 10:40", "answered"),
                  ("23 12:00", "asked", ASKED), ("23 13:30", "withdrawn"))  # fmt: skip
    found = clocks(told, "23 14:00")
    assert verdict(found["collaboration"]) == ("met", at("23 11:00"), at("23 10:40"))
    assert verdict(found["collaboration 2"]) == ("breached", at("23 13:00"), at("23 13:30"))
    assert len(found) == 2
    early = [*told[:3], told[3], Event(at("23 12:30"), 5, "withdrawn", {})]
    assert clocks(early, "23 14:00")["collaboration 2"].state == "cancelled"


@pytest.mark.parametrize(("data", "due"), [
    ({"metric": "callback", "target_s": 1800, "calendar": "24x7", "calendars": CALENDARS}, "23 10:30"),
    ({"metric": "appeal", "target": target(1, "wd", "work"), "calendars": CALENDARS}, "24 10:00"),
    ({"metric": "postmortem", "standard": 1, "calendars": CALENDARS}, "25 10:00"),
    ({"metric": "complaint_answer", "standard": 1, "calendars": CALENDARS}, "23 14:00"),
])  # fmt: skip
def test_c11_every_other_promise_uses_the_same_clock(data: dict[str, Any], due: str) -> None:
    told = events(("23 10:00", "asked", data))
    (clock,) = fold(told, BOOK, at("23 10:05"))
    assert (clock.metric, clock.state, clock.due_at) == (data["metric"], "running", at(due))
    (late,) = fold([*told, Event(at(due) + 1, 9, "answered", {})], BOOK, at(due) + 2)
    assert verdict(late) == ("breached", at(due), at(due) + 1)


def test_c11_a_request_cannot_begin_a_clock_of_the_ticket() -> None:
    own = {"metric": "next_response", "target_s": 60, "calendar": "24x7"}
    assert "next_response" not in clocks(events(*TAKEN, ("23 10:10", "asked", own)), "23 10:11")


def test_c11_what_is_on_hold_when_it_opens_starts_on_hold() -> None:
    told = events(("23 09:00", "asked", ASKED), ("23 09:10", "held", CUSTOMER), ("23 10:00", "opened", opened()))
    assert clocks(told, "23 10:00")["resolution"].state == "paused"


def test_c11_a_promise_nobody_gave_has_no_clock() -> None:
    assert fold(events(("23 10:00", "asked", {**ASKED, "metric": "unheard"})), BOOK, at("23 11:00")) == ()


def test_c11_a_promise_within_a_ticket_outlives_its_closing() -> None:
    callback = {"metric": "callback", "target_s": HOUR, "calendar": "24x7"}
    found = clocks(events(*TAKEN, ("23 10:10", "asked", callback), ("23 10:20", "solved"), ("23 10:30", "confirmed")),
                   "23 10:40")  # fmt: skip
    assert (found["callback"].state, found["callback"].due_at) == ("running", at("23 11:10"))


def test_c12_events_fold_in_order_of_at_and_id_however_they_come() -> None:
    told = events(*TAKEN, ("23 10:20", "message", REPLY), ("23 10:20", "held", CUSTOMER), ("23 12:00", "resumed"))
    assert fold(reversed(told), BOOK, at("23 13:00")) == fold(told, BOOK, at("23 13:00"))


def test_c12_met_if_and_only_if_stopped_at_or_before_the_due_instant() -> None:
    due = at("23 10:20")
    for moment, state in ((due - 1, "met"), (due, "met"), (due + 1, "breached")):
        told = [*events(*TAKEN), Event(moment, 9, "message", REPLY)]
        clock = clocks(told, "23 11:00")["first_response"]
        assert (clock.state, clock.due_at, clock.ended_at) == (state, due, moment)


def test_c12_folding_one_by_one_is_folding_all() -> None:
    told = events(*TAKEN, ("23 10:20", "message", REPLY), ("23 10:30", "held", CUSTOMER), ("23 12:00", "resumed"))
    live = Subject(BOOK)
    for event in told:
        live.apply(event)
        live.clocks(event.at)
    assert live.clocks(at("23 13:00")) == fold(told, BOOK, at("23 13:00"))


def test_c13_priority_change_takes_the_new_target_from_the_same_start() -> None:
    told = events(("23 10:00", "opened", opened("P3")), *TAKEN[1:], ("23 11:00", "reclassified", {"priority": "P1"}))
    before, after = clocks(told[:3], "23 10:30"), clocks(told, "23 11:01")
    assert before["resolution"].due_at == at("26 10:00")
    resolution = after["resolution"]
    assert (resolution.started_at, resolution.due_at) == (at("23 10:00"), at("23 14:00"))
    assert resolution.row == "p1"
    assert verdict(after["first_response"]) == ("breached", at("23 10:20"), None)
    assert after["accept"] == before["accept"]


def test_c13_a_channel_change_takes_the_new_row() -> None:
    told = events(*TAKEN, ("23 10:07", "reclassified", {"channel": "chat"}))
    assert clocks(told, "23 10:08")["first_response"].due_at == at("23 10:15")


def test_c13_a_change_of_row_keeps_the_pauses() -> None:
    told = events(("23 10:00", "opened", opened("P3")), ("23 11:00", "held", CUSTOMER), ("23 14:00", "resumed"),
                  ("23 14:10", "reclassified", {"priority": "P1"}))  # fmt: skip
    assert clocks(told, "23 14:20")["resolution"].due_at == at("23 17:00")


def test_c13_ended_clocks_keep_their_verdict() -> None:
    told = events(*TAKEN, ("23 10:30", "message", REPLY), ("23 10:40", "reclassified", {"priority": "P4"}))
    assert verdict(clocks(told, "23 10:41")["first_response"]) == ("breached", at("23 10:20"), at("23 10:30"))


def test_c13_a_priority_raised_and_lowered_again_is_as_before() -> None:
    told = events(("23 10:00", "opened", opened("P3")), ("23 16:00", "reclassified", {"priority": "P1"}),
                  ("23 16:05", "reclassified", {"priority": "P3"}))  # fmt: skip
    assert verdict(clocks(told[:2], "23 16:01")["resolution"]) == ("breached", at("23 14:00"), None)
    assert clocks(told, "23 17:00")["resolution"] == clocks(told[:1], "23 17:00")["resolution"]


def test_c13_a_row_without_the_metric_cancels_and_gives_back_the_clock() -> None:
    strict = {"standard": 2}
    told = events(("23 10:00", "opened", {**opened(), **strict}), ("23 10:05", "accepted"),
                  ("23 10:10", "reclassified", {"priority": "P2"}),
                  ("23 10:20", "reclassified", {"priority": "P1"}))  # fmt: skip
    dropped = clocks(told[:3], "23 10:11")["update"]
    assert (dropped.state, dropped.ended_at, dropped.points) == ("cancelled", at("23 10:10"), ())
    assert verdict(clocks(told, "23 10:21")["update"]) == ("running", at("23 10:35"), None)


def test_c13_pause_and_resume_move_the_due_time_by_the_working_time_paused() -> None:
    told = events(("23 10:00", "opened", opened("P3")), ("23 17:00", "held", CUSTOMER), ("24 10:00", "resumed"))
    paused = clocks(told[:2], "23 20:00")["resolution"]
    assert (paused.state, paused.paused_at, paused.paused_reason) == ("paused", at("23 17:00"), "customer")
    assert (paused.due_at, paused.points) == (at("26 10:00"), ())
    assert paused.remaining_s(WORK, at("30 10:00")) == 81_000 - int(5.5 * HOUR)
    moved = clocks(told, "24 10:00")["resolution"]
    assert moved.due_at == at("26 12:00")  # paused 17-18 and 9-10: two working hours of 17 by the wall


def test_c13_only_the_reasons_of_the_rule_pause() -> None:
    rules = parse(changed({"rules.resolution.pauses": ["customer"]}), version=9)
    told = events(("23 10:00", "opened", opened(standard=9)), ("23 11:00", "held", THIRD_PARTY),
                  ("23 12:00", "held", CUSTOMER), ("23 13:00", "held", THIRD_PARTY))  # fmt: skip
    states = [clocks(told[:n], "23 13:00", book(rules))["resolution"].state for n in (2, 3, 4)]
    assert states == ["running", "paused", "running"]
    assert clocks(told, "23 13:00", book(rules))["resolution"].due_at == at("23 15:00")


def test_c13_first_response_does_not_pause_unless_the_standard_says_so() -> None:
    held = (*TAKEN, ("23 10:08", "held", CUSTOMER))
    assert clocks(events(*held), "23 10:30")["first_response"].state == "breached"
    strict = events(("23 10:00", "opened", opened(standard=2)), *held[1:])
    assert clocks(strict, "23 10:30")["first_response"].state == "paused"


def test_c13_a_pause_of_no_length_changes_nothing() -> None:
    told = events(*TAKEN, ("23 10:10", "held", CUSTOMER), ("23 10:10", "resumed"))
    assert clocks(told, "23 11:00") == clocks(events(*TAKEN), "23 11:00")


def test_c13_reopen_starts_a_new_resolution_clock_and_keeps_the_old_result() -> None:
    told = events(*TAKEN, ("23 12:00", "solved"), ("23 12:30", "confirmed"), ("24 09:00", "reopened"))
    found = clocks(told, "24 10:00")
    assert verdict(found["resolution"]) == ("met", at("23 14:00"), at("23 12:00"))
    assert verdict(found["resolution 2"]) == ("running", at("24 13:00"), None)


def test_c13_reopening_what_was_not_confirmed_ends_it_at_the_solved_mark() -> None:
    found = clocks(events(*TAKEN, ("23 12:00", "solved"), ("23 18:00", "reopened")), "23 18:01")
    assert verdict(found["resolution"]) == ("met", at("23 14:00"), at("23 12:00"))
    assert verdict(found["resolution 2"]) == ("running", at("23 22:00"), None)
    assert verdict(found["resolution_total"]) == ("running", at("23 20:00"), None)


def test_c13_reopening_long_after_a_late_close_does_not_warn_at_once() -> None:
    told = events(*TAKEN, ("23 12:00", "solved"), ("23 12:30", "confirmed"), ("28 09:00", "reopened"))
    for clock in clocks(told, "28 09:00").values():
        assert all(point.at > at("28 09:00") or point.code.startswith("warn") for point in clock.points)


@pytest.mark.parametrize("kind", ["merged", "cancelled"])
def test_c13_merge_and_cancel_end_the_clocks_as_cancelled(kind: str) -> None:
    told = events(*TAKEN, ("23 10:10", kind, {"into": 7}), ("23 10:12", "message", REPLY), ("23 10:13", "reopened"),
                  ("23 10:14", "assigned", WANG))  # fmt: skip
    found = clocks(told, "24 10:00")
    assert {x.state for m, x in found.items() if m != "accept"} == {"cancelled"}
    assert found["accept"].state == "met"
    assert all(x.points == () and x.ended_at is not None for x in found.values())


def test_c13_merging_a_late_duplicate_keeps_the_breach_and_stops_its_points() -> None:
    clock = clocks(events(*TAKEN, ("23 10:30", "merged")), "23 11:00")["first_response"]
    assert verdict(clock) == ("breached", at("23 10:20"), at("23 10:30"))
    assert clock.points == ()


def test_c13_an_event_that_arrives_late_corrects_the_clock() -> None:
    told = events(*TAKEN, ("23 10:40", "message", REPLY))
    assert clocks(told, "23 11:00")["first_response"].state == "breached"
    mail = Event(at("23 10:18"), 99, "message", REPLY)
    assert verdict(clocks([*told, mail], "23 11:00")["first_response"]) == ("met", at("23 10:20"), at("23 10:18"))


def test_c13_a_pause_at_the_due_second_is_in_time() -> None:
    told = events(*TAKEN, ("23 14:00", "held", CUSTOMER), ("23 15:00", "resumed"), ("23 15:00", "solved"),
                  ("23 16:00", "confirmed"))  # fmt: skip
    assert clocks(told[:4], "23 14:30")["resolution"].state == "paused"
    assert verdict(clocks(told[:5], "23 15:00")["resolution"]) == ("breached", at("23 15:00"), None)
    assert verdict(clocks(told, "23 16:00")["resolution"]) == ("met", at("23 15:00"), at("23 15:00"))


def test_c13_never_breached_while_paused() -> None:
    told = events(*TAKEN, ("23 13:59", "held", CUSTOMER), ("27 10:00", "resumed"))
    assert clocks(told[:4], "26 10:00")["resolution"].state == "paused"
    assert clocks(told, "27 10:00")["resolution"].due_at == at("27 10:01")


def test_c13_a_target_cut_during_a_pause_breaches_when_it_resumes() -> None:
    told = events(("23 10:00", "opened", opened("P3")), ("23 16:00", "held", CUSTOMER),
                  ("23 17:00", "reclassified", {"priority": "P1"}), ("23 18:00", "resumed"))  # fmt: skip
    assert clocks(told[:3], "23 17:30")["resolution"].state == "paused"
    assert verdict(clocks(told, "23 18:00")["resolution"]) == ("breached", at("23 14:00"), None)


def test_c13_a_breached_clock_on_hold_tells_nobody() -> None:
    told = events(*TAKEN, ("23 14:10", "held", CUSTOMER), ("23 15:00", "resumed"))
    held = clocks(told[:4], "23 14:50")["resolution"]
    assert (held.state, held.paused_at, held.points) == ("breached", at("23 14:10"), ())
    again = clocks(told, "23 15:00")["resolution"]
    assert again.points[-2:] == (Point("due", at("23 14:00")), Point("late1", at("23 15:20")))
    after = events(*TAKEN, ("23 14:40", "held", CUSTOMER), ("23 15:00", "resumed"))
    assert clocks(after, "23 15:00")["resolution"].points[-1] == Point("late1", at("23 14:30"))
