"""`jiying sample`: fills an empty house with a made-up service centre, and switches its live feed off or on."""

import gc
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone, translation

from jiying.base import settings_store
from jiying.base.actor import SYSTEM
from jiying.base.models import Setting
from jiying.desk.services.sample import centre

ROLES = {"agent": "agent", "lead": "team leader", "admin": "administrator"}


class Command(BaseCommand):
    help = "Write a made-up service centre into an empty house: people, customers, history, open tickets, a live feed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        usual = centre.Wanted()
        parser.add_argument("--tickets-per-day", type=float, default=usual.per_day, help="mean of an ordinary day")
        parser.add_argument("--days", type=int, default=usual.days, help="how many days of history")
        parser.add_argument("--seed", type=int, default=usual.seed, help="the same seed gives the same centre")
        parser.add_argument("--if-empty", action="store_true", help="do nothing where somebody or something is there")
        parser.add_argument("--no-feed", action="store_true", help="write the history only")
        parser.add_argument("--stop-feed", action="store_true", help="switch the live feed off and do nothing else")
        parser.add_argument("--start-feed", action="store_true", help="switch it on again and do nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["stop_feed"] or options["start_feed"]:
            self._switch(options["start_feed"])
        elif centre.is_empty():
            self._make(options)
        elif not options["if_empty"]:
            raise CommandError(
                "There are people or tickets already; sample data goes into an empty house only. "
                "Choose another JIYING_HOME or DATABASE_URL."
            )
        else:
            self._show_sign_ins(centre.kept_sign_ins())

    def _make(self, options: dict[str, Any]) -> None:
        if options["days"] < 1 or not 0 < options["tickets_per_day"] <= 5000:
            raise CommandError("--days is at least 1, --tickets-per-day more than 0 and at most 5000")
        started = timezone.now()
        self.stdout.write("Writing a made-up service centre (once, some 20 seconds) …")
        self.stdout.flush()
        wanted = centre.Wanted(options["seed"], options["days"], options["tickets_per_day"], not options["no_feed"])
        gc.disable()  # everything is held until the end: looking for garbage finds none and takes a sixth more
        try:
            with translation.override(settings.LANGUAGE_CODE):
                made = centre.make(wanted, started)
        finally:
            gc.enable()
        seconds = (timezone.now() - started).total_seconds()
        self.stdout.write(
            f"{made.written.n_tickets} tickets ({made.n_open} open) of {options['days']} days, "
            f"{made.written.n_clocks} clocks, {made.written.n_facts} facts, {made.n_customers} customers, "
            f"{made.n_people} people: {seconds:.1f} s"
        )
        self._show_sign_ins(made.sign_ins)

    def _show_sign_ins(self, sign_ins: dict[str, str]) -> None:
        if not sign_ins:
            return
        self.stdout.write(f"Sign-ins (kept in {centre.sign_ins_path()}):")
        for name, password in sign_ins.items():
            self.stdout.write(f"  {name:<6} {password}   {ROLES.get(name, '')}")

    def _switch(self, on: bool) -> None:
        row = Setting.objects.filter(key=centre.FEED_ON).first()
        if row is None:
            raise CommandError("There is no sample here: `jiying sample` writes it into an empty house.")
        settings_store.put(actor=SYSTEM, key=centre.FEED_ON, value=on, revision=row.revision, now=timezone.now())
        self.stdout.write("The live feed is on." if on else "The live feed is off.")
