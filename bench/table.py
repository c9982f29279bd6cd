"""The small table that every script in bench/ prints, and the median of a few timed runs."""

from __future__ import annotations

import gc
import importlib
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


def median_s(run: Callable[[], Any], n_runs: int = 5, n_warm: int = 1) -> float:
    """Median wall seconds of `run`, after runs that are not counted."""
    for _ in range(n_warm):
        run()
    taken = []
    for _ in range(n_runs):
        gc.collect()
        begun = time.perf_counter()
        run()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def peer(name: str) -> Any:
    """The peer's module, or None with a line that says so: a table never leaves a peer out silently."""
    try:
        return importlib.import_module(name)
    except ImportError:
        show(f"left out: {name} is not installed (requirements/bench.txt)")
        return None


def show(line: str = "") -> None:
    """Print one line; benches are the only place of the house that prints."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass
class Table:
    """Rows of (what, seconds, operations); ratios are against the row named as base."""

    title: str
    base: str
    rows: list[tuple[str, float, int, str]] = field(default_factory=list)

    def add(self, what: str, seconds: float, n: int = 1, note: str = "") -> None:
        """Seconds are of the whole run of n operations."""
        self.rows.append((what, seconds, n, note))

    def each_s(self, what: str) -> float:
        """Seconds of one operation of a row."""
        return next(seconds / n for name, seconds, n, _ in self.rows if name == what)

    def print(self) -> None:
        """The rows as they came; `x base` above 1 is that much slower than the base."""
        base = self.each_s(self.base)
        show(f"\n{self.title}")
        show(f"{'':<58}{'one':>12}{'per second':>16}{'x base':>12}")
        for what, seconds, n, note in self.rows:
            one = seconds / n
            show(f"{what:<58}{_short(one):>12}{1 / one:>16,.0f}{one / base:>12,.2f}  {note}".rstrip())


def _short(seconds: float) -> str:
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.2f} {unit}"
    return f"{seconds * 1e9:.2f} ns"
