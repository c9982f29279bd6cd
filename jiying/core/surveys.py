"""Surveys: scales, what scores mean, whom a design asks, figures of many answers (docs/algorithms/surveys.md).

Drawing is reproducible: the same ticket number and share always decide the same.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from jiying.core.metrics import Interval, wilson

RATING, NPS, CES = "rating", "nps", "ces"
ITEMS = ("speed", "result", "attitude")  # each from 1 to 5, besides a rating's score for the whole
FEW = 30  # answers below this say little: figures of fewer are marked


@dataclass(frozen=True, slots=True)
class Scale:
    """From `low` to `high`; up to `bad` somebody calls back, from `good` on the customer counts as satisfied."""

    low: int
    high: int
    bad: int
    good: int


# Effort: 7 is "very easy". Of NPS, `good` are the promoters and `bad` the detractors.
SCALES = {RATING: Scale(1, 5, 3, 4), NPS: Scale(0, 10, 6, 9), CES: Scale(1, 7, 3, 5)}
ITEM_SCALE = SCALES[RATING]


def is_bad(kind: str, score: int) -> bool:
    return score <= SCALES[kind].bad


def is_good(kind: str, score: int) -> bool:
    return score >= SCALES[kind].good


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tickets a design asks about; an empty list takes all, a category takes those below it too."""

    channels: Collection[str] = ()
    categories: Collection[str] = ()
    types: Collection[str] = ()

    def fits(self, channel: str, category: str, type_: str) -> bool:
        if (self.channels and channel not in self.channels) or (self.types and type_ not in self.types):
            return False
        return not self.categories or any(
            category == path or category.startswith(f"{path}/") for path in self.categories
        )


def drawn(number: str, share: int) -> bool:
    """Whether a ticket is among the `share` per cent: decided by its number alone, so anybody can check it."""
    digest = hashlib.sha256(f"survey:{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 10_000 < share * 100


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of one group; every figure is made of them. A figure of nothing is None."""

    kind: str
    n_asked: int = 0
    n_answered: int = 0
    total: int = 0
    n_good: int = 0
    n_bad: int = 0

    @property
    def response_rate(self) -> float | None:
        return self.n_answered / self.n_asked if self.n_asked else None

    @property
    def mean(self) -> float | None:
        return self.total / self.n_answered if self.n_answered else None

    @property
    def good_rate(self) -> float | None:
        return self.n_good / self.n_answered if self.n_answered else None

    @property
    def good_range(self) -> Interval | None:
        return wilson(self.n_good, self.n_answered) if self.n_answered else None

    @property
    def nps(self) -> float | None:
        """Promoters less detractors in hundredths of all answers; of NPS surveys only."""
        if self.kind != NPS or not self.n_answered:
            return None
        return 100 * (self.n_good - self.n_bad) / self.n_answered

    @property
    def is_few(self) -> bool:
        return self.n_answered < FEW
