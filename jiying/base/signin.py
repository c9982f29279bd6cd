"""Sign-in by django-allauth: passwords with Argon2, lock-out over all processes, second factors, no sign-up."""

import ipaddress
from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from jiying.base import access, outgoing, sealing, settings_store


def _address(text: str) -> outgoing.Address | None:
    """None for a socket file and for what is no address."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _is_proxy(address: outgoing.Address) -> bool:
    _names, networks = outgoing.exceptions(tuple(settings.PROXIES))
    return any(address in network for network in networks)


class AccountAdapter(DefaultAccountAdapter):
    error_messages: ClassVar[dict[str, Any]] = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": _("The user name or the password is wrong."),
        "too_many_login_attempts": _(
            "This account is locked for five minutes after five failed attempts. Wait, or ask your administrator."
        ),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """People are made by an administrator, never by themselves."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The peer's address; where that is one of JIYING_PROXIES, whom it and the proxies before it forwarded.

        Anybody can write the header: from a peer that is no proxy of ours it tells nothing.
        """
        peer = _address(request.META.get("REMOTE_ADDR", ""))
        if peer is not None and not _is_proxy(peer):
            return str(peer)
        for text in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
            found = _address(text.strip())
            if found is None:  # made up, or hidden: what stands before it cannot be trusted either
                break
            peer = found
            if not _is_proxy(found):
                break
        return str(peer or "0.0.0.0")  # noqa: S104 - "not known", never listened on

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        access.failed(request, str(credentials.get("username") or ""), "password")

    def reauthenticate(self, user: Any, password: str) -> bool:
        """By the user name alone; addresses are no names here."""
        found = self.authenticate(self.request, username=user.username, password=password)
        return found is not None and bool(found.pk == user.pk)

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Changes of factors stand on the person's page and in the audit."""

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return f"{reverse('me')}?password=changed"

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """No “signed in as …” banners: the page itself says so."""


class FactorAdapter(DefaultMFAAdapter):
    """Second factors: their seeds are stored sealed, and named as the house is."""

    error_messages: ClassVar[dict[str, Any]] = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("This code is wrong or too old. Wait for the next one."),
    }

    def encrypt(self, text: str) -> str:
        return sealing.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.unseal(encrypted_text) or ""

    def get_totp_label(self, user: Any) -> str:
        return str(user.username)

    def get_totp_issuer(self) -> str:
        return str(settings_store.get("site.name") or gettext("Jiying"))

    def generate_authenticator_name(self, user: Any, type: Any) -> str:
        return gettext("Security key")

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Changes of factors stand on the person's page and in the audit."""
