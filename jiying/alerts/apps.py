"""The alerts floor as a Django app: its words, its count on every page, its sweep."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "jiying.alerts"
    label = "alerts"

    def ready(self) -> None:
        from jiying.alerts import queries
        from jiying.alerts import texts as words
        from jiying.alerts.models import Delivery
        from jiying.alerts.services import approvals, checks, delivering, plans
        from jiying.alerts.services.ways import kinds
        from jiying.base import connections, context, documents, due, subjects, texts

        texts.register_terms(words.TERMS)
        texts.register_faults(words.FAULTS)
        documents.register(plans.DOCUMENT)
        context.ALERT_COUNTS.append(queries.count_new)
        documents.FOLLOWERS.append(approvals.follow)
        subjects.register(approvals.SUBJECT)
        checks.register(approvals.WAITS, approvals.still_waits)
        connections.register(*kinds.KINDS)
        kinds.register_ways()
        lanes = ("way", "connection_id")  # all mails leave over one line
        due.register(due.Sweep("deliveries", Delivery, delivering.deliver, networked=True, lanes=lanes))
