"""The alerts floor as a Django app."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "jiying.alerts"
    label = "alerts"
