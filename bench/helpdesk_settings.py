"""django-helpdesk as its documentation sets it up, on the same kind of database, as durable, with kept connections."""

import os
from pathlib import Path

from jiying.config import environ

SECRET_KEY = "bench"  # noqa: S105 - a scratch database on loopback
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": environ.database(Path(os.environ["JIYING_HOME"]))}
DATABASES["default"]["ENGINE"] = str(DATABASES["default"]["ENGINE"]).replace(
    "jiying.base.databases", "django.db.backends"
)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = False
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.sites",
    "django.contrib.humanize",
    "rest_framework",
    "helpdesk",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "bench.helpdesk_urls"
SITE_ID = 1
STATIC_URL = "/static/"
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"  # its mails are written, but go nowhere
HELPDESK_TEAMS_MODE_ENABLED = False
HELPDESK_ACTIVATE_API_ENDPOINT = True
LOGIN_URL = "helpdesk:login"
LOGGING_CONFIG = None
