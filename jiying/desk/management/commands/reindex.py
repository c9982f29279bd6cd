"""`jiying reindex`: what search looks into, made anew from the tickets while the house is running."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from jiying.desk.services import indexing


class Command(BaseCommand):
    help = "Make the search index anew. Safe at any time, also beside a running house, and after being broken off."

    def handle(self, *args: Any, **options: Any) -> None:
        n_tickets = indexing.rebuild(self._progress)
        self.stdout.write(f"{n_tickets:,} tickets indexed")

    def _progress(self, n_done: int, n_total: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{n_done:,} of {n_total:,} tickets", ending="" if n_done < n_total else "\n")
