"""The five stages as shipped (受理 → 分诊 → 处理 → 反馈 → 回访), found in the facts of tickets.

Facts of one stage that follow each other are one step. Handling is work, from its first fact until the answer, less the
time on hold; all other time is waiting (docs/algorithms/process-maps.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from jiying.core.processmap.log import Log, by_case, taken

if TYPE_CHECKING:
    from numpy.typing import NDArray

STAGES = ("intake", "triage", "handling", "feedback", "callback")
_FACTS = {
    "intake": "opened split_from imported",
    "triage": "reclassified queued assigned unassigned handed_up handed_back escalated transferred",
    "handling": "accepted message:note held resumed collaboration_asked collaboration_answered collaboration_withdrawn"
    " flow_started task_done task_skipped flow_done taken_in offer_made offer_accepted offer_refused",
    "feedback": "message:person message:agent solved rejected",
    "callback": "confirmed survey_asked survey_answered survey_changed callback_opened callback_reached"
    " callback_closed",
}
# Facts that no stage is made of (closing by itself, links, alerts) leave a ticket where it is.
STAGE_OF: Mapping[str, str] = MappingProxyType(
    {f"ticket.{fact}": stage for stage, facts in _FACTS.items() for fact in facts.split()}
)
HELD = "ticket.held"
ASKED = "ticket.message:customer"  # to an agent who has the ticket it brings handling; before, it changes nothing
_HANDLING, _FEEDBACK = STAGES.index("handling"), STAGES.index("feedback")


def by_stage(log: Log) -> Log:
    """The log of stages in a log of facts."""
    import numpy as np

    facts = by_case(log).log
    stage = np.array([_code(name) for name in log.activities], np.int16)[facts.activity]
    stage = _with_questions(facts, stage)
    kept = np.flatnonzero(stage >= 0)
    if not len(kept):
        return Log(facts.case[kept], stage[kept], facts.at[kept], STAGES, facts.at[kept])
    facts, stage = taken(facts, kept), stage[kept]
    begins = np.flatnonzero(np.r_[True, (facts.case[1:] != facts.case[:-1]) | (stage[1:] != stage[:-1])])
    ends = np.r_[begins[1:], len(stage)] - 1
    steps = taken(facts, ends)
    is_work = stage[ends] == _HANDLING
    answered = is_work & np.r_[(stage[begins[1:]] == _FEEDBACK) & (facts.case[begins[1:]] == steps.case[:-1]), False]
    end = np.where(answered, np.r_[facts.at[begins[1:]], 0], steps.at)
    worked = np.where(is_work, end - facts.at[begins] - _held_s(facts, begins, ends, end), 0)
    return replace(steps, activity=stage[ends], activities=STAGES, at=end, start=end - worked)


def _code(name: str) -> int:
    return STAGES.index(STAGE_OF[name]) if name in STAGE_OF else -1


def _with_questions(facts: Log, stage: NDArray[Any]) -> NDArray[Any]:
    """What a customer writes after an answer, or while the ticket is worked on, is handled from then on."""
    import numpy as np

    if ASKED not in facts.activities:
        return stage
    known = np.maximum.accumulate(np.where(stage >= 0, np.arange(len(stage)), -1)) if len(stage) else stage
    before = np.where((known >= 0) & (facts.case[known] == facts.case), stage[known], -1)
    asked = (facts.activity == facts.activities.index(ASKED)) & np.isin(before, (_HANDLING, _FEEDBACK))
    return np.where(asked, np.int16(_HANDLING), stage)


def _held_s(facts: Log, begins: NDArray[Any], ends: NDArray[Any], end: NDArray[Any]) -> NDArray[Any]:
    """Seconds on hold in each step: from a holding to the next fact of the step, or to its end."""
    import numpy as np

    following = np.r_[facts.at[1:], 0]
    following[ends] = end
    is_held = facts.activity == (facts.activities.index(HELD) if HELD in facts.activities else -1)
    held: NDArray[Any] = np.add.reduceat(np.where(is_held, following - facts.at, 0), begins)
    return held
