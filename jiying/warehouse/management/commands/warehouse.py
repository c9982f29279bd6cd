"""`jiying warehouse status|rebuild`: how far the columnar copy goes, and everything anew."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from jiying.warehouse import exporting, reader, store


class Command(BaseCommand):
    help = "The columnar copy for reports and maps. `rebuild` is safe at any time, also beside a running house."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=("status", "rebuild"))

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override("en"):
            try:
                if not reader.is_installed():
                    reader.state()
                if options["verb"] == "rebuild":
                    exporting.rebuild(self._progress)
                self._tell()
            except reader.Missing as missing:
                raise CommandError(missing.text) from missing

    def _tell(self) -> None:
        state = reader.state()
        self.stdout.write(f"{store.folder()}: up to position {state.position:,}, written {state.at:%F %T} UTC")
        self.stdout.write(
            f"behind: {state.behind:,} facts, {state.behind_s:.1f} s; made anew {state.made_at:%F %T} UTC"
        )
        for name, n_rows in state.n_rows.items():
            self.stdout.write(f"  {name:<10} {n_rows:>12,} rows")

    def _progress(self, n_rows: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{n_rows:,} rows ", ending="")
