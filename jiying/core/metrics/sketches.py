"""Sketches of whole numbers (seconds, scores) by group: exact counts, hits and sums, and percentiles within 2 %.

A sketch is a row of whole numbers: cases, hits, misses, total, then how many values lie in each bucket. The sketch of
two parts is the sum of theirs, so that days, files and machines are added in any order, and nothing is lost by it.

Buckets are those of DDSketch (C. Masson, J. E. Rim, H. K. Lee: DDSketch: a fast and fully-mergeable quantile sketch
with relative-error guarantees, PVLDB 12(12), 2019): where the bounds l < u of each bucket have u/l <= g = (1+a)/(1-a),
its value 2lu/(l+u) is within a of all that it holds, and the bucket that holds a rank is found by counting. Their
logarithm is taken here as in their fast variant: the binary exponent e, and its octave cut into 2^5 equal parts, so
that g = 33/32. Values and answers are whole numbers, and so is the proof: a bucket of e >= 5 holds w = 2^(e-5)
numbers from l >= 32w to l+w-1, and answers l + (w-1)//2; that is at most w//2 from any of them, so the error is at
most (w/2)/(32w) = 1/64 = 1.5625 %. Below 64 each number has a bucket of its own: no error.
(`docs/algorithms/metrics.md`)

Loads numpy only when called.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from jiying.core.metrics.spreads import BLOCK, ranks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Sketch = NDArray[np.int64]  # [group][slot]

N, HITS, MISSES, TOTAL = range(4)
COUNTS = 4  # the slots before the buckets
ERROR = Fraction(1, 64)
_PARTS_BITS = 5  # an octave has 2^5 buckets
_MOST_BITS = 32  # longer than 2^32 s (136 years) counts as that
_N_BUCKETS = 1 + (_MOST_BITS << _PARTS_BITS)
SLOTS = COUNTS + _N_BUCKETS
_FRACTION_BITS, _BIAS = 52, 1023  # of a float of 64 bits


def sketch(group: NDArray[np.intp], n_groups: int, states: NDArray[Any], values: NDArray[Any] | None) -> Sketch:
    """A row for each group. `states` are 1 for a case, 2 for a hit, 3 for a miss (0 for what is no case).

    A value below zero is an absent one: its case counts, it does not. `values` None: a KPI without any.
    """
    import numpy as np

    found = np.zeros((n_groups, SLOTS if values is not None else COUNTS), np.int64)
    counts = np.zeros(n_groups * 4, np.int64)
    for low in range(0, len(states), BLOCK):
        counts += np.bincount(group[low : low + BLOCK] * 4 + states[low : low + BLOCK], minlength=len(counts))
    by_state = counts.reshape(n_groups, 4)
    found[:, N], found[:, HITS], found[:, MISSES] = by_state[:, 1:].sum(1), by_state[:, 2], by_state[:, 3]
    if values is not None:
        if not (is_told := (states > 0) & (values >= 0)).all():
            group, values = group[is_told], values[is_told]
        if len(values):
            _spread(found, group, values)
    return found


def _spread(found: Sketch, group: NDArray[np.intp], values: NDArray[Any]) -> None:
    """Fill in totals and buckets."""
    import numpy as np

    n_groups, n_used = len(found), int(_bucket(values.max(keepdims=True).astype(np.float64))[0]) + 1
    totals, counts = np.zeros(n_groups), np.zeros(n_groups * n_used, np.int64)  # totals: exact up to 2**53
    size = max(BLOCK, len(counts))  # what is added for each block is to cost no more than its rows
    for low in range(0, len(values), size):
        own, value = group[low : low + size], values[low : low + size].astype(np.float64)
        totals += np.bincount(own, weights=value, minlength=n_groups)
        code = own * n_used
        code += _bucket(value)
        counts += np.bincount(code, minlength=len(counts))
    found[:, TOTAL] = totals
    found[:, COUNTS : COUNTS + n_used] = counts.reshape(n_groups, n_used)


def percentiles(sketches: Sketch, percents: Sequence[int | Fraction]) -> NDArray[np.int64]:
    """[group][percent]: as `figures.percentile` of the same values, but for an error of `ERROR` at most; 0 for groups
    without any value."""
    import numpy as np

    upto = sketches[:, COUNTS:].cumsum()  # through all groups
    n = np.diff(upto[_N_BUCKETS - 1 :: _N_BUCKETS], prepend=0)
    sought = (n.cumsum() - n)[:, None] + ranks(n, percents)
    bucket = np.searchsorted(upto, sought, side="right") - np.arange(len(n))[:, None] * _N_BUCKETS
    found = _middle(bucket.clip(0, _N_BUCKETS - 1))
    found[n == 0] = 0
    return found


def _bucket(values: NDArray[Any]) -> NDArray[np.int64]:
    """0 for 0; then by exponent and the first bits of the fraction, which a float holds side by side."""
    import numpy as np

    code: NDArray[np.int64] = np.minimum(values, float((1 << _MOST_BITS) - 1)).view(np.int64)
    code >>= _FRACTION_BITS - _PARTS_BITS
    code -= (_BIAS << _PARTS_BITS) - 1
    np.maximum(code, 0, out=code)
    return code


def _middle(bucket: NDArray[np.int64]) -> NDArray[np.int64]:
    import numpy as np

    exponent, part = (bucket - 1) >> _PARTS_BITS, (bucket - 1) & ((1 << _PARTS_BITS) - 1)
    low = ((1 << _PARTS_BITS) + part) << exponent.clip(0) >> _PARTS_BITS
    width = np.maximum(1 << exponent.clip(0) >> _PARTS_BITS, 1)
    found: NDArray[np.int64] = np.where(bucket > 0, low + (width - 1) // 2, 0)
    return found
