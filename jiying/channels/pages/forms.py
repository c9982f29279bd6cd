"""The form on other people's pages, and alone: works without script. No account, no cookie."""

from typing import Any

from allauth.account.adapter import get_adapter
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from jiying.base import files
from jiying.base.errors import NotFound, Refused
from jiying.channels.pages.frames import framed, language_of
from jiying.channels.services import web_forms, widgets
from jiying.channels.services.widgets import Widget
from jiying.core import widgets as core
from jiying.desk.queries import categories

TEMPLATE = "channels/web_form.html"
_FIELDS = ("name", "contact", "subject", "text", "category")


@xframe_options_exempt
@csrf_exempt  # it needs no cookie, and does nothing that its sender could not do alone
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest, key: str) -> HttpResponse:
    """The form; a POST sends it and answers with the customer's own link."""
    with translation.override(language_of(request)):
        try:
            widget = widgets.opened(key)
            if not widget.has_form:
                raise NotFound("web_widget", key)
        except NotFound:
            return render(request, "channels/chat_gone.html", status=404)
        response = _send(request, widget) if request.method == "POST" else _page(request, widget)
        return framed(response, widget)


def _send(request: HttpRequest, widget: Widget) -> HttpResponse:
    sent = request.POST
    written = web_forms.Written(
        **{name: sent.get(name, "") for name in _FIELDS}, stamp=sent.get("stamp", ""), trap=sent.get("website", "")
    )
    address, uploads = str(get_adapter().get_client_ip(request)), request.FILES.getlist("files")
    try:
        link = web_forms.send(widget=widget, written=written, uploads=uploads, address=address, now=timezone.now())
    except Refused as refused:
        return _page(request, widget, refused.status, refused=refused, wrong={f.field for f in refused.faults})
    return _page(request, widget, link=link)


def _page(request: HttpRequest, widget: Widget, status: int = 200, **more: Any) -> HttpResponse:
    sent = request.POST
    about = {
        "widget": widget,
        "title": widget.text("title"),
        "colour": widget.colour,
        "ink": core.ink(widget.colour),
        "values": {name: sent.get(name, "") for name in _FIELDS},
        "categories": categories.choices(),
        "stamp": web_forms.stamp(widget),
        "accept": files.ACCEPT,
        "limit_mb": files.LIMIT_MB,
        "in_frame": "frame" in request.GET,
        "chat": reverse("chat:page", args=[widget.key]) if widget.options["chat"] else "",
        "language": translation.get_language(),
    }
    return render(request, TEMPLATE, about | more, status=status)
