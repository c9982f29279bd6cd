"""The customer's page of a survey: opened by its link, without an account.

A GET never answers, even with a score in it: mail scanners open links.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from jiying.base.errors import Conflict, Invalid, NotFound, Refused
from jiying.core.surveys import ITEMS
from jiying.quality.queries import links
from jiying.quality.queries.links import Visit
from jiying.quality.queries.surveys import answer_page
from jiying.quality.services import answering

TEMPLATE, GONE = "quality/answer.html", "channels/portal_gone.html"


def _opened(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Opens the link for the view; neither caches nor search engines keep the page."""

    @wraps(view)
    def handle(request: HttpRequest, token: str) -> HttpResponse:
        try:
            seen = links.visit(token)
        except NotFound:
            response = render(request, GONE, status=404)
        else:
            response = view(request, seen)
        response["Cache-Control"] = "private, no-store"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return handle


@require_http_methods(["GET", "POST"])
@_opened
def show(request: HttpRequest, seen: Visit) -> HttpResponse:
    """The form; a POST is the answer."""
    if request.method == "GET":
        return _page(request, seen, score=_number(request.GET.get("score")))
    try:
        if request.user.is_authenticated:
            raise Conflict.one("survey_staff")
        answering.answer(actor=seen.actor, number=seen.survey.ticket.number, given=_given(request), now=timezone.now())
    except Refused as refused:
        written = request.POST.get("comment", "")
        return _page(
            request, seen, refused.status, score=_number(request.POST.get("score")), refused=refused, written=written
        )
    response = redirect("survey:show", seen.token)
    response["Location"] += "?said=thanks"
    return response


def _given(request: HttpRequest) -> answering.Given:
    score = _number(request.POST.get("score"))
    if score is None:
        raise Invalid.one("score", "survey_choose")
    marks = {name: _number(request.POST.get(name)) for name in ITEMS}
    comment = request.POST.get("comment", "").replace("\r\n", "\n")
    return answering.Given(score, {name: n for name, n in marks.items() if n is not None}, comment)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 3 else None


def _page(
    request: HttpRequest, seen: Visit, status: int = 200, *, score: int | None = None, **more: Any
) -> HttpResponse:
    about = {
        "page": answer_page(seen.survey, timezone.now(), score),
        "token": seen.token,
        "said": request.GET.get("said", ""),
        "looks_on": request.user.is_authenticated,
    }
    return render(request, TEMPLATE, about | more, status=status)


app_name = "survey"
urlpatterns = [path("<str:token>/", show, name="show")]
