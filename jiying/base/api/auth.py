"""Who calls: the owner of a bearer token, or, from our own pages, the person who is signed in (with CSRF token)."""

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone, translation
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from jiying.base import tokens
from jiying.base.actor import Actor
from jiying.base.context import actor_of
from jiying.base.errors import Fault, Refused


class Unauthenticated(Refused):
    """Nobody, or somebody with a token that is not valid."""

    status = 401
    title = "unauthenticated"


class Forged(Refused):
    """A call with a session's cookie, but without its CSRF token."""

    status = 403
    title = "denied"


class Unproven(Refused):
    """A call from a browser that must say again who it is; the page does that."""

    status = 403
    title = "denied"


class Bearer(AuthBase):
    """`Authorization: Bearer TOKEN`. A wrong token is refused, even from a browser that is signed in."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> Actor | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        scheme, _space, token = header.partition(" ")
        actor = tokens.authenticate(token.strip(), timezone.now()) if scheme.lower() == "bearer" else None
        if actor is None:
            raise Unauthenticated(Fault("", "bad_token"))
        if actor.person and actor.person.language and "HTTP_ACCEPT_LANGUAGE" not in request.META:
            translation.activate(actor.person.language)
        return actor


class SignedIn(AuthBase):
    """The session's cookie; what changes something also needs the CSRF token in `X-CSRFToken`."""

    openapi_type = "apiKey"
    openapi_in = "cookie"
    openapi_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Actor | None:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.user.is_authenticated:
            raise Unauthenticated(Fault("", "signed_out"))
        if check_csrf(request) is not None:
            raise Forged(Fault("", "csrf"))
        return actor_of(request)


class Proven(SignedIn):
    """The session's cookie; what changes something needs a password given a short while ago, as on the pages."""

    def __call__(self, request: HttpRequest) -> Actor | None:
        actor = super().__call__(request)
        if request.method not in ("GET", "HEAD") and not did_recently_reauthenticate(request):
            raise Unproven(Fault("", "prove_again"))
        return actor
