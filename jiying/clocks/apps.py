"""The clocks floor as a Django app."""

from django.apps import AppConfig


class ClocksConfig(AppConfig):
    name = "jiying.clocks"
    label = "clocks"
