"""The clocks floor as a Django app: what it registers with the floors below."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClocksConfig(AppConfig):
    name = "jiying.clocks"
    label = "clocks"

    def ready(self) -> None:
        from jiying.alerts import queries as alerts
        from jiying.alerts.services import checks as alert_checks
        from jiying.base import checks, context, documents, due, jobs, periodic, readiness, seeds, subjects, texts
        from jiying.clocks import queries
        from jiying.clocks import texts as words
        from jiying.clocks.models import Clock
        from jiying.clocks.queries import copying
        from jiying.clocks.services import cause_alerts, rechecking, redating, revisions, seeding
        from jiying.clocks.services.editing import AGREEMENT, CALENDAR, DEPARTMENT_RIGHT, REDATE, STANDARD
        from jiying.clocks.services.firing import fire

        texts.register_terms(words.TERMS)
        texts.register_faults(words.FAULTS)
        alert_checks.register(rechecking.PREFIX, rechecking.still_true)
        alert_checks.register(cause_alerts.WAITS, cause_alerts.still_waits)
        subjects.register(cause_alerts.SUBJECT)
        alerts.PILLS[rechecking.PREFIX] = rechecking.pills
        due.register(due.Sweep("clocks", Clock, fire, tells=True))
        copying.register()
        documents.register(CALENDAR)
        documents.register(STANDARD)
        documents.register(AGREEMENT)
        seeds.SEEDS.append(seeding.seed)
        jobs.register(REDATE, redating.step)
        subjects.register(revisions.SUBJECT)
        periodic.register("clocks.revision", 3600, revisions.look)
        checks.CHECKS.append(redating.stored_as_folded)
        readiness.WARNINGS.append(queries.coverage_warnings)
        context.NAVIGATION += [
            ("standards", _("Standards"), "stopwatch", "standards:in_force", ("clocks.view", DEPARTMENT_RIGHT)),
            ("calendars", _("Calendars"), "calendar-event", "calendars:all", "clocks.view"),
        ]
