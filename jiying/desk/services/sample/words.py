"""The texts of the made-up centre, read from words.toml. May not make anything up itself."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, NamedTuple

USUAL: Mapping[str, float] = {"chat": 34, "phone": 26, "web": 16, "email": 12, "social": 9, "other": 3}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of request: what customers ask, what agents and departments answer. `channels` are shares."""

    category: str
    type: str
    cause: str
    weight: float
    subjects: tuple[str, ...]
    descriptions: tuple[str, ...]
    answers: tuple[str, ...]
    questions: tuple[str, ...]
    replies: tuple[str, ...]
    solutions: tuple[str, ...]
    notes: tuple[str, ...]
    department: str = ""
    kind: str = "question"
    asks: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    channels: Mapping[str, float] = field(default_factory=lambda: USUAL)


class Cause(NamedTuple):
    """Why a promise was broken, as an agent names it, and how often."""

    code: str
    note: str
    weight: float


def _texts(name: str) -> tuple[str, ...]:
    return tuple(_ALL[name])


def _scenario(body: Mapping[str, Any]) -> Scenario:
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in body.items()}
    return Scenario(**fields)


_ALL = tomllib.loads(files(__package__ or "").joinpath("words.toml").read_text(encoding="utf-8"))

SCENARIOS = tuple(_scenario(body) for body in _ALL["scenario"])
ENGLISH, JAPANESE = _scenario(_ALL["english"]), _scenario(_ALL["japanese"])
CAUSES = tuple(Cause(**body) for body in _ALL["cause"])
PRODUCTS, CITIES, REGIONS = _texts("products"), _texts("cities"), _texts("regions")
SURNAMES, GIVEN, FIRMS = _texts("surnames"), _texts("given"), _texts("firms")
ASKED_AGAIN, UPDATES, NOT_SOLVED = _texts("asked_again"), _texts("updates"), _texts("not_solved")
CALLED, ESCALATED, HANDED_OVER = _texts("called"), _texts("escalated"), _texts("handed_over")
CANCELLED, REPRIORITISED, REPEATED = _texts("cancelled"), _texts("reprioritised"), _texts("repeated")
