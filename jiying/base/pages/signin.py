"""Sign-in: only those of allauth's addresses that a house without sign-up needs, and the switch of the language."""

from allauth.account import views
from django.urls import path
from django.views.i18n import set_language

urlpatterns = [
    path("accounts/login/", views.login, name="account_login"),
    path("accounts/logout/", views.logout, name="account_logout"),
    path("accounts/inactive/", views.account_inactive, name="account_inactive"),
    path("accounts/reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("accounts/password/change/", views.password_change, name="account_change_password"),
    path("language/", set_language, name="set_language"),
]
