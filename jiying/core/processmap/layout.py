"""Places a map on paper: steps in layers along the main flow, edges as curves, and how rare a path each of them is.

Pure geometry in whole units; colours and words are the page's. The same map is always drawn alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jiying.core.processmap.figures import ProcessMap

WIDE, HIGH = 128, 46  # a step's box
END_WIDE = 64  # that of the places where cases begin and end
GAP_X, GAP_Y, MARGIN = 88, 40, 24
SWEEPS = 8
START, END = -1, -2  # where cases begin and end


@dataclass(frozen=True, slots=True)
class Box:
    """A step; `level` is the least share of paths (0..100) at which it is shown."""

    code: int
    x: int
    y: int
    level: int

    @property
    def wide(self) -> int:
        return _wide(self.code)

    @property
    def middle(self) -> int:
        return self.x + self.wide // 2


@dataclass(frozen=True, slots=True)
class Curve:
    """An edge, from START or to END too; `path` is SVG, the words for it stand at (x, y)."""

    source: int
    target: int
    n: int
    path: str
    x: int
    y: int
    level: int
    is_back: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """`top` is where the paper begins: arcs over the steps reach above 0."""

    top: int
    width: int
    height: int
    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]


Pair = tuple[int, int]


def _wide(code: int) -> int:
    return END_WIDE if code < 0 else WIDE


def draw(found: ProcessMap) -> Drawing:
    """The map from left to right."""
    n_of = {(edge.source, edge.target): edge.n for edge in found.edges}
    for code, activity in enumerate(found.activities):
        if activity.n_first:
            n_of[START, code] = activity.n_first
        if activity.n_last:
            n_of[code, END] = activity.n_last
    codes = [code for code, one in enumerate(found.activities) if one.n]
    levels = levels_of(n_of)
    layer = _layers(codes, n_of)
    place = _ordered(layer, n_of)
    at = _positions(layer, place)
    shown: dict[int, int] = defaultdict(lambda: 100)
    for (a, b), level in levels.items():
        shown[a], shown[b] = min(shown[a], level), min(shown[b], level)
    boxes = tuple(Box(code, *at[code], shown[code]) for code in (START, *codes, END))
    low = max(y for _, y in at.values())
    ranked = sorted(n_of.items(), key=lambda item: (item[1], item[0]))  # the thickest last, on top
    curves = tuple(_curve(pair, n, at, levels[pair], layer) for pair, n in ranked)
    top = min([0, *(curve.y - 22 for curve in curves)])
    depth = max([low + HIGH, *(curve.y + 8 for curve in curves)]) + 16
    width = at[END][0] + END_WIDE + MARGIN
    return Drawing(top, width, depth - top, boxes, curves)


def levels_of(n_of: Mapping[Pair, int]) -> dict[Pair, int]:
    """From which share of paths on each edge is shown: the strongest way into and out of each step always is, the
    others by what the stronger ones together carry."""
    best: set[Pair] = set()
    for side in (0, 1):
        strongest: dict[int, Pair] = {}
        for pair in sorted(n_of, key=lambda pair: (-n_of[pair], pair)):
            strongest.setdefault(pair[side], pair)
        best |= set(strongest.values())
    total, before, levels = sum(n_of.values()), 0, {}
    for pair in sorted(n_of, key=lambda pair: (-n_of[pair], pair)):
        levels[pair] = 0 if pair in best else min(100, -(-100 * before // total))
        before += n_of[pair]
    return levels


def _layers(codes: Sequence[int], n_of: Mapping[Pair, int]) -> dict[int, int]:
    """Along the strongest ways in: each step one layer after the step that it mostly follows, the end last."""
    strongest: dict[int, int] = {}
    for a, b in sorted(n_of, key=lambda pair: (-n_of[pair], pair)):
        if a != b and b != END and b not in strongest and not _leads(strongest, a, b):
            strongest[b] = a
    layer = {START: 0}
    for code in codes:
        way = [code]
        while way[-1] not in layer and way[-1] in strongest:
            way.append(strongest[way[-1]])
        for one in reversed(way):
            layer.setdefault(one, layer.get(strongest.get(one, START), 0) + 1)
    layer[END] = max(layer.values()) + 1
    return layer


def _leads(strongest: Mapping[int, int], a: int, b: int) -> bool:
    """Whether a is reached from b by the ways chosen so far: then b after a would be a circle."""
    while a in strongest:
        a = strongest[a]
        if a == b:
            return True
    return False


def _ordered(layer: Mapping[int, int], n_of: Mapping[Pair, int]) -> dict[int, float]:
    """Within its layer each step goes near those that it is joined with (weighted means, sweep by sweep)."""
    rows: dict[int, list[int]] = defaultdict(list)
    weight: dict[int, int] = defaultdict(int)
    joined: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for (a, b), n in n_of.items():
        weight[a] += n
        if a != b:
            joined[a].append((b, n))
            joined[b].append((a, n))
    for code in sorted(layer, key=lambda code: (-weight[code], code)):
        rows[layer[code]].append(code)
    place = {code: i - (len(row) - 1) / 2 for row in rows.values() for i, code in enumerate(row)}
    for _ in range(SWEEPS):
        for row in rows.values():
            wish = {code: _mean(joined[code], place) for code in row}
            row.sort(key=lambda code: (wish[code], code))
            place.update({code: i - (len(row) - 1) / 2 for i, code in enumerate(row)})
    return place


def _mean(joined: Sequence[tuple[int, int]], place: Mapping[int, float]) -> float:
    total = sum(n for _, n in joined)
    return sum(place[code] * n for code, n in joined) / total if total else 0.0


def _positions(layer: Mapping[int, int], place: Mapping[int, float]) -> dict[int, Pair]:
    least = min(place.values())
    return {code: (_left(layer[code]), MARGIN + round((place[code] - least) * (HIGH + GAP_Y))) for code in layer}


def _left(layer: int) -> int:
    return MARGIN + (END_WIDE + GAP_X + (layer - 1) * (WIDE + GAP_X) if layer else 0)


def _curve(pair: Pair, n: int, at: Mapping[int, Pair], level: int, layer: Mapping[int, int]) -> Curve:
    a, b = pair
    (x1, y1), (x2, y2) = at[a], at[b]
    span = layer[b] - layer[a]
    if a == b:
        x, y = x1 + WIDE // 2, y1 - 26
        path = f"M{x - 22} {y1}C{x - 34} {y - 4} {x + 34} {y - 4} {x + 22} {y1}"
        return Curve(a, b, n, path, x, y + 4, level, True)
    if span > 0:
        x1, y1, y2 = x1 + _wide(a), y1 + HIGH // 2, y2 + HIGH // 2
        bend = max((x2 - x1) // 2, 30)
        # A long way round boxes that stand between: it leaves the straight line a little more with each layer.
        lift = 0 if span == 1 else (30 + 16 * span) * (1 if (a + b) % 2 else -1)
        path = f"M{x1} {y1}C{x1 + bend} {y1 + lift} {x2 - bend} {y2 + lift} {x2} {y2}"
        return Curve(a, b, n, path, (x1 + x2) // 2, (y1 + y2) // 2 + 3 * lift // 4 - 9, level, False)
    x1, x2, y1, y2 = x1 + _wide(a) // 2, x2 + _wide(b) // 2, y1 + HIGH, y2 + HIGH
    dip = max(y1, y2) + 26 + 22 * (-span)
    path = f"M{x1} {y1}C{x1} {dip} {x2} {dip} {x2} {y2}"
    return Curve(a, b, n, path, (x1 + x2) // 2, (y1 + y2 + 6 * dip) // 8 + 14, level, True)
