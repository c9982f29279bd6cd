"""Figures in words: how a value of each unit reads, and the address of the tickets behind it. Counts nothing."""

from collections.abc import Callable
from functools import lru_cache
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from jiying.core.metrics import KPIS
from jiying.core.metrics.tally import DIGITS
from jiying.core.periods import Period
from jiying.insight.queries.reports import KpiFigure, Wanted

NOTHING = "–"


def told(key: str, value: float | None) -> str:
    """`89.1%`, `1 h 05 min`, `4.25`; a dash for nothing."""
    unit = KPIS[key].unit
    if value is None:
        return NOTHING
    if unit == "seconds":
        return length(value)
    text = number_format(value, DIGITS[unit], use_l10n=True, force_grouping=True)
    return f"{text}%" if unit == "percent" else text


def length(seconds: float) -> str:
    """A length of time, in its two greatest units: `45 s`, `3 min 20 s`, `2 h 05 min`, `3 d 04 h`."""
    whole = round(seconds)
    if whole < 60:
        return _("%(s)s s") % {"s": whole}
    if whole < 3600:
        return _("%(m)s min %(s)s s") % {"m": whole // 60, "s": f"{whole % 60:02d}"}
    if whole < 48 * 3600:
        return _("%(h)s h %(m)s min") % {"h": whole // 3600, "m": f"{whole % 3600 // 60:02d}"}
    return _("%(d)s d %(h)s h") % {"d": whole // 86400, "h": f"{whole % 86400 // 3600:02d}"}


def change(figure: KpiFigure) -> str:
    """`+3.2` (points of percent), `−12 min 10 s`; empty where there is nothing to compare."""
    if figure.value is None or figure.before is None or figure.value == figure.before:
        return ""
    by = figure.value - figure.before
    sign = "+" if by > 0 else "−"
    if KPIS[figure.kpi].unit == "percent":
        return sign + number_format(abs(by), 1)
    return sign + told(figure.kpi, abs(by))


def stretch(edges: list[int], place: int) -> str:
    """`< 1 h`, `1 – 4 h`, `≥ 3 d`: one stretch of a distribution."""
    low = edges[place - 1] if place else None
    high = edges[place] if place < len(edges) else None
    if low is None:
        return f"< {_short(high or 0)}"
    return f"≥ {_short(low)}" if high is None else f"{_short(low)} – {_short(high)}"


def _short(seconds: int) -> str:
    if seconds >= 86400 and seconds % 86400 == 0:
        return _("%(d)s d") % {"d": seconds // 86400}
    return _("%(h)s h") % {"h": seconds // 3600}


def address(name: str, wanted: Wanted, **more: object) -> str:
    """A page of this period and filter; what is None is left out."""
    return addresses(name, wanted)(**more)


def addresses(name: str, wanted: Wanted) -> Callable[..., str]:
    """The same for many addresses of one page."""
    place, own = reverse(name), {**_period(wanted.period), **dict(wanted.where)}

    def made(**more: object) -> str:
        told = {**{key: value for key, value in own.items() if key not in more}, **more}
        parts = [_part(key, str(value)) for key, value in told.items() if value not in (None, "")]
        return f"{place}?{'&'.join(parts)}" if parts else place

    return made


@lru_cache(2000)
def _part(key: str, value: str) -> str:
    return urlencode({key: value})


def _period(period: Period) -> dict[str, object]:
    if period.kind == "range":
        return {"kind": "range", "from": period.first, "to": period.last}
    return {"kind": period.kind, "day": period.first}
