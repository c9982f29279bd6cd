"""Clocks as pages show them: the pill that the browser ticks, with its words. Computes nothing itself."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from jiying.base import texts
from jiying.clocks import queries as clocks
from jiying.clocks.queries import Pill, second_of


@dataclass(frozen=True, slots=True)
class Face:
    """What the part `clock` of the look shows; instants in epoch seconds, `left` in working seconds."""

    metric: str
    label: str
    state: str
    due: int | None
    warn1: int | None
    warn2: int | None
    ended: int | None
    open: str
    left: int | None
    reason: str


def face(pill: Pill, *, labelled: bool = True) -> Face:
    clock = pill.clock
    return Face(
        metric=clock.metric,
        label=texts.term("metric", clock.metric) if labelled else "",
        state=clock.state,
        due=pill.due,
        warn1=pill.warn1,
        warn2=pill.warn2,
        ended=second_of(clock.ended_at) if clock.ended_at else None,
        open=pill.open,
        left=pill.left_s if clock.state == "paused" else None,
        reason=texts.term("hold_reason", clock.paused_reason) if clock.paused_reason else "",
    )


def next_faces(subject_kind: str, ids: Collection[int], now: datetime) -> dict[int, Face]:
    """For each subject the clock that matters next, in one query."""
    return {pk: face(pill) for pk, pill in clocks.next_pills(subject_kind, ids, now).items()}
