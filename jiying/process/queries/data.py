"""A map as plain JSON, the same for the API, the command line and a kept result."""

from fractions import Fraction
from typing import Any

from jiying.core.metrics import Mean, Rate
from jiying.core.processmap import Activity, Bottleneck, Edge, Handover, ProcessMap, Rework, Spread, Variant


def as_data(found: ProcessMap) -> dict[str, Any]:
    """All figures of a map; seconds are whole, shares keep their two counts."""
    return {
        "n_cases": found.n_cases,
        "n_events": found.n_events,
        "n_variants": found.n_variants,
        "duration": _spread(found.duration),
        "wait_s": found.wait_s,
        "work_s": found.work_s,
        "activities": [
            {
                "name": one.name,
                "n": one.n,
                "n_cases": one.n_cases,
                "n_first": one.n_first,
                "n_last": one.n_last,
                "work": _spread(one.work),
            }
            for one in found.activities
        ],
        "edges": [{"source": one.source, "target": one.target, "wait": _spread(one.wait)} for one in found.edges],
        "variants": [
            {"path": list(one.path), "n": one.n, "n_cases": found.n_cases, "total_s": one.duration.total}
            for one in found.variants
        ],
        "rework": [
            {
                "activity": one.activity,
                "n_cases": one.cases.numerator,
                "n_repeats": one.n_repeats,
                "n_self": one.n_self,
                "loop_s": one.loop_s,
            }
            for one in found.rework
        ],
        "people": [_handover(one) for one in found.people],
        "groups": [_handover(one) for one in found.groups],
        "bottlenecks": [
            {
                "kind": one.kind,
                "source": one.source,
                "target": one.target,
                "n": one.n,
                "saved_s": one.saved_s,
                "share": round(float(one.share), 6),
                "key": one.key,
            }
            for one in found.bottlenecks
        ],
    }


def _spread(spread: Spread | None) -> dict[str, int] | None:
    if spread is None:
        return None
    return {
        "n": spread.n,
        "total_s": spread.total_s,
        "median_s": spread.median_s,
        "p90_s": spread.p90_s,
        "saved_s": spread.saved_s,
    }


def _handover(one: Handover) -> dict[str, Any]:
    return {
        "source": one.source,
        "target": one.target,
        "n": one.n,
        "wait_s": one.wait.total,
        "n_back": one.n_back,
        "back_s": one.back_s,
        "key": one.key,
        "key_back": one.key_back,
    }


def from_data(data: dict[str, Any]) -> ProcessMap:
    """The map that `as_data` told."""
    n_cases = data["n_cases"]
    return ProcessMap(
        n_cases=n_cases,
        n_events=data["n_events"],
        n_variants=data["n_variants"],
        duration=_told(data["duration"]),
        activities=tuple(Activity(**{**one, "work": _told(one["work"])}) for one in data["activities"]),
        edges=tuple(Edge(one["source"], one["target"], _known(one["wait"])) for one in data["edges"]),
        variants=tuple(
            Variant(tuple(one["path"]), Rate(one["n"], n_cases), Mean(one["total_s"], one["n"]))
            for one in data["variants"]
        ),
        rework=tuple(
            Rework(one["activity"], Rate(one["n_cases"], n_cases), one["n_repeats"], one["n_self"], one["loop_s"])
            for one in data["rework"]
        ),
        people=tuple(_pair(one) for one in data["people"]),
        groups=tuple(_pair(one) for one in data["groups"]),
        bottlenecks=tuple(
            Bottleneck(**{**one, "share": Fraction(one["saved_s"], data["duration"]["total_s"])})
            for one in data["bottlenecks"]
        ),
    )


def _told(data: dict[str, int] | None) -> Spread | None:
    return None if data is None else _known(data)


def _known(data: dict[str, int]) -> Spread:
    return Spread(Mean(data["total_s"], data["n"]), data["median_s"], data["p90_s"], data["saved_s"])


def _pair(one: dict[str, Any]) -> Handover:
    wait = Mean(one["wait_s"], one["n"])
    keys = one.get("key", ""), one.get("key_back", "")  # not told by what was kept before these were known
    return Handover(one["source"], one["target"], one["n"], wait, one["n_back"], one["back_s"], *keys)
