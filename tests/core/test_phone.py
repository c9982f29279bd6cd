"""Calls of a telephone system: the same call whatever the order of its events and however often they come."""

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiying.core import phone
from jiying.core.phone import Call, Event, Known, Unreadable, fold, merged, read

NOW = 1_800_000_000


def event(kind: str, at: int = 0, **told: Any) -> Event:
    body = {"event": kind, "call_id": "c1", "at": NOW + at, "caller": "+86 138-1234-5678", **told}
    return read(json.dumps(body).encode(), NOW)


def call(*events: Event) -> Call:
    known: Known = {}
    for one in events:
        known = merged(known, one)
    return fold(known)


def test_a_call_from_ringing_to_the_recording() -> None:
    ringing = event("ringing", 0, agent="8001", queue="售后")
    assert call(ringing).state == "ringing" and call(ringing).caller == "13812345678"
    answered, ended = event("answered", 5, agent="8001"), event("ended", 65)
    assert call(ringing, answered).state == "talking"
    over = call(ringing, answered, ended, event("recording", 70, recording_url="https://x/1.wav"))
    assert (over.state, over.duration_s, over.agent, over.queue) == ("talked", 60, "8001", "售后")
    assert over.recording_url == "https://x/1.wav" and over.answered_s == NOW + 5


def test_missed_calls() -> None:
    assert call(event("ringing"), event("missed", 20)).state == "missed"
    assert call(event("ringing"), event("ended", 20)).state == "missed"
    assert call(event("missed", 20), event("answered", 3)).state == "talking"  # the answer was late
    assert call(event("ended", 65, duration_s=60)).state == "talked"  # the answer was lost
    assert call(event("ended", 65, duration_s=60)).answered_s == NOW + 5


def test_it_rings_at_one_agent_after_the_other() -> None:
    rings = event("ringing", 0, agent="a"), event("ringing", 10, agent="b")
    assert call(*rings).agent == call(*rings[::-1]).agent == "b"
    assert call(*rings, event("answered", 12, agent="b")).agent == "b"


def test_every_order_gives_the_same_call() -> None:
    events = (
        event("ringing", 0, agent="a"), event("ringing", 4, agent="b"), event("answered", 9, agent="b"),
        event("ended", 69), event("recording", 80, recording_url="https://x/1"),
    )  # fmt: skip
    assert len({call(*order) for order in permutations(events)}) == 1


_events = st.builds(
    Event,
    kind=st.sampled_from(phone.EVENTS),
    call_id=st.just("c"),
    at_s=st.integers(0, 100),
    caller=st.sampled_from(["", "138"]),
    direction=st.sampled_from(phone.DIRECTIONS),
    agent=st.sampled_from(["", "a", "b"]),
    duration_s=st.none() | st.integers(0, 9),
    recording_url=st.sampled_from(["", "https://x"]),
)


@given(st.lists(_events, max_size=12), st.randoms())
def test_whatever_the_order_and_repetition(events: list[Event], chance: Any) -> None:
    again = [*events, *(one for one in events if chance.random() < 0.5)]
    chance.shuffle(again)
    assert call(*events) == call(*again)


def test_what_cannot_be_read() -> None:
    for body, code in ((b"", "unreadable"), (b"[]", "unreadable"), (b"{}", "unknown_event"),
                       (b'{"event": "ended"}', "no_call_id")):  # fmt: skip
        with pytest.raises(Unreadable) as refused:
            read(body, NOW)
        assert refused.value.code == code
    assert event("ended", 10**7).at_s == NOW  # a clock that is wrong by months
    assert event("recording", recording_url="javascript:alert(1)").recording_url == ""


def test_numbers() -> None:
    for text, digits in (("0086 21 6888-8888", "2168888888"), ("+8613812345678", "13812345678"), ("86123", "86123"),
                         ("anonymous", ""), ("１３８", "")):  # fmt: skip
        assert phone.number(text) == digits


@given(st.binary() | st.dictionaries(st.sampled_from(["event", "call_id", "at", "caller", "agent", "duration_s"]),
       st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(phone.EVENTS)).map(
       lambda told: json.dumps(told).encode()))  # fmt: skip
def test_whatever_comes_is_an_event_or_unreadable(body: bytes) -> None:
    try:
        found = read(body, NOW)
    except Unreadable:
        return
    assert fold(merged({}, found)).state
