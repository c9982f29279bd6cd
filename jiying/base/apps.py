"""The base floor as a Django app."""

from django.apps import AppConfig


class BaseConfig(AppConfig):
    name = "jiying.base"
    label = "base"

    def ready(self) -> None:
        from jiying.base import jobs, periodic  # noqa: F401 - they register what base itself has to do
