"""Calls of a telephone system (D17): events of one call, in whatever order and however often, give the same call. Pure.

Each event is kept once under its own mark; what the call is now is read from all of them together. So a late or
doubled event needs no path of its own.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

RINGING, ANSWERED, ENDED, MISSED, RECORDING = "ringing", "answered", "ended", "missed", "recording"
EVENTS = (RINGING, ANSWERED, ENDED, MISSED, RECORDING)
LOST = "lost"  # ours: nothing more was heard for longer than a call takes. What is heard later counts instead
DIRECTIONS = ("in", "out")
MAX_S = 86_400
MAX_EVENTS = 60  # of one call: somebody rings through a long queue
_NUMBER = re.compile(r"[^0-9]")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a call, as the telephone system tells it. Empty = not told."""

    kind: str
    call_id: str
    at_s: int
    caller: str = ""
    called: str = ""
    direction: str = "in"
    agent: str = ""  # employee number, user name or extension
    queue: str = ""
    duration_s: int | None = None
    recording_url: str = ""

    @property
    def mark(self) -> str:
        """Under which it is kept: a call may ring at several agents, everything else happens once."""
        return f"{self.kind}:{self.agent}" if self.kind == RINGING else self.kind


class Unreadable(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Call:
    """What a call is, by all that is known of it. `state`: ringing, talking, talked, missed, or unknown as yet."""

    state: str
    direction: str = "in"
    caller: str = ""
    called: str = ""
    agent: str = ""
    queue: str = ""
    begun_s: int | None = None
    answered_s: int | None = None
    ended_s: int | None = None
    duration_s: int = 0
    recording_url: str = ""

    @property
    def customer_number(self) -> str:
        return self.caller if self.direction == "in" else self.called


Known = Mapping[str, Mapping[str, Any]]  # {mark: an event's fields}


def read(body: bytes, now_s: int) -> Event:
    """The event of a call's JSON. Raises Unreadable."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("unreadable") from error
    if not isinstance(told, dict):
        raise Unreadable("unreadable")
    kind, call_id = told.get("event"), _text(told.get("call_id"), 500)
    if kind not in EVENTS:
        raise Unreadable("unknown_event")
    if not call_id:
        raise Unreadable("no_call_id")
    url = _text(told.get("recording_url"), 500)
    return Event(
        kind=kind,
        call_id=call_id if len(call_id) <= 100 else hashlib.sha256(call_id.encode()).hexdigest(),
        at_s=_at(told.get("at"), now_s),
        caller=number(_text(told.get("caller"), 40)),
        called=number(_text(told.get("called"), 40)),
        direction="out" if told.get("direction") == "out" else "in",
        agent=_text(told.get("agent"), 60),
        queue=_text(told.get("queue"), 60),
        duration_s=_duration(told.get("duration_s")),
        recording_url=url if url.startswith(("https://", "http://")) else "",
    )


def number(text: str) -> str:
    """Digits alone, without the country's own prefix: the same phone is written in many ways."""
    digits = _NUMBER.sub("", text if text.isascii() else "")
    for prefix in ("0086", "86"):
        if digits.startswith(prefix) and len(digits) - len(prefix) >= 10:
            return digits[len(prefix) :]
    return digits


def merged(known: Known, event: Event) -> dict[str, Mapping[str, Any]]:
    """All events with one more; of two that tell the same thing the earlier one stays, whichever came first."""
    told = {name: value for name, value in asdict(event).items() if name != "call_id"}
    before = known.get(event.mark)
    if before is None and len(known) >= MAX_EVENTS:
        return dict(known)
    return {**known, event.mark: told if before is None else min(dict(before), told, key=_order)}


def _order(told: Mapping[str, Any]) -> tuple[int, str]:
    return int(told["at_s"]), json.dumps(told, sort_keys=True, default=str)


def fold(known: Known) -> Call:
    """The call of all its events."""
    kinds = (*EVENTS, LOST)
    by_kind = {kind: [one for one in sorted(known.values(), key=_order) if one["kind"] == kind] for kind in kinds}
    rings = by_kind[RINGING]
    answered, ended, missed = (next(iter(by_kind[kind]), None) for kind in (ANSWERED, ENDED, MISSED))
    talked_s = int(ended["duration_s"] or 0) if ended else 0
    was_answered = answered is not None or talked_s > 0
    over = ended or (missed if not was_answered else None) or next(iter(by_kind[LOST]), None)
    answered_s = int(answered["at_s"]) if answered else (int(ended["at_s"]) - talked_s if ended and talked_s else None)
    ended_s = int(over["at_s"]) if over else None
    in_order = [*by_kind[ANSWERED], *by_kind[ENDED], *rings[::-1], *by_kind[MISSED], *by_kind[RECORDING]]
    return Call(
        state=_state(was_answered, over is not None, bool(rings)),
        direction=_direction(in_order),
        caller=_first(in_order, "caller"),
        called=_first(in_order, "called"),
        agent=_first(in_order, "agent"),
        queue=_first(in_order, "queue"),
        begun_s=min((int(one["at_s"]) for one in known.values() if one["kind"] != LOST), default=None),
        answered_s=answered_s,
        ended_s=ended_s,
        duration_s=_length(talked_s, answered_s, ended_s if was_answered and ended else None),
        recording_url=_first(in_order[::-1], "recording_url"),
    )


def _state(was_answered: bool, is_over: bool, rings: bool) -> str:
    if was_answered:
        return "talked" if is_over else "talking"
    if is_over:
        return "missed"
    return "ringing" if rings else "unknown"


def _first(told: list[Mapping[str, Any]], name: str) -> str:
    return next((str(one[name]) for one in told if one[name]), "")


def _direction(told: list[Mapping[str, Any]]) -> str:
    return "out" if any(one["direction"] == "out" for one in told) else "in"


def _length(told_s: int, answered_s: int | None, ended_s: int | None) -> int:
    if told_s or answered_s is None or ended_s is None:
        return told_s
    return min(MAX_S, max(0, ended_s - answered_s))


def _text(value: Any, limit: int) -> str:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text.replace("\x00", "").encode("utf-8", "replace").decode().strip()[:limit]


def _at(value: Any, now_s: int) -> int:
    """When it happened; now where that is not told, or cannot be."""
    is_time = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e11
    return int(value) if is_time and abs(int(value) - now_s) <= MAX_S else now_s


def _duration(value: Any) -> int | None:
    is_length = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_S
    return int(value) if is_length else None
