"""Charts of a report as SVG, for paper: bars with a target, parts of a whole, Pareto. Counts nothing: `charts` does."""

from collections.abc import Iterator
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

COLOURS = ("#3B7DD8", "#2F9E6E", "#E0A030", "#C4573F", "#7A63B8", "#8A94A6")
WIDE, HIGH = 680, 190
LEFT, TOP, BOTTOM = 44, 26, 26
_LINE, _INK = "#D5DBE3", "#4A5568"
Chart = dict[str, Any]


def svg(chart: Chart) -> SafeString:
    """A picture as wide as the page; the table beside it has the numbers."""
    parts = {"bars": _bars, "parts": _parts, "pareto": _pareto}[chart["kind"]](chart)
    drawn = format_html_join("", "{}", ((part,) for part in (*_legend(chart), *parts)))
    return format_html('<svg viewBox="0 0 {} {}" xmlns="http://www.w3.org/2000/svg">{}</svg>', WIDE, HIGH, drawn)


def _text(x: float, y: float, text: object, anchor: str = "middle", size: int = 10, colour: str = _INK) -> SafeString:
    return format_html(
        '<text x="{}" y="{}" text-anchor="{}" font-size="{}" fill="{}">{}</text>',
        _n(x),
        _n(y),
        anchor,
        size,
        colour,
        text,
    )


def _rect(x: float, y: float, wide: float, high: float, colour: str) -> SafeString:
    return format_html(
        '<rect x="{}" y="{}" width="{}" height="{}" fill="{}"/>',
        _n(x),
        _n(y),
        _n(max(0.0, wide)),
        _n(max(0.0, high)),
        colour,
    )  # fmt: skip


def _rule(x1: float, y1: float, x2: float, y2: float, colour: str, dash: str = "") -> SafeString:
    return format_html(
        '<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="{}" stroke-dasharray="{}"/>',
        _n(x1),
        _n(y1),
        _n(x2),
        _n(y2),
        colour,
        dash,
    )


def _n(value: float) -> str:
    return f"{value:.1f}"


def _legend(chart: Chart) -> Iterator[SafeString]:
    x = float(LEFT)
    for n, series in enumerate(chart["series"]):
        yield _rect(x, 4, 10, 10, COLOURS[n % len(COLOURS)])
        yield _text(x + 14, 13, series["name"], "start")
        x += 34 + sum(10 if ord(letter) > 0x2E80 else 5.6 for letter in series["name"])


def _scale(most: float, unit: str) -> Iterator[SafeString]:
    """Four lines across, with their values."""
    for part in range(5):
        y = HIGH - BOTTOM - part / 4 * (HIGH - TOP - BOTTOM)
        yield _rule(LEFT, y, WIDE, y, _LINE)
        yield _text(LEFT - 5, y + 3, f"{most * part / 4:g}{unit}", "end", 9)


def _height(value: float | None, most: float) -> float:
    return (value or 0) / most * (HIGH - TOP - BOTTOM)


def _columns(chart: Chart, series: list[Any], most: float) -> Iterator[SafeString]:
    """Groups of columns, each with its number on top."""
    step = (WIDE - LEFT) / max(1, len(chart["categories"]))
    wide = min(34.0, step * 0.8 / max(1, len(series)))
    for at, category in enumerate(chart["categories"]):
        middle = LEFT + step * (at + 0.5)
        yield _text(middle, HIGH - 10, category)
        for n, one in enumerate(series):
            value = one["values"][at]
            if value is None:
                continue
            x, high = middle + (n - len(series) / 2) * wide, _height(value, most)
            yield _rect(x + 1, HIGH - BOTTOM - high, wide - 2, high, COLOURS[n % len(COLOURS)])
            yield _text(x + wide / 2, HIGH - BOTTOM - 4, f"{value:g}", size=8, colour="#FFFFFF" if high > 12 else _INK)


def _bars(chart: Chart) -> Iterator[SafeString]:
    yield from _scale(100, "%")
    yield from _columns(chart, chart["series"], 100)
    for n, one in enumerate(chart["series"]):
        if one.get("target"):
            y = HIGH - BOTTOM - _height(one["target"], 100)
            yield _rule(LEFT, y, WIDE, y, COLOURS[n % len(COLOURS)], "5 3")


def _parts(chart: Chart) -> Iterator[SafeString]:
    """A bar for each category, divided into its series."""
    step = (HIGH - TOP - 6) / max(1, len(chart["categories"]))
    for at, category in enumerate(chart["categories"]):
        y, x = TOP + step * at, 90.0
        yield _text(84, y + step / 2 + 3, category, "end")
        for n, one in enumerate(chart["series"]):
            wide = one["values"][at] / 100 * (WIDE - 90)
            yield _rect(x, y + 3, wide, step - 6, COLOURS[n % len(COLOURS)])
            if wide > 34:
                yield _text(x + wide / 2, y + step / 2 + 3, f"{one['values'][at]:g}%", size=9)
            x += wide


def _pareto(chart: Chart) -> Iterator[SafeString]:
    counts, sums = chart["series"]
    most = max([*counts["values"], 4])
    most += -most % 4
    yield from _scale(most, "")
    yield from _columns(chart, [counts], most)
    step = (WIDE - LEFT) / max(1, len(chart["categories"]))
    points = [(LEFT + step * (n + 0.5), HIGH - BOTTOM - _height(value, 100)) for n, value in enumerate(sums["values"])]
    joined = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
    yield format_html('<polyline points="{}" fill="none" stroke="{}" stroke-width="1.5"/>', joined, COLOURS[1])
    for (x, y), value in zip(points, sums["values"], strict=True):
        yield _text(x, y - 5, f"{value:g}%", size=8)
