"""A map in words and geometry for the page: what a template shows without asking anything more."""

from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from jiying.base.texts import term
from jiying.core.processmap import Bottleneck, Edge, ProcessMap, Spread
from jiying.core.processmap.layout import END, HIGH, START, draw

THICKEST = 9.0
# Upper ends of the median wait for the colours 0..3 of an edge; above the last it is 4.
BANDS = (5 * 60, 30 * 60, 4 * 3600, 24 * 3600)
MANY = 40  # edges from which the rare ones are hidden at first
SHARE = 85
FIT = 1500  # a map up to this width is shrunk to the page instead of being scrolled


def span(seconds: float | int | None) -> str:
    """A length of time in one number: 45 s, 12 min, 3.5 h, 2.1 days."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return _("%(n)s s") % {"n": number_format(round(seconds))}
    if seconds < 3600:
        return _("%(n)s min") % {"n": number_format(round(seconds / 60))}
    if seconds < 48 * 3600:
        return _("%(n)s h") % {"n": number_format(round(seconds / 3600, 1), 1)}
    return _("%(n)s days") % {"n": number_format(round(seconds / 86400, 1), 1)}


@dataclass(frozen=True, slots=True)
class Times:
    n: int
    total: str
    mean: str
    median: str
    p90: str


def times(spread: Spread | None) -> Times | None:
    if spread is None:
        return None
    value = spread.mean.value
    return Times(
        spread.n,
        span(spread.total_s),
        span(None if value is None else float(value)),
        span(spread.median_s),
        span(spread.p90_s),
    )


def percent(share: Any) -> str:
    return f"{number_format(round(float(share) * 100, 1), 1)}%"


class Words:
    """Names of steps: those of the house by code, those of a foreign log as they are."""

    def __init__(self, found: ProcessMap) -> None:
        self.names = [one.name for one in found.activities]
        self.pairs = {one.key: _place(one, self) for one in found.bottlenecks if one.kind == "bounce"}
        for one in (*found.people, *found.groups):
            self.pairs[one.key] = f"{one.source} → {one.target}"
            if one.key_back:
                self.pairs[one.key_back] = f"{one.source} ⇄ {one.target}"

    def __call__(self, code: int) -> str:
        if code == START:
            return pgettext("process", "Start")
        if code == END:
            return pgettext("process", "End")
        return self.of(self.names[code])

    def of(self, name: str) -> str:
        return term("process_step", name)

    def path(self, codes: tuple[int, ...]) -> str:
        return " → ".join(self(code) for code in codes)


def short(text: str, most: float = 9.0) -> str:
    """A name that fits its box: wide characters count as one, narrow ones as half."""
    width, kept = 0.0, ""
    for letter in text:
        width += 1.0 if ord(letter) > 0x2E80 else 0.56
        if width > most:
            return kept.rstrip() + "…"
        kept += letter
    return text


def drawing(found: ProcessMap, words: Words) -> dict[str, Any]:
    """The picture: boxes and curves with their words, thick by count and coloured by median wait."""
    drawn = draw(found)
    edges = {(edge.source, edge.target): edge for edge in found.edges}
    most = max((curve.n for curve in drawn.curves), default=1)
    return {
        "drawn": drawn,
        "high": HIGH,
        "is_fit": drawn.width <= FIT,
        "share": 100 if len(found.edges) <= MANY else SHARE,
        "has_rare": len(found.edges) > 8,
        "curves": [_curve(curve, edges.get((curve.source, curve.target)), most, words) for curve in drawn.curves],
        "boxes": [_box(box, found, words) for box in drawn.boxes],
    }


def _curve(curve: Any, edge: Edge | None, most: int, words: Words) -> dict[str, Any]:
    ways = f"{words(curve.source)} → {words(curve.target)}"
    about = _("%(way)s: %(n)s times") % {"way": ways, "n": number_format(curve.n)}
    if edge:
        about = _("%(way)s: %(n)s times, waiting %(median)s in the median, %(p90)s at p90") % {
            "way": ways, "n": number_format(edge.n),
            "median": span(edge.wait.median_s), "p90": span(edge.wait.p90_s),
        }  # fmt: skip
    return {
        "curve": curve,
        "about": about,
        "key": f"edge:{curve.source}:{curve.target}" if edge else "",
        "width": f"{1.2 + (THICKEST - 1.2) * (curve.n / most) ** 0.5:.1f}",
        "band": sum(edge.wait.median_s > band for band in BANDS) if edge else "x",
        "n": number_format(curve.n),
        "time": span(edge.wait.median_s) if edge else "",
    }


def _box(box: Any, found: ProcessMap, words: Words) -> dict[str, Any]:
    if box.code < 0:
        return {"box": box, "name": words(box.code), "is_end": True, "about": words(box.code)}
    one = found.activities[box.code]
    name, work = words(box.code), times(one.work)
    about = _("%(name)s: %(n)s times in %(cases)s cases") % {
        "name": name, "n": number_format(one.n), "cases": number_format(one.n_cases),
    }  # fmt: skip
    if work and one.work and one.work.total_s:
        about = _("%(about)s; working %(median)s in the median, %(p90)s at p90") % {
            "about": about, "median": work.median, "p90": work.p90,
        }  # fmt: skip
    return {
        "box": box,
        "name": short(name),
        "about": about,
        "key": f"step:{box.code}",
        "n": number_format(one.n),
        "work": work.median if work and one.work and one.work.median_s else "",
    }


def bottlenecks(found: ProcessMap, words: Words) -> list[dict[str, Any]]:
    """Each with where it stands and the tickets behind it."""
    return [
        {
            "one": one,
            "kind": one.kind,
            "place": _place(one, words),
            "saved": span(one.saved_s),
            "each": span(one.saved_s / one.n),
            "share": percent(one.share),
            "bar": round(100 * float(one.share)),
            "key": one.key,
        }
        for one in found.bottlenecks
    ]


def _place(one: Bottleneck, words: Words) -> str:
    if one.kind == "bounce":
        return f"{one.source} ⇄ {one.target}"
    return f"{words.of(one.source)} → {words.of(one.target)}" if one.target else words.of(one.source)


def title(key: str, words: Words) -> str:
    """What a key names, in words; Raises KeyError, IndexError or ValueError for one that is none."""
    if key in words.pairs:
        return words.pairs[key]
    kind, _colon, rest = key.partition(":")
    if kind == "path":
        return words.path(tuple(int(code) for code in rest.split(",")))
    codes = [int(code) for code in rest.split(":")]
    if kind == "edge":
        return words.path((codes[0], codes[1]))
    if kind == "again":
        return _("%(step)s again") % {"step": words(codes[0])}
    return words(codes[0])
