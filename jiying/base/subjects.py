"""The registry of kinds of subject: how lower floors reach what only an upper feature knows.

Clocks and alerts know a subject by kind and id. Its feature registers the answers here in `AppConfig.ready`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jiying.base.actor import Actor


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a clock that has come: `at` is the due instant, `noticed_at` when it was seen."""

    clock_id: int
    subject_kind: str
    subject_id: int
    metric: str
    seq: int
    code: str  # warn1 | warn2 | due | late1 …
    at: datetime
    noticed_at: datetime


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person to tell, why they are told (assignee, supervisor, on_call, manager, responder) and by which ways.

    Without `ways` the severity decides.
    """

    person_id: int
    capacity: str
    ways: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """What a feature answers for its kind of subject. `lock` returns {id: row}, locked in order of id.

    A kind that has no clocks leaves out what is asked when one comes due.
    """

    name: str
    lock: Callable[[Collection[int], bool], Mapping[int, Any]]
    visible: Callable[[Actor, int], bool]
    describe: Callable[[Collection[int]], Mapping[int, "Described"]]
    still_true: Callable[[Collection[int]], Collection[int]]  # of these ids, those that still matter to anybody
    recipients: Callable[[Mapping[int, Any], Sequence[Point]], Mapping[Point, Sequence[Recipient]]] = lambda *_: {}
    on_clock: Callable[[Mapping[int, Any], Sequence[Point], datetime], None] = lambda *_: None
    enclosed: Callable[[Actor, int], "Enclosure | None"] = lambda *_: None  # what a mail carries for its reader
    clocks_changed: Callable[[Mapping[int, Any]], None] = lambda *_: None  # copy the next due instant to its row


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file with a mail."""

    name: str
    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Described:
    """How a subject is named and opened in an alert."""

    label: str
    title: str
    url: str
    priority: str = ""


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    KINDS[kind.name] = kind


def kind(name: str) -> Kind:
    return KINDS[name]
