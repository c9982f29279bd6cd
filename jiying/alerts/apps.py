"""The alerts floor as a Django app: its words, its count on every page, its sweep."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "jiying.alerts"
    label = "alerts"

    def ready(self) -> None:
        from jiying.alerts import queries
        from jiying.alerts import texts as words
        from jiying.alerts.models import Delivery
        from jiying.alerts.services import delivering, plans
        from jiying.base import context, documents, due, texts

        texts.register_terms(words.TERMS)
        texts.register_faults(words.FAULTS)
        documents.register(plans.DOCUMENT)
        context.ALERT_COUNTS.append(queries.count_new)
        due.register(due.Sweep("deliveries", Delivery, delivering.deliver, networked=True))
