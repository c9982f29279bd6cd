"""`jiying replay`: what a draft would have meant for a period, beside what happened, in the terminal."""

from argparse import ArgumentParser
from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone, translation

from jiying.base.errors import Refused
from jiying.core.metrics import Rate, attainment
from jiying.core.standards import CHANNELS, PRIORITIES, TICKET_METRICS
from jiying.core.standards.what_if import Cell
from jiying.insight.services import replaying
from jiying.warehouse import reader, spreading


class Command(BaseCommand):
    help = "Replay the tickets of a period under a draft standard, calendar or priority rules, or one changed promise."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--standard", type=int, default=0, help="version of the standard set (the one in force)")
        parser.add_argument("--calendar", default="", help="KEY:VERSION in place of the calendar in force")
        parser.add_argument(
            "--rules", type=int, default=0, help="version of the priority rules (priorities as they were)"
        )
        parser.add_argument("--from", dest="since", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
        parser.add_argument("--to", dest="until", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
        parser.add_argument("--minutes", type=int, default=0, help="one promise changed to so many minutes, of:")
        parser.add_argument("--channel", choices=CHANNELS)
        parser.add_argument("--priority", choices=PRIORITIES)
        parser.add_argument("--metric", choices=TICKET_METRICS, default="first_response")

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override("en"):
            try:
                self._tell(self._replay(options))
            except (Refused, reader.Missing, spreading.Unusable) as error:
                raise CommandError(str(getattr(error, "text", error))) from error

    def _replay(self, options: dict[str, Any]) -> dict[str, Any]:
        key, _colon, version = options["calendar"].partition(":")
        if key and not version.isdigit():
            raise CommandError("--calendar KEY:VERSION")
        cell = None
        if options["minutes"]:
            cell = Cell(options["channel"], options["priority"], options["metric"], options["minutes"])
        draft = replaying.Draft(options["standard"], key, int(version or 0), cell, options["rules"])
        zone = timezone.get_current_timezone()
        since = datetime.combine(options["since"], time(), zone)
        until = datetime.combine(options["until"] + timedelta(days=1), time(), zone)
        replaying.check(draft, since, until)
        return replaying.replay(draft, since, until, timezone.now())

    def _tell(self, found: dict[str, Any]) -> None:
        self.stdout.write(f"{found['tickets']:,} tickets, {found['events']:,} events, {found['seconds']:.2f} s")
        if found["rules"] is not None:
            self._tell_rules(found["rules"])
        self.stdout.write(f"{'':<34}{'what happened':>22}{'tried out':>22}")
        for metric in TICKET_METRICS:
            self._line(metric, found, metric, range(len(found["cells"])))
            for channel in CHANNELS:
                for priority in PRIORITIES:
                    places = [n for n, cell in enumerate(found["cells"]) if cell[:2] == [channel, priority]]
                    self._line(f"  {channel} {priority}", found, metric, places)

    def _tell_rules(self, told: dict[str, Any]) -> None:
        """First priorities as they were, by those under the rules; `kept` are not for rules to say."""
        ways = {(was, now): 0 for was in PRIORITIES for now in PRIORITIES}
        for _team, was, now, n, _ids in told["moves"]:
            ways[was, now] += n
        n_changed = sum(n for (was, now), n in ways.items() if was != now)
        kept, guessed = (sum(told[name].values()) for name in ("kept", "guessed"))
        self.stdout.write(
            f"{n_changed:,} of {sum(ways.values()):,} judged tickets would begin with another priority "
            f"({guessed:,} judged partly by what is known now; {kept:,} more kept)"
        )
        self.stdout.write(f"{'first priority':<16}" + "".join(f"{'-> ' + now:>12}" for now in PRIORITIES))
        for was in PRIORITIES:
            self.stdout.write(f"{was:<16}" + "".join(f"{ways[was, now]:>12,}" for now in PRIORITIES))

    def _line(self, name: str, found: dict[str, Any], metric: str, places: Any) -> None:
        rates = [Rate.total(attainment(*found[side][metric][n]) for n in places) for side in ("happened", "draft")]
        if any(rate.denominator for rate in rates):
            shares = ["–" if rate.percent() is None else f"{rate.percent()}%" for rate in rates]
            told = [f"{share} {r.numerator:,}/{r.denominator:,}" for share, r in zip(shares, rates, strict=True)]
            self.stdout.write(f"{name:<34}{told[0]:>22}{told[1]:>22}")
