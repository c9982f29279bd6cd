"""The product's settings with nothing but the bare insert behind them (see `bench.bare`)."""

from jiying.config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.bare"
MIDDLEWARE = ["allauth.account.middleware.AccountMiddleware"]  # allauth refuses to start without it
