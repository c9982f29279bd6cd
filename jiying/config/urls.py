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
    path("connections/", include("jiying.base.pages.connections")),
    path("audit/", include("jiying.base.pages.audit")),
    path("", include("jiying.desk.pages")),
    path("tickets/", include("jiying.channels.pages.links")),
    path("hooks/", include("jiying.channels.pages.hooks_out")),
    path("crm/", include("jiying.channels.pages.crm")),
    path("mail/", include("jiying.channels.pages.mail")),
    path("p/", include("jiying.channels.pages.portal")),
    path("calls/", include("jiying.channels.pages.phone")),
    path("hooks/in/", include("jiying.channels.pages.hooks")),
    path("chat/", include("jiying.channels.pages.chat")),
    path("chats/", include("jiying.channels.pages.chats")),
    path("", include("jiying.quality.pages")),
    path("s/", include("jiying.quality.pages.answer")),
    path("replays/", include("jiying.insight.pages.replays")),
    path("process/", include("jiying.process.pages.map")),
    path("wall/", include("jiying.insight.pages.wall")),
    path("insight/", include("jiying.insight.pages.kpis")),
    path("reports/", include("jiying.insight.pages.report_urls")),
    path("dashboards/", include("jiying.insight.pages.dashboards")),
    path("alerts/", include("jiying.alerts.pages")),
    path("calendars/", include("jiying.clocks.pages.calendars")),
    path("standards/", include("jiying.clocks.pages.standards")),
    path("", include("jiying.base.pages.health")),
]

handler500 = "jiying.base.pages.faults.server_error"
