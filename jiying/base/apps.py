"""The base floor as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BaseConfig(AppConfig):
    name = "jiying.base"
    label = "base"

    def ready(self) -> None:
        from jiying.base import access, audit, context, jobs, people_texts, periodic, second_factor, texts  # noqa: F401 - some register themselves

        texts.register_faults(people_texts.FAULTS)
        texts.register_terms(people_texts.TERMS)
        context.NAVIGATION += [
            ("people", _("People"), "users", "people:all", "people.view"),
            ("settings", _("Settings"), "settings", "settings", "system.settings"),
            ("connections", _("Connections"), "plug-connected", "connections", "system.connections"),
            ("audit", _("Audit"), "history", "audit", audit.RIGHT),
        ]
        access.listen()
