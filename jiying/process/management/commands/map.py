"""`jiying map LOG`: the map of an event log in figures, on standard output (docs/algorithms/process-maps.md)."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from jiying.base.errors import Refused
from jiying.core.processmap import ProcessMap, blocks, kernel, merge, summary
from jiying.process.queries.data import as_data
from jiying.process.services.logs import read_log
from jiying.process.services.maps import PORTION
from jiying.warehouse import spreading

BIG = 200_000  # events from which compiling pays


class Command(BaseCommand):
    help = "Find the real process in an event log (CSV, XLSX, XES): steps, waits, variants, rework, bottlenecks."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--mapping", default="", help="a shipped mapping's name, or a TOML file (told by itself)")
        parser.add_argument("--top", type=int, default=12, help="lines of each table")
        parser.add_argument("--json", action="store_true", help="the whole map as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            from jiying.core.processmap import fold
        except ImportError as error:
            raise CommandError("numpy is needed: pip install -r requirements/analytics.txt") from error
        try:
            with translation.override("en"):
                read = read_log(options["file"], options["mapping"])
        except Refused as refused:
            lines = [f"{fault.field}: {fault.text}" if fault.field else fault.text for fault in refused.faults]
            raise CommandError("\n".join(lines)) from refused
        try:
            is_big = len(read.log.at) > BIG
            parts = spreading.each(kernel.fold, blocks(read.log, PORTION)) if is_big else [fold(read.log)]
        except spreading.Unusable as error:
            raise CommandError(str(error)) from error
        found = summary(merge(parts))
        if options["json"]:
            self.stdout.write(json.dumps(as_data(found), ensure_ascii=False, indent=2))
            return
        for line in lines_of(found, options["top"]):
            self.stdout.write(line)
        if read.n_skipped:
            self.stdout.write(f"{read.n_skipped:,} rows could not be read (jiying import-log --dry-run says why)")


def lines_of(found: ProcessMap, top: int) -> Iterator[str]:
    """The map as text."""
    yield (
        f"{found.n_cases:,} cases, {found.n_events:,} events, {len(found.activities)} activities, "
        f"{len(found.edges)} steps from one to another, {found.n_variants:,} variants"
    )
    if found.duration:
        yield (
            f"a case takes {span(found.duration.median_s)} in the median, {span(found.duration.p90_s)} at p90; "
            f"in all {span(found.wait_s)} waiting, {span(found.work_s)} working"
        )
    names = [activity.name for activity in found.activities]
    yield "\nsteps"
    for edge in found.edges[:top]:
        yield (
            f"{edge.n:>9,}  {names[edge.source]} → {names[edge.target]}  "
            f"median {span(edge.wait.median_s)}, p90 {span(edge.wait.p90_s)}"
        )
    yield "\nvariants"
    for variant in found.variants[:top]:
        way = " → ".join(names[code] for code in variant.path)
        yield f"{variant.n:>9,}  {variant.share.percent()} %  mean {span(_mean(variant.duration.value))}  {way}"
    yield "\nrework"
    for loop in found.rework[:top]:
        yield f"{loop.n_repeats:>9,}  {names[loop.activity]}  in {loop.cases.percent()} % of cases, {span(loop.loop_s)}"
    yield "\nbottlenecks, by the time that would be saved"
    for one in found.bottlenecks[:top]:
        place = f"{one.source} → {one.target}" if one.target else one.source
        yield f"{span(one.saved_s):>9}  {float(100 * one.share):5.1f} %  {one.kind}: {place} ({one.n:,})"


def _mean(value: Any) -> int:
    return 0 if value is None else round(value)


def span(seconds: int) -> str:
    """A length of time in its two largest units."""
    minutes, s = divmod(seconds, 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    parts = [f"{n:,} {unit}" for n, unit in ((days, "d"), (h, "h"), (m, "min"), (s, "s")) if n]
    return " ".join(parts[:2]) or "0 s"
