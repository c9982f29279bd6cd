"""The product's settings with nothing but the bare insert behind them (see `bench.bare`)."""

from jiying.config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.bare"
INSTALLED_APPS = [app for app in INSTALLED_APPS if not app.startswith("allauth")]  # noqa: F405
MIDDLEWARE = []
