"""The clocks floor as a Django app: what it registers with the floors below."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClocksConfig(AppConfig):
    name = "jiying.clocks"
    label = "clocks"

    def ready(self) -> None:
        from jiying.alerts import queries as alerts
        from jiying.alerts.services import checks as alert_checks
        from jiying.base import checks, context, documents, due, jobs, readiness, seeds, texts
        from jiying.clocks import queries
        from jiying.clocks import texts as words
        from jiying.clocks.models import Clock
        from jiying.clocks.services import rechecking, redating, seeding
        from jiying.clocks.services.editing import AGREEMENT, CALENDAR, DEPARTMENT_RIGHT, REDATE, STANDARD
        from jiying.clocks.services.firing import fire

        texts.register_terms(words.TERMS)
        texts.register_faults(words.FAULTS)
        alert_checks.register(rechecking.PREFIX, rechecking.still_true)
        alerts.PILLS[rechecking.PREFIX] = rechecking.pills
        due.register(due.Sweep("clocks", Clock, fire))
        documents.register(CALENDAR)
        documents.register(STANDARD)
        documents.register(AGREEMENT)
        seeds.SEEDS.append(seeding.seed)
        jobs.register(REDATE, redating.step)
        checks.CHECKS.append(redating.stored_as_folded)
        readiness.WARNINGS.append(queries.coverage_warnings)
        context.NAVIGATION += [
            ("standards", _("Standards"), "stopwatch", "standards:in_force", ("clocks.view", DEPARTMENT_RIGHT)),
            ("calendars", _("Calendars"), "calendar-event", "calendars:all", "clocks.view"),
        ]
