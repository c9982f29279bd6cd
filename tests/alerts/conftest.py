"""Fixtures of the alerts tests: a made-up kind of subject, and mail that leaves by real SMTP."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.robots import Robot
from tests.servers import SmtpSink

if TYPE_CHECKING:
    from tests.alerts.cast import Promises


@pytest.fixture
def promises() -> "Iterator[Promises]":
    from tests.alerts import cast  # Django is not set up yet when pytest reads this file

    with cast.registered_promises() as kind:
        yield kind


@pytest.fixture
def post(settings: Any, smtp: SmtpSink) -> SmtpSink:
    """A real mail server, and Jiying set up to use it."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", smtp.port
    settings.DEFAULT_FROM_EMAIL = "desk@example.com"
    settings.EMAIL_TIMEOUT = 5
    settings.MAIL_ENABLED = True
    settings.BASE_URL = "https://desk.example.com"
    return smtp


@pytest.fixture
def robot(settings: Any) -> Iterator[Robot]:
    """A robot's server on this machine, which the house may reach."""
    settings.INSIDE_HOSTS = ["127.0.0.1"]
    settings.BASE_URL = "https://desk.example.com"
    settings.LANGUAGE_CODE = "en"
    one = Robot()
    yield one
    one.close()
