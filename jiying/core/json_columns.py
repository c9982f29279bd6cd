"""Columns that a database gave as JSON text, one array each, taken apart into what Arrow calls buffers.

`[1,null,3]` becomes whole numbers, `["2026-09-09 02:00:00.5", …]` microseconds since 1970, `["甲","乙"]` bytes with
offsets; beside them a bit for each row that is not null. Six times as quick as DuckDB's `from_json`, but it understands
only what the databases' own functions write: where a text is anything else, the answer is None, and the caller has it
read by a whole JSON reader. Imports numba, and only inside functions: never in a web process.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from jiying.core import kernels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Array = NDArray[Any]

MOST_TEXT = (1 << 31) - 1  # bytes of one column: offsets are 32 bits wide
MEANT = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Column(NamedTuple):
    """`buffers` in the order that Arrow wants them in: the bits, then the values, or offsets and bytes of texts."""

    n_rows: int
    n_missing: int
    buffers: tuple[Array, ...]


def numbers(text: str, n_rows: int) -> Column | None:
    """Whole numbers of 64 bits; true and false are 1 and 0."""
    return _values(_loops().numbers, text, n_rows)


def instants(text: str, n_rows: int) -> Column | None:
    """Instants without a zone, `YYYY-MM-DD HH:MM:SS` (or with a T) and up to six digits of a second."""
    import numpy as np

    form = np.frombuffer(b"0000-00-00 00:00:00", np.uint8)
    return _values(_loops().instants, text, n_rows, form, np.zeros(6, np.int64))


def texts(text: str, n_rows: int) -> Column | None:
    """Texts as UTF-8; numbers among them as they are written. `\\uXXXX`, which is rare, is not understood."""
    import numpy as np

    raw, valid = _raw(text), _bits(n_rows)
    if raw.size > MOST_TEXT:
        return None
    offsets, told = np.zeros(n_rows + 1, np.int32), np.empty(raw.size, np.uint8)
    meant = np.zeros(256, np.uint8)
    for one, other in MEANT.items():
        meant[ord(one)] = ord(other)
    n_missing = _loops().texts(raw, n_rows, valid, offsets, told, meant)
    return None if n_missing < 0 else Column(n_rows, n_missing, (valid, offsets, told[: offsets[-1]]))


def _values(loop: Any, text: str, n_rows: int, *more: Array) -> Column | None:
    import numpy as np

    valid, found = _bits(n_rows), np.zeros(n_rows, np.int64)
    n_missing = loop(_raw(text), n_rows, valid, found, *more)
    return None if n_missing < 0 else Column(n_rows, n_missing, (valid, found))


def _raw(text: str) -> Bytes:
    import numpy as np

    return np.frombuffer(text.encode(), np.uint8)


def _bits(n_rows: int) -> Bytes:
    import numpy as np

    return np.zeros((n_rows + 7) // 8, np.uint8)


# --- loops that numba compiles: each gives how many rows were null, or -1 for what it does not understand ------------


class _Loops(NamedTuple):
    numbers: Any
    instants: Any
    texts: Any


@cache
def _loops() -> _Loops:
    """As machine code, kept where NUMBA_CACHE_DIR says. They name nothing outside themselves but `_moment`."""
    import numba

    known = {"_moment": numba.njit(_moment, inline="always")}
    loops = (_numbers, kernels._with(_instants, known), _texts)
    return _Loops(*(numba.njit(loop, cache=True, nogil=True) for loop in loops))


def _numbers(raw: Any, n_rows: Any, valid: Any, found: Any) -> Any:
    """Each element from its first character to the comma or bracket behind it."""
    end = raw.size - 1
    if end < 1 or raw[0] != 91 or raw[end] != 93:  # [ ]
        return -1
    i, n_missing = 1, 0
    for n in range(n_rows):
        while i < end and (raw[i] == 32 or raw[i] == 10):
            i += 1
        first, begun, value = raw[i], i, 0
        if first == 110 or first == 116 or first == 102:  # null, true, false
            i += 5 if first == 102 else 4
            n_missing += first == 110
            value = 1 if first == 116 else 0
        else:
            i += first == 45  # -
            digits = i
            while i < end and 48 <= raw[i] <= 57:
                value = value * 10 + (raw[i] - 48)
                i += 1
            if i == digits or i - digits > 18:  # none, or more than surely fit
                return -1
            value = -value if first == 45 else value
        if i > end or i == begun or raw[i] != (93 if n == n_rows - 1 else 44):
            return -1
        found[n] = value
        if first != 110:
            valid[n >> 3] |= 1 << (n & 7)
        i += 1
    return n_missing if i == raw.size or (n_rows == 0 and end == 1) else -1


def _instants(raw: Any, n_rows: Any, valid: Any, found: Any, form: Any, told: Any) -> Any:
    """`form` shows where digits stand, `told` has room for the six numbers that they make."""
    end = raw.size - 1
    if end < 1 or raw[0] != 91 or raw[end] != 93:
        return -1
    i, n_missing = 1, 0
    for n in range(n_rows):
        while i < end and (raw[i] == 32 or raw[i] == 10):
            i += 1
        if raw[i] == 110:  # null
            n_missing += 1
            i += 4
        else:
            if i + 21 > end or raw[i] != 34 or not _moment(raw, i + 1, form, told):
                return -1
            i += 1 + form.size
            micros, worth = 0, 100_000
            if raw[i] == 46:  # .
                i += 1
                while i < end and 48 <= raw[i] <= 57 and worth:
                    micros += (raw[i] - 48) * worth
                    worth //= 10
                    i += 1
            year, month, day = told[0], told[1], told[2]
            seconds = told[3] * 3_600 + told[4] * 60 + told[5]
            if raw[i] != 34 or month < 1 or month > 12 or day < 1 or day > 31 or told[3] > 23 or told[4] > 59:
                return -1
            # Hinnant's days_from_civil (howardhinnant.github.io/date_algorithms): years that begin in March
            year -= month <= 2
            era = year // 400
            of_era = year - era * 400
            of_year = (153 * (month + (9 if month <= 2 else -3)) + 2) // 5 + day - 1
            days = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
            found[n] = (days * 86_400 + seconds) * 1_000_000 + micros
            valid[n >> 3] |= 1 << (n & 7)
            i += 1
        if i > end or raw[i] != (93 if n == n_rows - 1 else 44):
            return -1
        i += 1
    return n_missing if i == raw.size or (n_rows == 0 and end == 1) else -1


def _moment(raw: Any, i: Any, form: Any, told: Any) -> Any:
    """Read the six numbers of an instant; false where it has another form."""
    value, which = 0, 0
    for k in range(form.size):
        one = raw[i + k]
        if form[k] == 48:
            if one < 48 or one > 57:
                return False
            value = value * 10 + (one - 48)
        elif one == form[k] or (form[k] == 32 and one == 84):  # a blank or T
            told[which] = value
            value, which = 0, which + 1
        else:
            return False
    told[which] = value
    return True


def _texts(raw: Any, n_rows: Any, valid: Any, offsets: Any, told: Any, meant: Any) -> Any:
    """`meant` tells the character behind a backslash; 0 where it is none that is understood."""
    end = raw.size - 1
    if end < 1 or raw[0] != 91 or raw[end] != 93:
        return -1
    i, at, n_missing = 1, 0, 0
    for n in range(n_rows):
        while i < end and (raw[i] == 32 or raw[i] == 10):
            i += 1
        first = raw[i]
        if first == 110:  # null
            n_missing += 1
            i += 4
        else:
            is_quoted = first == 34
            if not is_quoted and first != 45 and (first < 48 or first > 57):
                return -1
            last = 34 if is_quoted else 44
            i += is_quoted
            while i < end and raw[i] != last:
                one = raw[i]
                if one == 92:
                    i += 1
                    one = meant[raw[i]]
                    if one == 0:
                        return -1
                told[at] = one
                at += 1
                i += 1
            i += is_quoted
            valid[n >> 3] |= 1 << (n & 7)
        if i > end or raw[i] != (93 if n == n_rows - 1 else 44):
            return -1
        offsets[n + 1] = at
        i += 1
    return n_missing if i == raw.size or (n_rows == 0 and end == 1) else -1
