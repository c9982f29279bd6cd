"""The rules of `core.clocks` a second time, as functions that numba compiles; `fold_kernel` packs what they read.

Line by line these are the methods of `clocks.subject.Subject` and `clocks.watch.Watch`, whose names they bear. The loop
over all tickets that calls them is in `fold_straight`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np  # `fold_kernel` puts it into the globals of all functions below

NEVER = 1 << 62
NO_INSTANT = -1

# What an event is, as a number: in three ranges, for the three functions that know what it does.
(
    OPENED, ASSIGNED, ACCEPTED, WROTE, ANSWERED,
    HELD, RESUMED, SOLVED, REJECTED, CLOSED, REOPENED, CANCELLED,
    RECLASSIFIED, REDATED, BOUND,
) = range(15)  # fmt: skip
N_KINDS, KIND_BITS = 15, 5
N_REASONS = 4  # those of standards, and one for all others, which no standard pauses for

ACCEPT, FIRST_RESPONSE, NEXT_RESPONSE, UPDATE, RESOLUTION, TOTAL = range(6)
N_METRICS = 6
MET, BREACHED, RUNNING, PAUSED, PENDING, DROPPED_OUT = range(6)
IDLE, AWAITING, STARTED = range(3)
# Status of a ticket: 0 while worked on, 1.. the hold reasons, then these.
WORKING, IS_SOLVED, IS_CLOSED, IS_OVER = 0, 5, 6, 7

# The state `s` of the ticket under the loop: what `Subject` knows, then one watch a metric, then the rows that it
# has given so far. A watch is STRIDE long, and ends with its closed runs, as pairs.
(
    STATUS, ACCEPTED_AT, SOLVED_AT, ASSIGNEE, ASKED_AFTER_SOLVED, UNANSWERED, FACTS, TERM, IS_OPENED, FAULT,
    NOW, STRIDE, DRAFT_AT, N_OUT, OUT_AT, LIFE_AT, CHANGES_AT, SEQ,
) = range(18)  # fmt: skip
HEAD = 24
(
    METRIC, OPEN, PHASE, SINCE, DATED, RUN, PAUSED_AT, BREACHED_AT, ENDED, CANCEL, SHOWN, DROPPED, DUE, N_RUNS, GOAL,
    OF_FACTS, OF_TERM, RUNS,
) = range(18)  # fmt: skip
OUT_SIZE = 7  # metric, seq, state, started, due, ended, breached

# The constants `k`: where the terms and the drafts' lists of terms are, and from CALENDARS_AT on the calendars.
TERMS_AT, DRAFTS_AT, N_BINDINGS, CALENDARS_AT = range(4)
BEFORE_AT, SLOTS_AT, ORIGIN, GRAIN, SPANS_AT, N_SPANS = range(6)
CALENDAR_SIZE = 6
ROW_OF, GOALS_AT, HAS_UPDATE, RULES = range(4)  # of a term; rules are pauses as bits of status, starts at acceptance
TERM_SIZE = RULES + 2 * N_METRICS
TARGET, CALENDAR, LEAD_CALENDAR, LEAD = range(4)
GOAL_SIZE = 4
NOT_BOUND = -2


# ---------------------------------------------------------------- business time
# `x` is (s, k, table, rates) everywhere: few arrays, since each costs seven words in every call that is not inlined.
def _k_position(x: Any, c: Any, at: Any) -> Any:
    """Open seconds before `at` in calendar c; see `kernels._k_position` for the multiplication."""
    _, k, table, rates = x
    m = CALENDARS_AT + c * CALENDAR_SIZE
    grain = k[m + GRAIN]
    if grain == 0:  # too fine for a table: spans are searched, as starts, ends and open seconds before
        n = k[m + N_SPANS]
        j = _k_last_below(k, k[m + SPANS_AT], n, at + 1)
        return k[j + 2 * n] + min(at, k[j + n]) - k[j]
    after = at - k[m + ORIGIN]
    slot = np.int64((after + 0.5) * rates[c])
    i = np.uint64(k[m + BEFORE_AT] + slot)
    opened = np.int64(table[i])
    return opened + min(after - slot * grain, np.int64(table[i + np.uint64(1)]) - opened)


def _k_add(x: Any, c: Any, at: Any, amount: Any) -> Any:
    _, k, table, rates = x
    if amount <= 0:
        return at
    m = CALENDARS_AT + c * CALENDAR_SIZE
    grain = k[m + GRAIN]
    wanted = _k_position(x, c, at) + amount
    if grain == 0:
        n = k[m + N_SPANS]
        j = _k_last_below(k, k[m + SPANS_AT] + 2 * n, n, wanted)
        return k[j - 2 * n] + wanted - k[j]
    slot = np.int64((wanted - 0.5) * rates[c])
    return k[m + ORIGIN] + np.int64(table[np.uint64(k[m + SLOTS_AT] + slot)]) + wanted - slot * grain


def _k_last_below(k: Any, low: Any, n: Any, value: Any) -> Any:
    """The place of the last of n rising numbers from `low` on that is below the value; the first one is."""
    high = low + n
    while high - low > 1:
        middle = (low + high) // 2
        if k[middle] < value:
            low = middle
        else:
            high = middle
    return low


# ---------------------------------------------------------------- one clock: Watch
def _k_reach(x: Any, w: Any, c: Any, amount: Any, since_at: Any, anchor_at: Any) -> Any:
    s = x[0]
    left = amount
    for i in range(w + RUNS, w + RUNS + 2 * s[w + N_RUNS], 2):
        end_at = s[i + 1]
        if end_at <= since_at:
            continue
        start_at = max(s[i], since_at)
        used = _k_position(x, c, end_at) - _k_position(x, c, start_at)
        if used >= left:
            reached_at = _k_add(x, c, start_at, left)
            if reached_at < end_at:
                return reached_at
        left -= used
    return _k_add(x, c, max(anchor_at, since_at), left)


def _k_due_from(x: Any, w: Any, anchor_at: Any) -> Any:
    s, k = x[0], x[1]
    g = s[w + GOAL]
    if anchor_at < 0 or k[g + TARGET] < 0:
        return NEVER
    since_at = s[w + SINCE]
    if s[w + PHASE] == AWAITING and k[g + LEAD_CALENDAR] >= 0:
        since_at = _k_reach(x, w, k[g + LEAD_CALENDAR], k[g + LEAD], since_at, anchor_at)
    return _k_reach(x, w, k[g + CALENDAR], k[g + TARGET], since_at, anchor_at)


def _k_due(x: Any, w: Any) -> Any:
    s = x[0]
    if s[w + DUE] < 0:
        s[w + DUE] = _k_due_from(x, w, s[w + RUN] if s[w + RUN] >= 0 else s[w + PAUSED_AT])
    return s[w + DUE]


def _k_pass_to(x: Any, at: Any) -> None:
    """Open time is at most wall time, so before start + target nothing can be due, and the due instant can wait."""
    s, k = x[0], x[1]
    for w in range(HEAD, s[OUT_AT], s[STRIDE]):
        if s[w + OPEN] and s[w + BREACHED_AT] < 0 and s[w + RUN] >= 0 and at > s[w + SINCE] + k[s[w + GOAL] + TARGET]:
            if at > _k_due(x, w):
                s[w + BREACHED_AT] = s[w + DUE]


def _k_begin(x: Any, w: Any, at: Any) -> None:
    s = x[0]
    if s[w + PHASE] == AWAITING and s[w + BREACHED_AT] >= 0:
        return
    n = 0
    for i in range(s[w + N_RUNS]):
        start_at, end_at = s[w + RUNS + 2 * i], s[w + RUNS + 2 * i + 1]
        if end_at > at:
            s[w + RUNS + 2 * n], s[w + RUNS + 2 * n + 1] = max(start_at, at), end_at
            n += 1
    s[w + N_RUNS] = n
    if s[w + PAUSED_AT] < 0:
        s[w + RUN] = max(s[w + RUN], at)
    s[w + PHASE], s[w + SINCE], s[w + DUE] = STARTED, at, NO_INSTANT


def _k_close_run(x: Any, w: Any, at: Any) -> None:
    s = x[0]
    if at > s[w + RUN]:
        i = w + RUNS + 2 * s[w + N_RUNS]
        s[i], s[i + 1] = s[w + RUN], at
        s[w + N_RUNS] += 1
    s[w + RUN] = NO_INSTANT


def _k_pause(x: Any, w: Any, at: Any) -> None:
    s = x[0]
    if s[w + RUN] >= 0:
        _k_due(x, w)
        _k_close_run(x, w, at)
        s[w + PAUSED_AT] = at


def _k_resume(x: Any, w: Any, at: Any) -> None:
    s = x[0]
    if s[w + PAUSED_AT] < 0:
        return
    last = w + RUNS + 2 * (s[w + N_RUNS] - 1)
    if s[w + N_RUNS] > 0 and s[last + 1] == at:
        s[w + RUN] = s[last]
        s[w + N_RUNS] -= 1
    else:
        s[w + RUN] = at
        if s[w + BREACHED_AT] < 0:
            s[w + DUE] = NO_INSTANT
    s[w + PAUSED_AT] = NO_INSTANT


def _k_take(x: Any, w: Any, facts: Any, at: Any) -> None:
    s, k = x[0], x[1]
    g = _k_promise(x, s[w + METRIC], facts)
    if k[g + TARGET] >= 0:
        s[w + SHOWN], s[w + DROPPED] = 1, NO_INSTANT
    elif k[s[w + GOAL] + TARGET] >= 0:
        s[w + DROPPED] = at
    s[w + GOAL], s[w + OF_FACTS], s[w + OF_TERM] = g, facts, s[TERM]
    s[w + DATED], s[w + BREACHED_AT], s[w + DUE] = at, NO_INSTANT, NO_INSTANT


def _k_redate(x: Any, w: Any, at: Any) -> None:
    s = x[0]
    late, dated_at = s[w + BREACHED_AT] >= 0, s[w + DATED]
    _k_take(x, w, s[w + OF_FACTS], at)
    if late and _k_due(x, w) < (at if s[w + PAUSED_AT] < 0 else s[w + PAUSED_AT]):
        s[w + BREACHED_AT], s[w + DATED] = s[w + DUE], dated_at


def _k_stop(x: Any, m: Any, at: Any) -> None:
    """`Subject._stop` with the verdict of `Watch.end`."""
    s = x[0]
    w = HEAD + m * s[STRIDE]
    if not s[w + OPEN]:
        return
    if s[w + BREACHED_AT] < 0:
        if s[w + PAUSED_AT] >= 0 and at > s[w + PAUSED_AT]:
            s[w + DUE] = _k_due_from(x, w, at)
        if at > _k_due(x, w):
            s[w + BREACHED_AT] = s[w + DUE]
    s[w + CANCEL] = 0
    _k_close_watch(x, w, at)


def _k_cancel(x: Any, w: Any, at: Any) -> None:
    s = x[0]
    if s[w + OPEN]:
        _k_due(x, w)
        s[w + CANCEL] = 1
        _k_close_watch(x, w, at)


def _k_close_watch(x: Any, w: Any, at: Any) -> None:
    """An ended clock is given out at once, but for the total resolution, which may run on."""
    s = x[0]
    if s[w + RUN] >= 0:
        _k_close_run(x, w, at)
    s[w + OPEN], s[w + ENDED], s[w + PAUSED_AT] = 0, at, NO_INSTANT
    if s[w + METRIC] != TOTAL:
        _k_give(x, w)


def _k_give(x: Any, w: Any) -> None:
    """`Watch.clock` at NOW, written to the ticket's rows if it was ever promised."""
    s, k = x[0], x[1]
    if not s[w + SHOWN]:
        return
    due_at, ended_at, cancelled, breached_at = _k_due(x, w), s[w + ENDED], s[w + CANCEL], s[w + BREACHED_AT]
    if k[s[w + GOAL] + TARGET] < 0:
        ended_at, cancelled = s[w + DROPPED], 1
    if breached_at < 0 and s[w + RUN] >= 0 and s[NOW] >= due_at:
        breached_at = due_at
    started = s[w + PHASE] == STARTED or (s[w + PHASE] == AWAITING and breached_at >= 0)
    m, o = s[w + METRIC], s[OUT_AT] + OUT_SIZE * s[N_OUT]
    s[SEQ + m] += 1
    s[N_OUT] += 1
    s[o], s[o + 1] = m, s[SEQ + m]
    s[o + 2] = _part_state(ended_at, cancelled, breached_at, started, s[w + PAUSED_AT])
    s[o + 3] = s[w + SINCE] if started else NO_INSTANT
    s[o + 4] = NO_INSTANT if due_at == NEVER else due_at
    s[o + 5], s[o + 6] = ended_at, breached_at


def _part_state(ended_at: Any, cancelled: Any, breached_at: Any, started: Any, paused_at: Any) -> Any:
    if breached_at >= 0:
        return BREACHED
    if ended_at >= 0:
        return DROPPED_OUT if cancelled else MET
    if not started:
        return PENDING
    return RUNNING if paused_at < 0 else PAUSED


# ---------------------------------------------------------------- one ticket: Subject
def _k_promise(x: Any, m: Any, facts: Any) -> Any:
    """Where in k the goal for these facts under the bound terms is; FAULT if a calendar of it is not bound."""
    s, k = x[0], x[1]
    t = k[TERMS_AT] + s[TERM] * TERM_SIZE
    g = k[t + GOALS_AT] + (k[k[t + ROW_OF] + facts] * N_METRICS + m) * GOAL_SIZE
    if k[g + CALENDAR] == NOT_BOUND or k[g + LEAD_CALENDAR] == NOT_BOUND:
        s[FAULT] = 1
    return g


def _k_start(x: Any, m: Any, at: Any) -> None:
    s, k = x[0], x[1]
    w = HEAD + m * s[STRIDE]
    g = _k_promise(x, m, s[FACTS])
    at_acceptance = k[k[TERMS_AT] + s[TERM] * TERM_SIZE + RULES + 2 * m + 1]
    phase = STARTED
    if m == ACCEPT:
        phase = IDLE
    elif at_acceptance and s[ACCEPTED_AT] < 0:
        phase = AWAITING
    for i in range(w + PAUSED_AT, w + RUNS):
        s[i] = NO_INSTANT
    s[w + OPEN], s[w + PHASE], s[w + SINCE], s[w + DATED] = 1, phase, at, at
    s[w + RUN] = NO_INSTANT if phase == IDLE else at
    s[w + CANCEL], s[w + N_RUNS] = 0, 0
    s[w + SHOWN] = 1 if k[g + TARGET] >= 0 else 0
    s[w + GOAL], s[w + OF_FACTS], s[w + OF_TERM] = g, s[FACTS], s[TERM]


def _k_start_update(x: Any, at: Any) -> None:
    s, k = x[0], x[1]
    if not s[HEAD + UPDATE * s[STRIDE] + OPEN] and k[k[TERMS_AT] + s[TERM] * TERM_SIZE + HAS_UPDATE]:
        _k_start(x, UPDATE, at)


def _k_held(x: Any, w: Any) -> Any:
    s, k = x[0], x[1]
    status, m = s[STATUS], s[w + METRIC]
    if status == WORKING:
        return False
    if status == IS_SOLVED:
        waits = m == NEXT_RESPONSE and s[ASKED_AFTER_SOLVED] == 1
        return m >= NEXT_RESPONSE and not waits
    return (k[k[TERMS_AT] + s[w + OF_TERM] * TERM_SIZE + RULES + 2 * m] >> status) & 1 == 1


def _k_settle(x: Any, at: Any) -> None:
    s = x[0]
    for w in range(HEAD, s[OUT_AT], s[STRIDE]):
        if s[w + OPEN] and s[w + PHASE] != IDLE:
            if _k_held(x, w):
                _k_pause(x, w, at)
            else:
                _k_resume(x, w, at)


def _k_open(x: Any, at: Any, data: Any) -> None:
    s, k = x[0], x[1]
    s[IS_OPENED] = 1
    s[FACTS] = data // k[N_BINDINGS]
    s[TERM] = k[s[DRAFT_AT] + data % k[N_BINDINGS]]
    _k_start(x, ACCEPT, at)
    _k_start(x, FIRST_RESPONSE, at)
    _k_start(x, RESOLUTION, at)
    _k_start(x, TOTAL, at)
    _k_start_update(x, at)


def _k_assign(x: Any, at: Any, to: Any) -> None:
    s = x[0]
    w = HEAD + ACCEPT * s[STRIDE]
    if to == s[ASSIGNEE] or (to > 0 and s[STATUS] == IS_CLOSED):
        return
    s[ASSIGNEE] = to
    if to == 0 or s[w + PHASE] == STARTED:
        _k_cancel(x, w, at)
    if not s[w + OPEN] and s[STATUS] != IS_CLOSED:
        _k_start(x, ACCEPT, at)
    if to > 0:
        _k_begin(x, w, at)
        _k_settle(x, at)


def _k_accept(x: Any, at: Any) -> None:
    s = x[0]
    w = HEAD + ACCEPT * s[STRIDE]
    if s[w + OPEN]:
        if s[w + PHASE] == IDLE:
            _k_begin(x, w, at)
        _k_stop(x, ACCEPT, at)
    if s[ACCEPTED_AT] < 0:
        s[ACCEPTED_AT] = at
        for w in range(HEAD, s[OUT_AT], s[STRIDE]):
            if s[w + OPEN] and s[w + PHASE] == AWAITING:
                _k_begin(x, w, at)


def _k_wrote(x: Any, at: Any) -> None:
    s = x[0]
    if s[HEAD + FIRST_RESPONSE * s[STRIDE] + OPEN]:
        return
    if s[STATUS] == IS_CLOSED:
        s[UNANSWERED] = 1
        return
    s[ASKED_AFTER_SOLVED] = 1
    if not s[HEAD + NEXT_RESPONSE * s[STRIDE] + OPEN]:
        _k_start(x, NEXT_RESPONSE, at)
    _k_settle(x, at)


def _k_answered(x: Any, at: Any) -> None:
    s = x[0]
    s[UNANSWERED] = 0
    if s[STATUS] == IS_CLOSED:
        return
    _k_accept(x, at)
    _k_stop(x, FIRST_RESPONSE, at)
    _k_stop(x, NEXT_RESPONSE, at)
    w = HEAD + UPDATE * s[STRIDE]
    if not s[w + OPEN] or s[w + PHASE] == AWAITING or s[w + SINCE] < at:
        _k_stop(x, UPDATE, at)
        _k_start_update(x, at)
    _k_settle(x, at)


def _k_reopen(x: Any, at: Any) -> None:
    s = x[0]
    if s[STATUS] == IS_SOLVED:
        _k_stop(x, RESOLUTION, s[SOLVED_AT])
    s[STATUS] = WORKING
    w = HEAD + TOTAL * s[STRIDE]
    if not s[w + OPEN]:
        s[w + OPEN], s[w + CANCEL], s[w + ENDED] = 1, 0, NO_INSTANT
        if s[w + BREACHED_AT] < 0:
            _k_take(x, w, s[FACTS], at)
        s[w + PAUSED_AT] = at
        _k_resume(x, w, at)
    _k_start(x, RESOLUTION, at)
    _k_start_update(x, at)
    if s[UNANSWERED]:
        s[UNANSWERED] = 0
        _k_start(x, NEXT_RESPONSE, at)
    _k_settle(x, at)


def _k_change(x: Any, kind: Any, at: Any, data: Any) -> None:
    """Other facts, or other versions with a new judgement of what runs."""
    s, k = x[0], x[1]
    if kind == RECLASSIFIED:
        s[FACTS] = data
    else:
        s[TERM] = k[s[DRAFT_AT] + data]
    if kind == BOUND:
        return
    for w in range(HEAD, s[OUT_AT], s[STRIDE]):
        if s[w + OPEN]:
            held_to = s[w + OF_FACTS]
            if kind == REDATED:
                _k_redate(x, w, at)
            late = s[w + BREACHED_AT] >= 0 and s[w + BREACHED_AT] >= s[w + DATED]
            if not late and (kind == RECLASSIFIED or held_to != s[FACTS]):
                _k_take(x, w, s[FACTS], at)
            if s[w + PHASE] == AWAITING and s[ACCEPTED_AT] >= 0:
                _k_begin(x, w, s[ACCEPTED_AT])
    if kind == REDATED:
        _k_settle(x, at)


def _part_contact(x: Any, kind: Any, at: Any, data: Any) -> None:
    if kind == ASSIGNED:
        _k_assign(x, at, data)
    elif kind == ACCEPTED:
        _k_accept(x, at)
    elif kind == WROTE:
        _k_wrote(x, at)
    elif kind == ANSWERED:
        _k_answered(x, at)


def _part_course(x: Any, kind: Any, at: Any, data: Any) -> None:
    """Hold and resume, solved or not."""
    s = x[0]
    if kind == REJECTED:
        if s[STATUS] == IS_SOLVED:
            s[STATUS] = WORKING
            _k_settle(x, at)
    elif s[STATUS] != IS_SOLVED and s[STATUS] != IS_CLOSED:
        if kind == SOLVED:
            _k_accept(x, at)
            s[STATUS], s[SOLVED_AT], s[ASKED_AFTER_SOLVED] = IS_SOLVED, at, 0
        else:
            s[STATUS] = data + 1 if kind == HELD else WORKING
        _k_settle(x, at)


def _part_finish(x: Any, kind: Any, at: Any) -> None:
    """Closed or over, or opened again."""
    s = x[0]
    closed = s[STATUS] == IS_CLOSED
    if kind == REOPENED:
        if closed or s[STATUS] == IS_SOLVED:
            _k_reopen(x, at)
    elif kind == CANCELLED or not closed:
        if kind == CLOSED:
            done_at = s[SOLVED_AT] if s[STATUS] == IS_SOLVED else at
            _k_stop(x, RESOLUTION, done_at)
            _k_stop(x, TOTAL, done_at)
        for w in range(HEAD, s[OUT_AT], s[STRIDE]):
            _k_cancel(x, w, at)
        s[STATUS] = IS_CLOSED if kind == CLOSED else IS_OVER


def _part_apply(x: Any, kind: Any, at: Any, data: Any) -> None:
    s = x[0]
    if kind == OPENED:
        if not s[IS_OPENED]:
            _k_open(x, at, data)
        return
    if not s[IS_OPENED] or s[STATUS] == IS_OVER:
        return
    _k_pass_to(x, at)
    if kind <= ANSWERED:
        _part_contact(x, kind, at, data)
    elif kind <= REJECTED:
        _part_course(x, kind, at, data)
    elif kind <= CANCELLED:
        _part_finish(x, kind, at)
    else:
        _k_change(x, kind, at, data)


def _part_ticket(x: Any, told: Any, first: Any, last: Any, draft: Any) -> None:
    """Fold one ticket under one draft; its rows are in s."""
    s, k = x[0], x[1]
    for i in range(FAULT + 1):
        s[i] = 0
    s[ACCEPTED_AT], s[DRAFT_AT], s[N_OUT] = NO_INSTANT, k[DRAFTS_AT] + draft * k[N_BINDINGS], 0
    for w in range(HEAD, s[OUT_AT], s[STRIDE]):
        s[w + OPEN] = s[SEQ + s[w + METRIC]] = 0
    for i in range(first, last):
        _part_apply(x, told[i, 1] & ((1 << KIND_BITS) - 1), told[i, 0], told[i, 1] >> KIND_BITS)
    for w in range(HEAD, s[OUT_AT], s[STRIDE]):
        if s[w + OPEN] or (s[w + METRIC] == TOTAL and s[IS_OPENED]):
            _k_give(x, w)
