"""`jiying import-log FILE`: history of another desk as tickets (docs/import.md)."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone, translation

from jiying.base.actor import IMPORT
from jiying.base.errors import Refused
from jiying.desk.services.history.importing import Report, import_log

SHOWN = 20


class Command(BaseCommand):
    help = "Import an event log (CSV, XLSX, XES) of another desk: its tickets, their journal, their clocks replayed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--mapping", default="", help="a shipped mapping's name, or a TOML file (told by itself)")
        parser.add_argument("--source", default="", help="name under which its tickets are known (import:MAPPING)")
        parser.add_argument("--dry-run", action="store_true", help="read, replay and report; write nothing")
        parser.add_argument("--json", action="store_true", help="the whole report as JSON on standard output")
        parser.add_argument("--language", default="en", help="language of the sentences in the report (en, zh-hans)")

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override(options["language"]):
            try:
                report = import_log(
                    actor=IMPORT,
                    path=options["file"],
                    mapping=options["mapping"],
                    source=options["source"],
                    dry_run=options["dry_run"],
                    now=timezone.now(),
                    progress=None if options["json"] else self._progress,
                )
            except Refused as refused:
                lines = [f"{fault.field}: {fault.text}" if fault.field else fault.text for fault in refused.faults]
                raise CommandError("\n".join(lines)) from refused
        if options["json"]:
            self.stdout.write(json.dumps(report.as_data(), ensure_ascii=False, indent=2))
        else:
            self._tell(report, options["dry_run"])

    def _progress(self, n_done: int, n_total: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{n_done:,} of {n_total:,} tickets", ending="")

    def _tell(self, report: Report, dry_run: bool) -> None:
        data = report.as_data()
        verb = "would be written" if dry_run else "written"
        n_new = report.tickets if dry_run else report.written
        self.stdout.write(
            f"{report.tickets:,} tickets, {report.events:,} events read from {report.source}; "
            f"{n_new:,} {verb}, {report.known:,} were there; {report.seconds:.1f} s"
        )
        for metric, cell in data["attainment"]["all"].items():
            share = "–" if cell["attainment"] is None else f"{cell['attainment']:.1%}"
            self.stdout.write(f"  {metric:<18} {share:>7}  ({cell['met']:,} met, {cell['breached']:,} breached)")
        for code, n in data["notices"].items():
            self.stdout.write(f"  notice {code}: {n:,}")
        for row in report.skipped[:SHOWN]:
            self.stdout.write(f"  skipped row {row['row']} {row['column']}: {row['text']}")
        if len(report.skipped) > SHOWN:
            self.stdout.write(f"  … {len(report.skipped) - SHOWN:,} more skipped; --json shows all")
