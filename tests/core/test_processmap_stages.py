"""Stages found in facts, the drawing of a map, and the cases behind its figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core.processmap import Codes, Log, fold, summary
from jiying.core.processmap.cases import behind, slowest
from jiying.core.processmap.layout import END, START, draw, levels_of
from jiying.core.processmap.log import Step
from jiying.core.processmap.stages import HELD, STAGE_OF, STAGES, by_stage

MINUTE = 60


def facts(*told: tuple[str, int], case: str = "1") -> list[Step]:
    return [Step(case, f"ticket.{name}", minute * MINUTE, None, "", "") for name, minute in told]


def stages(*told: tuple[str, int]) -> list[tuple[str, int, int]]:
    """Stage, the minute of its end, minutes of work."""
    log = by_stage(Codes().log(facts(*told)))
    assert log.start is not None
    rows = zip(log.activity.tolist(), log.at.tolist(), log.start.tolist(), strict=True)
    return [(STAGES[code], at // MINUTE, (at - start) // MINUTE) for code, at, start in rows]


def test_facts_of_a_stage_are_one_step_and_handling_is_work_less_holds() -> None:
    assert stages(
        ("opened", 0), ("queued", 1), ("assigned", 10), ("accepted", 15), ("held", 20), ("resumed", 50),
        ("message:person", 60), ("solved", 70), ("told", 80), ("confirmed", 90),
    ) == [
        ("intake", 0, 0), ("triage", 10, 0), ("handling", 60, 15), ("feedback", 70, 0), ("callback", 90, 0),
    ]  # fmt: skip


def test_a_question_after_the_answer_is_handled_anew_but_one_in_the_queue_changes_nothing() -> None:
    assert stages(
        ("opened", 0), ("message:customer", 2), ("assigned", 5), ("accepted", 6), ("message:person", 10),
        ("message:customer", 30), ("message:person", 45),
    ) == [
        ("intake", 0, 0), ("triage", 5, 0), ("handling", 10, 4), ("feedback", 10, 0), ("handling", 45, 15),
        ("feedback", 45, 0),
    ]  # fmt: skip


def test_a_hold_that_goes_on_until_the_answer_is_no_work() -> None:
    assert stages(("accepted", 0), ("held", 5), ("message:person", 60)) == [("handling", 60, 5), ("feedback", 60, 0)]


def test_stages_keep_to_their_case() -> None:
    log = by_stage(Codes().log(facts(("accepted", 0)) + facts(("message:person", 5), case="2")))
    assert [(int(c), STAGES[a], int(t)) for c, a, t in zip(log.case, log.activity, log.at, strict=True)] == [
        (0, "handling", 0),
        (1, "feedback", 300),
    ]


def test_nothing_known_gives_no_stages() -> None:
    assert len(by_stage(Codes().log(facts(("told", 0)))).at) == 0
    assert len(by_stage(Codes().log([])).at) == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([*STAGE_OF, "ticket.message:customer", HELD]))))
def test_stages_lose_no_time_and_make_none(told: list[tuple[int, str]]) -> None:
    steps = [Step(str(case), name, minute, None, "", "") for minute, (case, name) in enumerate(told)]
    log = by_stage(Codes().log(steps))
    assert log.start is not None and (log.start <= log.at).all()
    for case in set(log.case.tolist()):
        at = log.at[log.case == case]
        assert (at[1:] >= at[:-1]).all()
        codes = log.activity[log.case == case]
        assert (codes[1:] != codes[:-1]).all()
    found = summary(fold(log))
    assert found.duration is None or found.wait_s + found.work_s >= 0


def log_of(*paths: str) -> Log:
    return Codes().log(
        [Step(str(case), letter, case + 60 * n, None, "", "") for case, path in enumerate(paths) for n, letter in
         enumerate(path)]
    )  # fmt: skip


def test_a_drawing_goes_from_left_to_right() -> None:
    drawn = draw(summary(fold(log_of("abc", "abc", "abbc", "acb"))))
    x_of = {box.code: box.x for box in drawn.boxes}
    assert x_of[START] < x_of[0] < x_of[1] < x_of[2] < x_of[END]
    back = {(curve.source, curve.target) for curve in drawn.curves if curve.is_back}
    assert back == {(1, 1), (2, 1)}
    assert all(drawn.top <= curve.y <= drawn.top + drawn.height for curve in drawn.curves)
    assert all(box.x + box.wide <= drawn.width for box in drawn.boxes)


@given(st.lists(st.text("abcde", min_size=1, max_size=6), min_size=1, max_size=12))
def test_boxes_never_lie_on_each_other_and_each_stays_joined(paths: list[str]) -> None:
    drawn = draw(summary(fold(log_of(*paths))))
    places = [(box.x, box.y) for box in drawn.boxes]
    assert len(set(places)) == len(places)
    always = {(curve.source, curve.target) for curve in drawn.curves if curve.level == 0}
    for box in drawn.boxes:
        assert box.code == END or any(box.code == source for source, _ in always)
        assert box.code == START or any(box.code == target for _, target in always)


def test_rare_ways_show_last() -> None:
    levels = levels_of({(0, 1): 80, (1, 2): 15, (0, 2): 5, (2, 1): 5})
    assert levels[0, 1] == levels[1, 2] == levels[2, 1] == 0
    assert levels[0, 2] == 91  # (95 of 105) are carried by the stronger ones


def test_the_slowest_cases_stand_first() -> None:
    steps = [Step(case, name, at, None, "", "") for case, name, at in (
        ("1", "a", 0), ("1", "b", 50), ("2", "a", 0), ("2", "b", 90), ("3", "a", 0), ("3", "a", 10), ("3", "b", 20),
    )]  # fmt: skip
    found = behind([slowest(Codes().log(steps))], [(0, 1)])
    assert found["edge:0:1"] == [1, 0, 2]
    assert found["again:0"] == [2]
    assert found["path:0,1"] == [1, 0]
    assert found["step:1"] == [1, 0, 2]
    assert behind([slowest(Codes().log(steps))], most=1)["edge:0:1"] == [1]


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_has_facts(stage: str) -> None:
    assert stage in STAGE_OF.values()
