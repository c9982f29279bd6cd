"""A visitor's doors: the chat in its frame or alone, and what it asks and sends as JSON. No account, no cookie.

Who holds a chat's token sees that chat; it comes in a header, so that no other site can send it for them. Frames are
allowed to the pages that the widget names, and to nobody else.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone, translation
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base import files, problems
from jiying.base.errors import Denied, Fault, Invalid, NotFound, Refused
from jiying.channels.pages import forms
from jiying.channels.pages.frames import framed, language_of
from jiying.channels.queries import chat as queries
from jiying.channels.services import chatting, transcripts, widgets
from jiying.channels.services.chatting import Visit
from jiying.channels.services.widgets import Widget
from jiying.core import widgets as core

MAX_JSON = 64 * 1024
TOKEN = "X-Chat-Token"  # noqa: S105 - the name of a header


@xframe_options_exempt
@require_GET
def page(request: HttpRequest, key: str) -> HttpResponse:
    """The chat: a button and a panel in a frame, the whole window alone."""
    with translation.override(language_of(request)):
        try:
            widget = widgets.opened(key)
        except NotFound:
            return render(request, "channels/chat_gone.html", status=404)
        return framed(render(request, "channels/chat.html", _about(widget)), widget)


def _about(widget: Widget) -> dict[str, Any]:
    now = timezone.now()
    config = {
        "live": "/live",
        "here": reverse("chat:page", args=[widget.key]),
        "form": reverse("chat:form", args=[widget.key]) if widget.has_form else "",
        "open": widget.may_chat(now),
        "asks": widget.asks_contact,
        "mails": transcripts.is_possible(),
        "maxText": chatting.MAX_TEXT,
        "maxMb": files.LIMIT_MB,
        "language": translation.get_language(),
    }
    return {"widget": widget, "title": widget.text("title"), "config": config, "accept": files.ACCEPT} | {
        "greeting": widget.text("greeting"),
        "offline": widget.text("offline"),
        "colour": widget.colour,
        "ink": core.ink(widget.colour),
    }


# --- what it sends ---------------------------------------------------------------------------------------------------


def _door(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Refusals as JSON, in the chat's language; nothing is kept by anybody on the way."""

    @csrf_exempt
    @wraps(view)
    def handle(request: HttpRequest, key: str, **rest: Any) -> HttpResponseBase:
        with translation.override(language_of(request)):
            try:
                widget = widgets.opened(key)
                if request.method == "POST":
                    _from_here(request)
                response = view(request, widget, **rest)
            except Refused as refused:
                body = problems.body(refused.status, refused.title, refused.faults)
                response = JsonResponse(body, status=refused.status, content_type=problems.MEDIA_TYPE)
        response["Cache-Control"] = "private, no-store"
        return response

    return handle


def _from_here(request: HttpRequest) -> None:
    """What is sent comes from our own frame: browsers say so, and other sites cannot say otherwise."""
    origin = request.headers.get("Origin", "")
    if origin and urlsplit(origin).netloc != request.get_host():
        raise Denied("chat")


def _seen(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Opens the chat of the token in the header; one of another widget's is none."""

    @_door
    @wraps(view)
    def handle(request: HttpRequest, widget: Widget, **rest: Any) -> HttpResponseBase:
        seen = chatting.visit(request.headers.get(TOKEN, ""), timezone.now())
        if seen.chat.widget_id != widget.pk:
            raise NotFound("chat", "")
        return view(request, widget, seen, **rest)

    return handle


def _body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that was sent; of a multipart form, its fields."""
    if request.content_type == "multipart/form-data":
        return {name: str(value) for name, value in request.POST.items()}
    if request.content_type != "application/json":
        raise Invalid.one("", "wrong_type", expected="JSON")
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_JSON:
        raise Invalid(Fault("", "too_large", {"limit": MAX_JSON}))
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Invalid.one("", "wrong_type", expected="object")
    return found


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise Invalid.one(name, "wrong_type", expected="text")
    return value


@require_POST
@_door
def begin(request: HttpRequest, widget: Widget) -> HttpResponse:
    """A new chat; the answer holds its token, once."""
    body = _body(request)
    begun = chatting.Begun(
        key=_text(body, "id"),
        text=_text(body, "text"),
        name=_text(body, "name"),
        contact=_text(body, "contact"),
        page_url=_text(body, "url"),
        page_title=_text(body, "title"),
        language=translation.get_language() or settings.LANGUAGE_CODE,
    )
    seen = chatting.begin(widget=widget, begun=begun, address=address_of(request), now=timezone.now())
    return _state(seen, -1, token=seen.token)


@require_GET
@_seen
def state(request: HttpRequest, widget: Widget, seen: Visit) -> HttpResponse:
    """Everything after the message that one has; asking says that one is there."""
    chatting.be_here(seen=seen, now=timezone.now())
    return _state(seen, _after(request.GET.get("after", "")))


@require_POST
@_seen
def say(request: HttpRequest, widget: Widget, seen: Visit) -> HttpResponse:
    """One message, with files; the answer holds everything after the message that one had."""
    body = _body(request)
    uploads = request.FILES.getlist("files")
    key, text = _text(body, "id"), _text(body, "text")
    said = chatting.say(seen=seen, widget=widget, key=key, text=text, uploads=uploads, now=timezone.now())
    fresh = chatting.visit(seen.token, timezone.now())
    return _state(fresh, _after(str(body.get("after", ""))), said=said.pk)


@require_POST
@_seen
def type_on(request: HttpRequest, widget: Widget, seen: Visit) -> HttpResponse:
    chatting.type_on(seen=seen, now=timezone.now())
    return HttpResponse(status=204)


@require_POST
@_seen
def leave(request: HttpRequest, widget: Widget, seen: Visit) -> HttpResponse:
    chatting.leave(seen=seen, now=timezone.now())
    return HttpResponse(status=204)


@require_POST
@_seen
def end(request: HttpRequest, widget: Widget, seen: Visit) -> HttpResponse:
    chatting.end(seen=seen, now=timezone.now())
    return HttpResponse(status=204)


@require_POST
@_seen
def answer(request: HttpRequest, widget: Widget, seen: Visit) -> HttpResponse:
    """Solved, or not."""
    body = _body(request)
    note = _text(body, "note")
    chatting.answer(seen=seen, solved=body.get("solved") is True, note=note, now=timezone.now())
    return _state(chatting.visit(seen.token, timezone.now()), _after(str(body.get("after", ""))))


@require_POST
@_seen
def rate(request: HttpRequest, widget: Widget, seen: Visit) -> HttpResponse:
    """The answer to what is asked at the end."""
    body = _body(request)
    score = body.get("score")
    if not isinstance(score, int) or isinstance(score, bool):
        raise Invalid.one("score", "wrong_type", expected="integer")
    chatting.rate(seen=seen, score=score, comment=_text(body, "comment"), now=timezone.now())
    return _state(seen, _after(str(body.get("after", ""))))


@csrf_exempt
@require_http_methods(["GET", "POST"])
def transcript(request: HttpRequest, key: str) -> HttpResponseBase:
    """What was said, as a file; a POST has it mailed."""
    return _mail(request, key=key) if request.method == "POST" else _download(request, key=key)


@require_GET
@_seen
def _download(request: HttpRequest, widget: Widget, seen: Visit) -> HttpResponse:
    text = queries.transcript(seen.chat, seen.ticket)
    return HttpResponse("\ufeff" + text, content_type="text/plain; charset=utf-8")


@require_POST
@_seen
def _mail(request: HttpRequest, widget: Widget, seen: Visit) -> HttpResponse:
    transcripts.ask(seen=seen, address=_text(_body(request), "address"), now=timezone.now())
    return HttpResponse(status=202)


@require_GET
def file(request: HttpRequest, key: str, signed: str) -> HttpResponseBase:
    """A file of a chat by its signed key: pictures in place, all else a download, never a page of ours."""
    found = queries.attachment(signed)
    if found is None or not files.path_of(found).exists():
        raise Http404("file")
    response = FileResponse(
        files.path_of(found).open("rb"),
        as_attachment=found.media_type not in queries.PICTURES,
        filename=found.name,
        content_type=found.media_type,
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, no-store"
    return response


def address_of(request: HttpRequest) -> str:
    return str(get_adapter().get_client_ip(request))


def _after(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1


def _state(seen: Visit, after: int, **more: Any) -> JsonResponse:
    return JsonResponse(asdict(queries.state(seen.chat, seen.ticket, after)) | more)


app_name = "chat"
urlpatterns = [
    path("<slug:key>/", page, name="page"),
    path("<slug:key>/begin", begin, name="begin"),
    path("<slug:key>/state", state, name="state"),
    path("<slug:key>/say", say, name="say"),
    path("<slug:key>/typing", type_on, name="typing"),
    path("<slug:key>/leave", leave, name="leave"),
    path("<slug:key>/end", end, name="end"),
    path("<slug:key>/answer", answer, name="answer"),
    path("<slug:key>/rate", rate, name="rate"),
    path("<slug:key>/transcript", transcript, name="transcript"),
    path("<slug:key>/files/<str:signed>", file, name="file"),
    path("<slug:key>/form", forms.show, name="form"),
]
