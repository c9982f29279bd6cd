"""What every request passes: an id, a strict content security policy, language and zone, and the house's refusals."""

import secrets
import zoneinfo
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation

from jiying.base.errors import Refused

Handler = Callable[[HttpRequest], HttpResponse]
log = structlog.get_logger()


def request_id(get_response: Handler) -> Handler:
    """Each request gets an id, in its logs and in the answer; a fault's page names it."""

    def handle(request: HttpRequest) -> HttpResponse:
        request.fault_id = secrets.token_hex(6)  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(request=request.fault_id)  # type: ignore[attr-defined]
        try:
            response = get_response(request)
        finally:
            structlog.contextvars.unbind_contextvars("request")
        response["X-Request-Id"] = request.fault_id  # type: ignore[attr-defined]
        return response

    return handle


def content_security_policy(get_response: Handler) -> Handler:
    """Scripts only from here, or with this request's nonce; nothing may frame us or be posted elsewhere."""

    def handle(request: HttpRequest) -> HttpResponse:
        nonce = secrets.token_urlsafe(16)
        request.csp_nonce = nonce  # type: ignore[attr-defined]
        response = get_response(request)
        if "Content-Security-Policy" not in response:
            response["Content-Security-Policy"] = (
                f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
                "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; "
                "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
            )
        return response

    return handle


def language_and_zone(get_response: Handler) -> Handler:
    """The language of the cookie or, for the API, of Accept-Language; Chinese where nobody says otherwise."""

    def handle(request: HttpRequest) -> HttpResponse:
        language = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        if request.path.startswith("/api/") and "HTTP_ACCEPT_LANGUAGE" in request.META:
            language = translation.get_language_from_request(request)
        known = dict(settings.LANGUAGES)
        translation.activate(language if language in known else settings.LANGUAGE_CODE)
        request.LANGUAGE_CODE = translation.get_language()
        try:
            response = get_response(request)
            response.setdefault("Content-Language", translation.get_language() or settings.LANGUAGE_CODE)
            return response
        finally:
            translation.deactivate()
            timezone.deactivate()

    return handle


def preferences(get_response: Handler) -> Handler:
    """The signed-in person's own language (unless the browser's cookie says otherwise) and time zone."""

    def handle(request: HttpRequest) -> HttpResponse:
        person = request.user
        if person.is_authenticated:
            if person.language and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
                translation.activate(person.language)
            if person.time_zone:
                timezone.activate(zoneinfo.ZoneInfo(person.time_zone))
        return get_response(request)

    return handle


class errors_to_pages:  # noqa: N801 - used like the functions above, but Django wants a class for process_exception
    """A refusal raised in a page becomes a page (or a toast for htmx) that says what, where and how to mend it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refused) or request.path.startswith("/api/"):
            return None
        template = "base/parts/refused.html" if getattr(request, "htmx", False) else "base/refused.html"
        response = render(request, template, {"refused": exception}, status=exception.status)
        if getattr(request, "htmx", False):
            response["HX-Retarget"], response["HX-Reswap"] = "#toasts", "beforeend"
        return response
