"""Pages that stand in a frame on other people's sites: who may frame them, and the language they speak there."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from jiying.channels.services.widgets import Widget


def language_of(request: HttpRequest) -> str:
    """The language that the page around it asks for, else the browser's: a frame has no cookie of its own."""
    asked = request.GET.get("lang", "").lower()
    if asked:
        return "en" if asked.startswith("en") else settings.LANGUAGE_CODE
    return translation.get_language_from_request(request)


def framed(response: HttpResponse, widget: Widget) -> HttpResponse:
    """The house's policy, but for who may frame it. Its pictures are its own; nothing is fetched from elsewhere."""
    response["Content-Security-Policy"] = (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        f"frame-ancestors {widget.ancestors}"
    )
    response["Cache-Control"] = "private, no-store"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
