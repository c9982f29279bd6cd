"""The channels floor as a Django app: its words, and what it tells the desk's story."""

from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    name = "jiying.channels"
    label = "channels"

    def ready(self) -> None:
        from django.utils.translation import gettext_lazy as _

        from jiying.base import texts
        from jiying.channels import texts as words
        from jiying.desk.queries import story

        texts.register_terms(words.TERMS)
        texts.register_faults(words.FAULTS)
        story.register(
            "ticket.portal_renewed", "link", _("New link for the customer; earlier ones do not work any more")
        )
