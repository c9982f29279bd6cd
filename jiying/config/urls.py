"""All addresses: each feature's pages, the API, sign-in, health. One line a feature."""

from django.urls import include, path

from jiying.config.api import api

urlpatterns = [
    path("api/v1/", api.urls),
    path("", include("jiying.base.pages.signin")),
    path("", include("jiying.base.pages.tokens")),
    path("people/", include("jiying.base.pages.people")),
    path("people/", include("jiying.desk.pages.capacity")),
    path("me/", include("jiying.base.pages.me")),
    path("me/security/", include("jiying.base.pages.security")),
    path("settings/sso/", include("jiying.base.pages.oidc")),
    path("settings/", include("jiying.base.pages.settings")),
    path("audit/", include("jiying.base.pages.audit")),
    path("", include("jiying.desk.pages")),
    path("p/", include("jiying.channels.pages.portal")),
    path("alerts/", include("jiying.alerts.pages")),
    path("calendars/", include("jiying.clocks.pages.calendars")),
    path("standards/", include("jiying.clocks.pages.standards")),
    path("", include("jiying.base.pages.health")),
]
