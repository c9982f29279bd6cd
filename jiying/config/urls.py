"""All addresses: each feature's pages, the API, sign-in, health. One line a feature."""

from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.account.urls")),
    path("alerts/", include("jiying.alerts.pages")),
    path("", include("jiying.base.pages.health")),
]
