"""The base floor as a Django app."""

from django.apps import AppConfig


class BaseConfig(AppConfig):
    name = "jiying.base"
    label = "base"
