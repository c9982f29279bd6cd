"""The common life of a ticket folded straight through: the same clocks as by `fold_loops`, several times sooner.

Most tickets are opened, taken once, answered, perhaps held now and then, solved and closed. Of these each clock can be
judged by itself, from its start, its end and the changes of status between, with nothing kept up at every event.
Whatever else happens to a ticket (another assignee, rejected, opened again, other facts, written to after it was
solved) is left to `fold_loops`, into whose loop `fold_kernel` compiles this.
"""

from __future__ import annotations

from typing import Any

from jiying.core.fold_loops import (
    ACCEPT,
    ACCEPTED,
    ACCEPTED_AT,
    ANSWERED,
    ASSIGNED,
    ASSIGNEE,
    BREACHED,
    CALENDAR,
    CHANGES_AT,
    CLOSED,
    DRAFTS_AT,
    DROPPED_OUT,
    FIRST_RESPONSE,
    GOAL_SIZE,
    GOALS_AT,
    HAS_UPDATE,
    HEAD,
    HELD,
    IS_CLOSED,
    IS_SOLVED,
    KIND_BITS,
    LEAD,
    LEAD_CALENDAR,
    LIFE_AT,
    MET,
    N_BINDINGS,
    N_METRICS,
    N_OUT,
    N_RUNS,
    NEXT_RESPONSE,
    NO_INSTANT,
    NOT_BOUND,
    NOW,
    OPEN,
    OPENED,
    OUT_AT,
    OUT_SIZE,
    PAUSED,
    PENDING,
    RESOLUTION,
    RESUMED,
    ROW_OF,
    RULES,
    RUNNING,
    SEQ,
    SINCE,
    SOLVED,
    SOLVED_AT,
    STATUS,
    STRIDE,
    TARGET,
    TERM,
    TERM_SIZE,
    TERMS_AT,
    TOTAL,
    UPDATE,
    WORKING,
    WROTE,
    _k_add,
    _k_position,
)

# From LIFE_AT on is what a life comes to: where the goals of the ticket are, how many clocks are noted, how many
# changes of status there were, and the notes; from CHANGES_AT on these changes, as (instant, status).
GOALS, N_NOTES, N_CHANGES, UNACCEPTED, NOTES = range(5)  # unaccepted: changes of status before it was accepted
METRIC, HOW, START, END, BEFORE_START, BEFORE_END = range(6)  # a note; before: how many changes of status had been
NOTE_SIZE = 6
AWAITED = -1  # before the start of what waits for acceptance
ENDED, DROPPED, STILL = range(3)  # how a clock came to its end


def _part_straight(x: Any, told: Any, first: Any, last: Any, draft: Any, lean: Any) -> Any:
    """Fold one ticket under one draft, or say that this is not for it. `lean`: only the states of its rows count."""
    return _part_can(x, told, first, last, draft) and _part_life(x, told, first + 1, last) and _part_judge(x, lean)


# ---------------------------------------------------------------- what happened to it
def _part_can(x: Any, told: Any, first: Any, last: Any, draft: Any) -> Any:
    """Begin with its opening."""
    s, k = x[0], x[1]
    if first == last or told[first, 1] & ((1 << KIND_BITS) - 1) != OPENED:
        return False
    data = told[first, 1] >> KIND_BITS
    term = k[k[DRAFTS_AT] + draft * k[N_BINDINGS] + data % k[N_BINDINGS]]
    t = k[TERMS_AT] + term * TERM_SIZE
    s[TERM], s[STATUS], s[ASSIGNEE], s[ACCEPTED_AT], s[N_OUT] = term, WORKING, 0, NO_INSTANT, 0
    at, life = told[first, 0], s[LIFE_AT]
    s[life + GOALS] = k[t + GOALS_AT] + k[k[t + ROW_OF] + data // k[N_BINDINGS]] * (N_METRICS * GOAL_SIZE)
    s[life + N_NOTES] = s[life + N_CHANGES] = s[life + UNACCEPTED] = 0
    for m in range(N_METRICS):
        w = HEAD + m * s[STRIDE]
        s[SEQ + m] = 0
        s[w + OPEN], s[w + SINCE], s[w + N_RUNS] = 1, at, AWAITED if k[t + RULES + 2 * m + 1] else 0
    w = HEAD + ACCEPT * s[STRIDE]
    s[w + SINCE], s[w + N_RUNS] = NO_INSTANT, 0
    s[HEAD + NEXT_RESPONSE * s[STRIDE] + OPEN] = 0
    s[HEAD + UPDATE * s[STRIDE] + OPEN] = k[t + HAS_UPDATE]
    return True


def _part_life(x: Any, told: Any, first: Any, last: Any) -> Any:
    """Note its clocks, and the changes of its status; False where something happens that is not for this."""
    s = x[0]
    for i in range(first, last):
        at, kind, data = told[i, 0], told[i, 1] & ((1 << KIND_BITS) - 1), told[i, 1] >> KIND_BITS
        if kind <= ANSWERED:
            simple = _part_simple_contact(x, kind, at, data)
        else:
            simple = _part_simple_course(s, kind, at, data)
        if not simple:
            return False
    if s[ACCEPTED_AT] < 0:
        s[s[LIFE_AT] + UNACCEPTED] = s[s[LIFE_AT] + N_CHANGES]
    if s[STATUS] != IS_CLOSED:
        for m in range(N_METRICS):
            _k_note(s, m, STILL, s[NOW])
    else:
        _k_note(s, TOTAL, ENDED, s[SOLVED_AT])
    return True


def _part_simple_contact(x: Any, kind: Any, at: Any, data: Any) -> Any:
    s = x[0]
    if kind == ASSIGNED:
        return data == s[ASSIGNEE] or _part_simple_assign(s, at, data)
    if s[STATUS] == IS_CLOSED:
        return kind != OPENED
    if kind == ACCEPTED:
        _k_note_accepted(s, at)
        return True
    if kind == WROTE and s[HEAD + FIRST_RESPONSE * s[STRIDE] + OPEN]:
        return True
    if kind == OPENED or s[STATUS] == IS_SOLVED:
        return False
    if kind == ANSWERED:
        return _k_note_answered(x, at)
    if not s[HEAD + NEXT_RESPONSE * s[STRIDE] + OPEN]:
        _k_note_begun(s, NEXT_RESPONSE, at)
    return True


def _part_simple_assign(s: Any, at: Any, to: Any) -> Any:
    if to > 0 and s[STATUS] == IS_CLOSED:
        return True
    if to == 0 or s[ASSIGNEE] != 0 or not s[HEAD + ACCEPT * s[STRIDE] + OPEN]:
        return False
    s[ASSIGNEE] = to
    _k_note_begun(s, ACCEPT, at)
    return True


def _part_simple_course(s: Any, kind: Any, at: Any, data: Any) -> Any:
    if kind == CLOSED:
        if s[STATUS] != IS_CLOSED:
            _k_note_closed(s, at)
        return True
    if kind != HELD and kind != RESUMED and kind != SOLVED:
        return False
    if s[STATUS] == IS_SOLVED or s[STATUS] == IS_CLOSED:
        return True
    if kind == SOLVED:
        _k_note_accepted(s, at)
        s[SOLVED_AT] = at
    status = IS_SOLVED if kind == SOLVED else data + 1 if kind == HELD else WORKING
    if status != s[STATUS]:
        life = s[LIFE_AT]
        i = s[CHANGES_AT] + 2 * s[life + N_CHANGES]
        s[i], s[i + 1] = at, status
        s[life + N_CHANGES] += 1
        s[STATUS] = status
    return True


def _k_note_begun(s: Any, m: Any, at: Any) -> None:
    w = HEAD + m * s[STRIDE]
    s[w + OPEN], s[w + SINCE], s[w + N_RUNS] = 1, at, s[s[LIFE_AT] + N_CHANGES]


def _k_note(s: Any, m: Any, how: Any, end: Any) -> None:
    """Note a clock that runs, as one that has come to its end."""
    w, life = HEAD + m * s[STRIDE], s[LIFE_AT]
    if s[w + OPEN]:
        i = life + NOTES + NOTE_SIZE * s[life + N_NOTES]
        s[i + METRIC], s[i + HOW], s[i + START], s[i + END] = m, how, s[w + SINCE], end
        s[i + BEFORE_START], s[i + BEFORE_END] = s[w + N_RUNS], s[life + N_CHANGES]
        s[life + N_NOTES] += 1
        s[w + OPEN] = 0


def _k_note_accepted(s: Any, at: Any) -> None:
    w = HEAD + ACCEPT * s[STRIDE]
    if s[w + OPEN]:
        if s[w + SINCE] < 0:
            _k_note_begun(s, ACCEPT, at)
        _k_note(s, ACCEPT, ENDED, at)
    if s[ACCEPTED_AT] < 0:
        s[ACCEPTED_AT], s[s[LIFE_AT] + UNACCEPTED] = at, s[s[LIFE_AT] + N_CHANGES]


def _k_note_answered(x: Any, at: Any) -> Any:
    """False where the update that waited for acceptance may be late already: then another begins, else this goes on."""
    s, k = x[0], x[1]
    _k_note_accepted(s, at)
    _k_note(s, FIRST_RESPONSE, ENDED, at)
    _k_note(s, NEXT_RESPONSE, ENDED, at)
    w = HEAD + UPDATE * s[STRIDE]
    if s[w + OPEN]:
        if s[w + N_RUNS] == AWAITED and s[ACCEPTED_AT] == at:
            target = k[s[s[LIFE_AT] + GOALS] + UPDATE * GOAL_SIZE + TARGET]
            return target < 0 or at <= s[w + SINCE] + target
        if s[w + SINCE] < at:
            _k_note(s, UPDATE, ENDED, at)
            _k_note_begun(s, UPDATE, at)
    return True


def _k_note_closed(s: Any, at: Any) -> None:
    if s[STATUS] != IS_SOLVED:
        s[SOLVED_AT] = at
    _k_note(s, RESOLUTION, ENDED, s[SOLVED_AT])
    for m in range(RESOLUTION):
        _k_note(s, m, DROPPED, at)
    s[STATUS] = IS_CLOSED


# ---------------------------------------------------------------- its clocks
def _part_judge(x: Any, lean: Any) -> Any:
    """Give the noted clocks; False where one has no calendar, or was held while it waited for acceptance."""
    s, k = x[0], x[1]
    life = s[LIFE_AT]
    for n in range(s[life + N_NOTES]):
        i = life + NOTES + NOTE_SIZE * n
        g = s[life + GOALS] + s[i + METRIC] * GOAL_SIZE
        if k[g + TARGET] < 0:
            continue
        if k[g + CALENDAR] == NOT_BOUND:
            return False
        due_at, breached_at, paused = NO_INSTANT, NO_INSTANT, False
        if s[i + BEFORE_START] == AWAITED:
            if s[life + UNACCEPTED] > 0:
                return False
            due_at, breached_at = _part_waited(x, i, g, lean)
        if s[i + START] >= 0 and s[i + BEFORE_START] != AWAITED:
            due_at, breached_at, paused = _part_verdict(x, i, g, lean)
        _part_row(s, i, due_at, breached_at, paused)
    return True


def _part_row(s: Any, i: Any, due_at: Any, breached_at: Any, paused: Any) -> None:
    m, o = s[i + METRIC], s[OUT_AT] + OUT_SIZE * s[N_OUT]
    s[SEQ + m] += 1
    s[N_OUT] += 1
    s[o], s[o + 1] = m, s[SEQ + m]
    if breached_at >= 0:
        s[o + 2] = BREACHED
    elif s[i + HOW] != STILL:
        s[o + 2] = MET if s[i + HOW] == ENDED else DROPPED_OUT
    elif s[i + START] < 0:
        s[o + 2] = PENDING
    else:
        s[o + 2] = PAUSED if paused else RUNNING
    s[o + 3], s[o + 4] = s[i + START], due_at
    s[o + 5], s[o + 6] = NO_INSTANT if s[i + HOW] == STILL else s[i + END], breached_at


def _part_waited(x: Any, i: Any, g: Any, lean: Any) -> Any:
    """(due, breached) of a clock that starts at acceptance, and is breached before where that comes too late (C8).

    Accepted in time, it has a start then; not accepted and not late, it has none.
    """
    s, k = x[0], x[1]
    opened_at, accepted_at = s[i + START], s[ACCEPTED_AT]
    until_at = s[i + END] if accepted_at < 0 else accepted_at
    due_at = NO_INSTANT
    if not lean or until_at >= opened_at + k[g + TARGET]:
        due_at = opened_at
        if k[g + LEAD_CALENDAR] >= 0:
            due_at = _k_add(x, k[g + LEAD_CALENDAR], opened_at, k[g + LEAD])
        due_at = _k_add(x, k[g + CALENDAR], due_at, k[g + TARGET])
        if until_at > due_at or (until_at == due_at and accepted_at < 0 and s[i + HOW] == STILL):
            return due_at, due_at
    s[i + START] = accepted_at
    if accepted_at >= 0:
        s[i + BEFORE_START] = 0
    return due_at, NO_INSTANT


def _part_verdict(x: Any, i: Any, g: Any, lean: Any) -> Any:
    """(due, breached, whether it is paused) of a clock that was started.

    It runs from its start on but while its metric pauses for the status; what a run has used is taken from what is left
    of its target. It is due where what is left ends in the present run, and breached where that is over by the next
    pause, or its end. Open time is at most wall time: a run that ends within what is left cannot be late.
    """
    s, k = x[0], x[1]
    m, c, left, run = s[i + METRIC], k[g + CALENDAR], k[g + TARGET], s[i + START]
    pauses = k[k[TERMS_AT] + s[TERM] * TERM_SIZE + RULES + 2 * m] | (1 << IS_SOLVED if m >= NEXT_RESPONSE else 0)
    due_at, at, paused_at, paused = NO_INSTANT, run, run, False
    change = s[CHANGES_AT] + 2 * s[i + BEFORE_START]
    last = s[CHANGES_AT] + 2 * s[i + BEFORE_END]
    status = s[change - 1] if s[i + BEFORE_START] > 0 else WORKING
    while True:
        held = (pauses >> status) & 1 == 1
        if held and not paused:
            if not lean or at > run + left:
                due_at = _k_add(x, c, run, left)
                if at > due_at:
                    return due_at, due_at, True
            if at > run:
                left -= _k_position(x, c, at) - _k_position(x, c, run)
            paused_at = at
        elif paused and not held:
            run = at
        paused = held
        if change == last:
            break
        at, status = s[change], s[change + 1]
        change += 2
    return _part_end(x, (i, c, lean), (left, run, paused_at, paused, due_at))


def _part_end(x: Any, clock: Any, course: Any) -> Any:
    """The verdict at the end, or now."""
    s = x[0]
    (i, c, lean), (left, run, paused_at, paused, due_at) = clock, course
    end_at = s[i + END]
    if paused:
        if s[i + HOW] == ENDED and end_at > paused_at and not lean:
            due_at = _k_add(x, c, end_at, left)
        return due_at, NO_INSTANT, paused
    if lean and end_at < run + left:
        return NO_INSTANT, NO_INSTANT, paused
    due_at = _k_add(x, c, run, left)
    is_late = end_at > due_at or (end_at == due_at and s[i + HOW] == STILL)
    return due_at, due_at if is_late else NO_INSTANT, paused
