"""The customer's page of a ticket, opened by a signed link without an account. Whoever is signed in only looks on."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from jiying.base import files
from jiying.base.errors import Conflict, NotFound, Refused
from jiying.channels.queries import portal as queries
from jiying.channels.services import portal as services
from jiying.channels.services.portal import Visit

TEMPLATE, LIVE, GONE = "channels/portal.html", "channels/portal.html#live", "channels/portal_gone.html"
MAX_NOTE = 2000


def _opened(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Opens the link for the view. Neither caches nor search engines keep a page whose address is its key."""

    @wraps(view)
    def handle(request: HttpRequest, token: str, **rest: Any) -> HttpResponseBase:
        try:
            seen = services.visit(token, timezone.now())
        except NotFound:
            response: HttpResponseBase = render(request, GONE, status=404)
        else:
            response = view(request, seen, **rest)
        response["Cache-Control"] = "private, no-store"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return handle


@require_GET
@_opened
def show(request: HttpRequest, seen: Visit) -> HttpResponse:
    return _page(request, seen, said=request.GET.get("said", ""))


@require_GET
@_opened
def live(request: HttpRequest, seen: Visit) -> HttpResponse:
    """State and conversation, if they are newer than what the page has."""
    page = queries.page(seen.ticket, timezone.now())
    if request.GET.get("v") == page.version:
        return HttpResponse(status=204)
    return render(request, LIVE, {"page": page, "token": seen.token, "looks_on": request.user.is_authenticated})


@require_POST
@_opened
def say(request: HttpRequest, seen: Visit) -> HttpResponse:
    body = request.POST.get("body", "")
    uploads = request.FILES.getlist("files")
    return _do(
        request, seen, lambda: services.say(seen=seen, body=body, uploads=uploads, now=timezone.now()), "sent", body
    )


@require_POST
@_opened
def confirm(request: HttpRequest, seen: Visit) -> HttpResponse:
    return _do(request, seen, lambda: services.confirm(seen=seen, now=timezone.now()), "solved")


@require_POST
@_opened
def reject(request: HttpRequest, seen: Visit) -> HttpResponse:
    note = request.POST.get("note", "")[:MAX_NOTE]
    return _do(request, seen, lambda: services.reject(seen=seen, note=note, now=timezone.now()), "not_solved")


@require_POST
@_opened
def offer(request: HttpRequest, seen: Visit, offer_id: int) -> HttpResponse:
    """Accept or refuse what was offered."""
    answer, note = request.POST.get("answer", ""), request.POST.get("note", "")[:MAX_NOTE]

    def run() -> object:
        return services.answer_offer(seen=seen, offer_id=offer_id, answer=answer, note=note, now=timezone.now())

    return _do(request, seen, run, "offer")


@require_GET
@_opened
def file(request: HttpRequest, seen: Visit, pk: int) -> HttpResponseBase:
    """Always a download, never a page of ours."""
    found = queries.attachment(seen.ticket, pk)
    if found is None or not files.path_of(found).exists():
        raise Http404(str(pk))
    response = FileResponse(
        files.path_of(found).open("rb"), as_attachment=True, filename=found.name, content_type=found.media_type
    )
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _do(request: HttpRequest, seen: Visit, run: Callable[[], object], said: str, written: str = "") -> HttpResponse:
    """Run a verb of the customer; what is wrong stands above the form, which keeps what was written."""
    try:
        if request.user.is_authenticated:
            raise Conflict.one("portal_staff")
        run()
    except Refused as refused:
        seen.ticket.refresh_from_db()
        return _page(request, seen, refused.status, refused=refused, written=written)
    response = redirect("portal:show", seen.token)
    response["Location"] += f"?said={said}"
    return response


def _page(request: HttpRequest, seen: Visit, status: int = 200, **more: Any) -> HttpResponse:
    page = queries.page(seen.ticket, timezone.now())
    about = {"page": page, "token": seen.token, "accept": files.ACCEPT, "looks_on": request.user.is_authenticated}
    return render(request, TEMPLATE, about | more, status=status)


app_name = "portal"
urlpatterns = [
    path("<str:token>/", show, name="show"),
    path("<str:token>/live", live, name="live"),
    path("<str:token>/say", say, name="say"),
    path("<str:token>/solved", confirm, name="confirm"),
    path("<str:token>/not-solved", reject, name="reject"),
    path("<str:token>/offers/<int:offer_id>", offer, name="offer"),
    path("<str:token>/files/<int:pk>", file, name="file"),
]
