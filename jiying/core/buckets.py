"""Buckets of tokens whose every token comes back a whole window after it was taken (C19).

So never more than `n` are taken in any window, wherever it begins; a bucket that refills evenly lets twice as many
through. May not read a clock: instants are whole seconds; a message in flight counts at the latest second at which it
can arrive, and is put right when its answer is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `n` in any `window_s` seconds."""

    n: int
    window_s: int


def free_at(limits: Sequence[Limit], taken: Sequence[int], at: int) -> int:
    """The first second from `at` on in which one more may go; `taken` are the seconds of those that went."""
    back = sorted(taken, reverse=True)
    return max([at, *(back[one.n - 1] + one.window_s for one in limits if len(back) >= one.n)])


def take(limits: Sequence[Limit], taken: Sequence[int], at: int) -> list[int]:
    """The seconds to be kept after one more went at `at`: as many of the newest as any limit asks about."""
    n_kept = max((one.n for one in limits), default=0)
    return sorted([*taken, at], reverse=True)[:n_kept][::-1]


def put_right(taken: Sequence[int], was: int, at: int) -> list[int]:
    """The one that was to arrive at `was` at the latest arrived at `at`."""
    rest = list(taken)
    if was in rest:
        rest[rest.index(was)] = min(was, at)
    return sorted(rest)
