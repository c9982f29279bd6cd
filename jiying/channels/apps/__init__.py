"""The channels floor as a Django app: its words, and one module beside for what each channel tells the floors below.

Each has a `wire`, called when all models are there: connections, readers, sweeps, panels and words are registered.
"""

from importlib import import_module

from django.apps import AppConfig

WIRED = ("portal", "outbox", "mail", "crm", "hooks", "hooks_out", "social", "phone", "chat")


class ChannelsConfig(AppConfig):
    name = "jiying.channels"
    label = "channels"

    def ready(self) -> None:
        from jiying.base import texts
        from jiying.channels import texts as words

        texts.register_terms(words.TERMS)
        texts.register_faults(words.FAULTS)
        for name in WIRED:
            import_module(f"jiying.channels.apps.{name}").wire()
