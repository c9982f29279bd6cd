"""Repeat contact (D7): whether two requests of one customer are about the same problem. Pure.

The same problem is the same category, or a text that is much alike. Of several earlier ones the latest counts: each
contact repeats the one before it, whose handler could have spared the customer the next.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from typing import Literal

from jiying.core import words

MAX_TEXT = 2_000
_FEWEST = 6  # pairs of characters: what is shorter says too little to be alike


@dataclass(frozen=True, slots=True)
class Contact:
    """A request as it came in."""

    id: int
    at: datetime
    category: str
    text: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Within how long, and how much alike (0 to 1) texts without a common category must be."""

    window: timedelta = timedelta(hours=24)
    likeness: float = 0.5


@dataclass(frozen=True, slots=True)
class Repeat:
    """`later` repeats `earlier`; `likeness` is that of their texts."""

    later: int
    earlier: int
    by: Literal["category", "text"]
    likeness: float
    gap_s: int


def found(contacts: Iterable[Contact], rule: Rule) -> list[Repeat]:
    """The repeats among the contacts of one customer. What comes exactly a window later still counts."""
    ordered = sorted(contacts, key=lambda one: (one.at, one.id))
    repeats = []
    for n, later in enumerate(ordered):
        before = (one for one in reversed(ordered[:n]) if later.at - one.at <= rule.window)
        repeat = next((made for one in before if (made := _compared(later, one, rule))), None)
        repeats += [repeat] if repeat else []
    return repeats


def _compared(later: Contact, earlier: Contact, rule: Rule) -> Repeat | None:
    alike = likeness(later.text, earlier.text)
    by: Literal["category", "text"]
    if later.category and later.category == earlier.category:
        by = "category"
    elif alike >= rule.likeness:
        by = "text"
    else:
        return None
    return Repeat(later.id, earlier.id, by, round(alike, 2), int((later.at - earlier.at).total_seconds()))


def likeness(one: str, other: str) -> float:
    """How much two texts have in common: the cosine of their pairs of characters, 0 to 1."""
    a, b = _pairs(one), _pairs(other)
    if min(a.total(), b.total()) < _FEWEST:
        return 0.0
    common = sum(n * b[pair] for pair, n in a.items())
    return common / (sqrt(sum(n * n for n in a.values())) * sqrt(sum(n * n for n in b.values())))


def _pairs(text: str) -> Counter[str]:
    plain = "".join(c for c in words.normal(text[:MAX_TEXT]) if c.isalnum())
    return Counter(plain[n : n + 2] for n in range(len(plain) - 1))
