"""The agent's side of chats: the strip of one's own, who types, what is read."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from jiying.base.context import actor_of
from jiying.base.policies import require
from jiying.channels.queries import chats
from jiying.channels.services import attending


@login_required
@require_GET
def strip(request: HttpRequest) -> HttpResponse:
    """One's own open chats side by side."""
    actor = actor_of(request)
    require(actor, "desk.handle")
    return render(request, "channels/chat_strip.html", {"chats": chats.mine(actor)})


@login_required
@require_POST
def type_on(request: HttpRequest, number: str) -> HttpResponse:
    attending.type_on(actor=actor_of(request), number=number, now=timezone.now())
    return HttpResponse(status=204)


@login_required
@require_POST
def see(request: HttpRequest, number: str) -> HttpResponse:
    upto = request.POST.get("upto", "")
    last = int(upto) if upto.isascii() and upto.isdigit() and len(upto) < 19 else 0
    attending.see(actor=actor_of(request), number=number, upto=last, now=timezone.now())
    return HttpResponse(status=204)


app_name = "chats"
urlpatterns = [
    path("", strip, name="strip"),
    path("<str:number>/typing", type_on, name="typing"),
    path("<str:number>/seen", see, name="see"),
]
