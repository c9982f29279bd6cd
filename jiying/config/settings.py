"""Django's settings, from the environment only (see `environ`). Business settings are rows, never here."""

import os
from typing import Any

from django.utils.translation import gettext_lazy as _

from jiying.config import environ

HOME = environ.home()
DEBUG = environ.flag("JIYING_DEBUG")
SECRET_KEY = environ.secret_key(HOME)
PORT = environ.number("PORT", 8000, low=1, high=65535)
BASE_URL = environ.text("JIYING_BASE_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
SECURE = BASE_URL.startswith("https://")
ALLOWED_HOSTS = [h for h in environ.text("JIYING_ALLOWED_HOSTS", "*").split(",") if h]
CSRF_TRUSTED_ORIGINS = [BASE_URL]
MAIL_ENABLED = False

os.environ.setdefault("NUMBA_CACHE_DIR", str(HOME / "numba"))

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "template_partials",
    "django_htmx",
    "ninja",  # only for its static files: the API's documentation
    "jiying.base",
    "jiying.warehouse",
    "jiying.alerts",
    "jiying.clocks",
    "jiying.desk",
    "jiying.channels",
    "jiying.quality",
    "jiying.process",
    "jiying.insight",
    "allauth",  # after base, whose templates of sign-in come first
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
]

MIDDLEWARE = [
    "jiying.base.telemetry.measure",
    "jiying.base.middleware.request_id",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "jiying.base.middleware.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "jiying.base.middleware.language_and_zone",
    "jiying.base.api.answering.only_problems",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "jiying.base.middleware.preferences",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "jiying.base.second_factor.gate",
    "allauth.account.middleware.AccountMiddleware",
    "jiying.base.middleware.errors_to_pages",
]

ROOT_URLCONF = "jiying.config.urls"
WSGI_APPLICATION = "jiying.config.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "jiying.base.context.frame",
            ],
        },
    },
]

DATABASES = {"default": environ.database(HOME)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "base_cache"}}

AUTH_USER_MODEL = "base.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "jiying.base.signin.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_SESSION_REMEMBER = False
# Lock-out: kept in the database cache, so that it holds over all web processes.
ACCOUNT_RATE_LIMITS = {"login_failed": "30/m/ip,5/5m/key", "login": "120/m/ip"}
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
MFA_ADAPTER = "jiying.base.signin.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1  # clocks of phones differ
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses are entered by administrators
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SECURE  # browsers allow it on localhost only
SOCIALACCOUNT_ADAPTER = "jiying.base.oidc.SocialAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = True  # a link: a form that is sent on elsewhere would break the page's own policy
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5
OIDC = environ.oidc()
INSIDE_HOSTS = environ.inside_hosts()
PROXIES = environ.proxies()
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [environ.ROOT / "jiying" / "locale"]
TIME_ZONE = environ.text("JIYING_TIME_ZONE", "Asia/Shanghai")
USE_TZ = True
FORMAT_MODULE_PATH = None

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
MEDIA_ROOT = HOME / "files"
DASK_SCHEDULER = environ.text("DASK_SCHEDULER")  # where replays and maps are spread; none: in the process itself
WAREHOUSE = environ.text("JIYING_WAREHOUSE") or HOME / "warehouse"  # the columnar copy: may be dropped at any time
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 0 if DEBUG else 3600
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

if _mail := environ.mail():
    MAIL_ENABLED = True
    globals().update(_mail)
EMAIL_TIMEOUT = 20

LOGGING_CONFIG = "jiying.base.logs.configure"
LOGGING = {"level": environ.text("JIYING_LOG_LEVEL", "INFO"), "json": environ.flag("JIYING_LOG_JSON", not DEBUG)}
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008"]  # HSTS and redirects belong to the TLS proxy
