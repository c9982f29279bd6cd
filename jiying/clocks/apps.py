"""The clocks floor as a Django app: what it registers with the floors below."""

from django.apps import AppConfig


class ClocksConfig(AppConfig):
    name = "jiying.clocks"
    label = "clocks"

    def ready(self) -> None:
        from jiying.base import documents, due, seeds
        from jiying.clocks.models import Clock
        from jiying.clocks.services import seeding
        from jiying.clocks.services.editing import CALENDAR, STANDARD
        from jiying.clocks.services.firing import fire

        due.register(due.Sweep("clocks", Clock, fire))
        documents.register(CALENDAR)
        documents.register(STANDARD)
        seeds.SEEDS.append(seeding.seed)
