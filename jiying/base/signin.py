"""Sign-in by django-allauth: passwords with Argon2, lock-out over all processes, no sign-up from outside."""

from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


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
        """The peer's address; behind a proxy, what JIYING_BASE_URL's proxy appended last."""
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
        return forwarded.rsplit(",", 1)[-1].strip() or request.META.get("REMOTE_ADDR", "") or "unknown"

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return f"{reverse('me')}?password=changed"

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """No “signed in as …” banners: the page itself says so."""
