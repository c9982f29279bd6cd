"""The KPI library (I3): each KPI once, as what people read of it and as expressions over the columnar copy.

The expressions name columns of its table `tickets` (for promises kept many times over a ticket: of `clocks`, for
telephone calls: of `calls`) and are
all that a report may count by. `{until}` is the end of the period. Names and formulas in words are terms of the
insight floor. Only what can be counted today is here. May not query anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Measure = Literal["rate", "mean", "spread", "count", "balance"]
Unit = Literal["percent", "seconds", "tickets", "points"]
Direction = Literal["higher", "lower", "neutral"]
Group = Literal["volume", "in_time", "speed", "solving", "satisfaction", "intake"]

# What is never a case of any KPI. A request that was none (test, spam) is cancelled by the desk; probes carry a tag.
EXCLUDED: Mapping[str, str] = MappingProxyType(
    {
        "merged": "NOT merged",
        "spam": "status <> 'cancelled' AND NOT list_has_any(tags, ['spam', '垃圾信息'])",
        "probe": "NOT list_has_any(tags, ['probe', '拨测'])",
    }
)
COUNTED = " AND ".join(EXCLUDED.values())  # what the copy's `is_counted` says of a ticket, and of its clocks
OF_CALLS = ("spam", "probe")  # a call is one, also where its ticket was merged into another
CALLS_COUNTED = " AND ".join(EXCLUDED[name] for name in OF_CALLS)
METRICS = ("accept", "first_response", "next_response", "resolution", "resolution_total")


@dataclass(frozen=True, slots=True)
class Kpi:
    """One KPI. `measure` says what becomes of its cases: a rate (cases that fulfil `hit` ÷ cases), a mean or a spread
    (mean, median, 90th percentile) of `value`, a count, a balance (hits less `miss` ÷ cases).

    A case fulfils `case` and none of `exclusions`; it counts in the period that holds the instant `at` (empty: a
    state at the end of the period). `about` tells apart what has several formulas in the field; below `min_n` cases a
    figure is marked and never ranks people.
    """

    key: str
    group: Group
    measure: Measure
    unit: Unit
    direction: Direction
    min_n: int
    at: str
    case: str = "TRUE"
    hit: str = ""
    miss: str = ""
    value: str = ""
    variant: str = ""
    source: Literal["tickets", "clocks", "calls"] = "tickets"
    exclusions: tuple[str, ...] = ("merged", "spam", "probe")


def is_case(kpi: Kpi, since: str, until: str) -> str:
    """The condition that a row is a case of this KPI from `since` to before `until` (both as SQL)."""
    parts = [f"({kpi.case.format(until=until)})", "is_counted"]
    if kpi.at:
        parts += [f"({kpi.at}) >= {since}", f"({kpi.at}) < {until}"]
    return " AND ".join(parts)


def _rate(key: str, group: Group, direction: Direction, at: str, case: str, hit: str, variant: str = "") -> Kpi:
    return Kpi(key, group, "rate", "percent", direction, 30, at, case, hit, variant=variant)


def _spread(key: str, group: Group, at: str, case: str, value: str, variant: str = "") -> Kpi:
    return Kpi(key, group, "spread", "seconds", "lower", 10, at, case, value=value, variant=variant)


def _count(key: str, direction: Direction, at: str, case: str = "TRUE") -> Kpi:
    return Kpi(key, "volume", "count", "tickets", direction, 1, at, case)


def _attainment(metric: str) -> Kpi:
    """A promise is decided when its clock ends in time or its due instant passes; until then it is in neither count.

    The first response is promised once a ticket and stands in its row; others may start anew.
    """
    once = metric == "first_response"
    name = metric if once else "clock"
    return Kpi(
        key=f"attainment.{metric}",
        group="in_time",
        measure="rate",
        unit="percent",
        direction="higher",
        min_n=30,
        at=f"CASE WHEN {name}_breached_at IS NOT NULL THEN {name}_breached_at "
        f"WHEN {name}_state = 'met' THEN {name}_ended_at END",
        case="TRUE" if once else f"clock_metric = '{metric}'",
        hit=f"{name}_breached_at IS NULL",
        source="tickets" if once else "clocks",
    )


_SOLVED = "resolved_at IS NOT NULL"
_LIVE = "channel IN ('phone', 'chat')"  # one conversation is one contact, however often both speak
_OPEN_AT_END = "received_at < {until} AND coalesce(resolved_at, ended_at, TIMESTAMP '9999-01-01') >= {until}"
_LATE = "least(first_response_breached_at, resolution_breached_at)"
_DAY_LATER = "received_at + INTERVAL 24 HOUR"
_CALL_IN, _TALKED = "direction = 'in'", "state = 'talked'"
_RATED = f"{_SOLVED} AND score IS NOT NULL AND score_kind = "

_ALL = (
    _count("tickets_received", "neutral", "received_at"),
    _count("tickets_solved", "higher", "resolved_at", _SOLVED),
    _rate("solve_rate", "volume", "higher", "received_at", "TRUE", _SOLVED, "by_now"),
    _count("backlog", "lower", "", _OPEN_AT_END),
    _spread("backlog_age", "volume", "", _OPEN_AT_END, "date_diff('second', received_at, {until})"),
    *(_attainment(metric) for metric in METRICS),
    Kpi(
        "tickets_late", "in_time", "count", "tickets", "lower", 1, _LATE,
    ),
    Kpi(
        "calls_in_3min", "in_time", "rate", "percent", "higher", 30, "begun_at", _CALL_IN,
        hit=f"{_TALKED} AND wait_s <= 180", variant="all_calls", source="calls", exclusions=OF_CALLS,
    ),
    Kpi(
        "calls_missed", "in_time", "rate", "percent", "lower", 30, "begun_at", _CALL_IN,
        hit="state = 'missed'", variant="all_calls", source="calls", exclusions=OF_CALLS,
    ),
    Kpi(
        "talk_time", "speed", "spread", "seconds", "neutral", 10, "ended_at", _TALKED, value="duration_s",
        source="calls", exclusions=OF_CALLS,
    ),
    _spread(
        "first_response_time", "speed", "first_response_ended_at",
        "first_response_s IS NOT NULL AND first_response_state IN ('met', 'breached')", "first_response_s", "working",
    ),
    _spread(
        "wait_since_receipt", "speed", "first_response_at", "first_response_wall_s IS NOT NULL",
        "first_response_wall_s", "wall",
    ),
    _spread(
        "resolution_time", "speed", "resolution_ended_at",
        "resolution_s IS NOT NULL AND resolution_state IN ('met', 'breached')", "resolution_s", "working",
    ),
    _spread(
        "handling_time", "speed", "resolved_at", f"{_SOLVED} AND coalesce(accepted_at, assigned_at) <= resolved_at",
        "date_diff('second', coalesce(accepted_at, assigned_at), resolved_at)", "wall",
    ),
    _rate(
        "first_contact_resolution", "solving", "higher", "resolved_at", _SOLVED,
        f"n_reopened = 0 AND n_transfers = 0 AND NOT is_repeat AND ({_LIVE} OR n_replies <= 1)", "one_contact",
    ),
    _rate(
        "first_contact_resolution.no_word", "solving", "higher", "resolved_at", _SOLVED,
        "n_reopened = 0 AND n_customer_messages = 0", "no_word",
    ),
    _rate(
        "second_contact_resolution", "solving", "higher", "resolved_at", f"{_SOLVED} AND NOT {_LIVE}",
        "n_reopened = 0 AND NOT is_repeat AND n_replies = 2", "two_replies",
    ),
    _rate(
        "reopen_rate", "solving", "lower", "received_at", f"({_SOLVED} OR n_reopened > 0)", "n_reopened > 0",
        "ever_solved",
    ),
    _rate("transfer_rate", "solving", "lower", "received_at", "assigned_at IS NOT NULL", "n_transfers > 0"),
    _rate("repeat_contact_rate", "solving", "lower", "received_at", "TRUE", "is_repeat", "within_24h"),
    _rate("escalation_rate", "solving", "lower", "received_at", "TRUE", "escalation > 0"),
    _rate(
        "complaints_in_24h", "solving", "higher", f"least(coalesce(resolved_at, {_DAY_LATER}), {_DAY_LATER})",
        "type = 'complaint'", f"resolved_at <= {_DAY_LATER}",
    ),
    _rate(
        "repeat_complaint_rate", "solving", "lower", "received_at", "type = 'complaint'", "is_repeat", "within_24h",
    ),
    _rate(
        "offer_conversion", "solving", "higher", "received_at", "n_offers > 0", "n_accepted_offers > 0", "by_now",
    ),
    _rate("csat", "satisfaction", "higher", "resolved_at", f"{_RATED}'csat'", "score >= 4", "top_two"),
    Kpi(
        "csat_mean", "satisfaction", "mean", "points", "higher", 30, "resolved_at", f"{_RATED}'csat'", value="score",
        variant="mean",
    ),
    _rate("bad_rating_rate", "satisfaction", "lower", "resolved_at", f"{_RATED}'csat'", "score <= 3", "three_or_less"),
    Kpi(
        "nps", "satisfaction", "balance", "points", "higher", 30, "resolved_at", f"{_RATED}'nps'", "score >= 9",
        "score <= 6",
    ),
    Kpi(
        "ces_mean", "satisfaction", "mean", "points", "higher", 30, "resolved_at", f"{_RATED}'ces'", value="score",
        variant="mean",
    ),
    _rate(
        "auto_triaged_share", "intake", "higher", "received_at", "priority_source IN ('rule', 'manual')",
        "priority_source = 'rule'",
    ),
    _rate("corrected_priorities", "intake", "lower", "received_at", "TRUE", "n_corrected > 0"),
    _rate("incomplete_share", "intake", "lower", "received_at", "TRUE", "is_incomplete"),
)  # fmt: skip

KPIS: Mapping[str, Kpi] = MappingProxyType({kpi.key: kpi for kpi in _ALL})
