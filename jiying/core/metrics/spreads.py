"""Exact percentiles of many groups at once over whole columns, without sorting them.

Values are counted by bucket first (counts of parts would add); only buckets that hold a wanted rank are looked into.
Gives what `figures.percentile` gives, group by group. Loads numpy only when called.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BITS = 10  # of a bucket's number, where there are few groups
_ALL_BITS = 19  # of bucket and group together: their counts stay in the processor's cache
BLOCK = 1 << 18  # rows that are looked at together: great arrays' new memory costs more than what is done with it
_FEWEST_BITS = 4


def percentiles(
    group: NDArray[np.intp], n_groups: int, values: NDArray[Any], percents: Sequence[int | Fraction]
) -> NDArray[np.int64]:
    """[group][percent]: the nearest-rank percentiles of each group's whole numbers; 0 for groups without any.

    `group` is 0..n_groups - 1 for each value.
    """
    import numpy as np

    found = np.zeros((n_groups, len(percents)), np.int64)
    if not len(values):
        return found
    buckets = _buckets(n_groups, values)
    if n_groups * buckets.n > len(values):  # more to count in than to count: then sorting is quicker
        return _sorted(group, n_groups, values, percents)
    counts = np.zeros(n_groups * buckets.n, np.int64)
    for low in range(0, len(values), BLOCK):
        code, _above = buckets.of(group[low : low + BLOCK], values[low : low + BLOCK])
        counts += np.bincount(code, minlength=len(counts))
    upto = counts.reshape(n_groups, buckets.n).cumsum(1)
    rank = ranks(upto[:, -1], percents)
    bucket = (upto[:, :, None] <= rank[:, None, :]).sum(1).clip(0, buckets.n - 1)
    before = np.take_along_axis(np.concatenate([np.zeros((n_groups, 1), np.int64), upto], 1), bucket, 1)
    place = np.arange(n_groups)[:, None] * buckets.n + bucket
    inside = _inside(group, values, buckets, place)
    has = upto[:, -1] > 0
    told = inside[(np.searchsorted(inside, place << buckets.shift) + rank - before)[has]]
    found[has] = buckets.least + told - (place[has] - bucket[has] << buckets.shift)
    return found


def _sorted(
    group: NDArray[np.intp], n_groups: int, values: NDArray[Any], percents: Sequence[int | Fraction]
) -> NDArray[np.int64]:
    """The same, from all values in order within their groups, each pair as one number."""
    import numpy as np

    least = int(values.min())
    bits = (int(values.max()) - least).bit_length()
    both = np.sort((group.astype(np.int64) << bits) + (values - least))
    n = np.bincount(group, minlength=n_groups)
    place = (np.cumsum(n) - n)[:, None] + ranks(n, percents)
    told = (both[place.clip(0, len(both) - 1)] & ((1 << bits) - 1)) + least
    return np.where(n[:, None] > 0, told, 0)


class _Buckets(NamedTuple):
    """`n` for each group; a value's is found by shifting what it is above the least."""

    least: int
    shift: int
    n: int

    def of(self, group: NDArray[np.intp], values: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[Any]]:
        """Each value's bucket, counted through all groups, and what it is above the least."""
        above = values - self.least if self.least else values
        code = group * self.n
        code += above >> self.shift
        return code, above


def _buckets(n_groups: int, values: NDArray[Any]) -> _Buckets:
    least, most = int(values.min()), int(values.max())
    least = 0 if 0 <= least <= most // 2 else least  # then nothing is to be taken off
    bits = min(_BITS, max(_FEWEST_BITS, _ALL_BITS - n_groups.bit_length()))
    shift = max(0, (most - least).bit_length() - bits)
    return _Buckets(least, shift, (most - least >> shift) + 1)


def _inside(group: NDArray[np.intp], values: NDArray[Any], buckets: _Buckets, place: NDArray[Any]) -> NDArray[np.int64]:
    """What lies in the wanted buckets, in order, each as its bucket and the rest in one number."""
    import numpy as np

    wanted, found = np.zeros(int(place.max()) + buckets.n, bool), []
    wanted[place] = True
    for low in range(0, len(values), BLOCK):
        code, above = buckets.of(group[low : low + BLOCK], values[low : low + BLOCK])
        rows = np.flatnonzero(wanted[code])
        found.append((code[rows] << buckets.shift) | (above[rows] & ((1 << buckets.shift) - 1)))
    return np.sort(np.concatenate(found))


def ranks(n: NDArray[np.int64], percents: Sequence[int | Fraction]) -> NDArray[np.int64]:
    """The place of each percentile among a group's sorted values, from 0 on; in whole numbers: floats may miss it."""
    import numpy as np

    shares = [Fraction(percent) / 100 for percent in percents]
    ranks = [-((-n * share.numerator) // share.denominator) for share in shares]
    return np.maximum(np.stack(ranks, 1), 1) - 1
