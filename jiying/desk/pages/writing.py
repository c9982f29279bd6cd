"""What the composer asks for while one writes: drafts and their files, texts and people to insert, who else is here."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from jiying.base.context import actor_of
from jiying.base.errors import Invalid
from jiying.core import richtext
from jiying.desk.queries import ticket_page, writing
from jiying.desk.services import canned, drafts, watching
from jiying.desk.services.drafts import Place

_CHOICES = {"texts": writing.canned_choices, "people": writing.people_choices}
_DONE = 204


def number_of(values: Any, name: str) -> int:
    """A whole number of a form, 0 where it says none."""
    text = str(values.get(name) or "0")
    if not (text.isascii() and text.isdigit() and int(text) < 2**63):
        raise Invalid.one(name, "not_a_number", value=text[:20])
    return int(text)


def _place(request: HttpRequest, number: str) -> Place:
    return Place(number, request.POST.get("kind", ""))


@login_required
@require_POST
def save_draft(request: HttpRequest, number: str) -> HttpResponse:
    """Keep what is in the box."""
    drafts.save(
        actor=actor_of(request),
        place=_place(request, number),
        body=request.POST.get("body", ""),
        last_seen=number_of(request.POST, "last_seen"),
        now=timezone.now(),
    )
    return HttpResponse(status=_DONE)


@login_required
@require_POST
def attach(request: HttpRequest, number: str) -> HttpResponse:
    """Take a file to the draft; answers with its chip."""
    uploads = [f for f in request.FILES.getlist("files") if isinstance(f, UploadedFile)]
    kept = drafts.attach(
        actor=actor_of(request),
        place=_place(request, number),
        uploads=uploads,
        last_seen=number_of(request.POST, "last_seen"),
        now=timezone.now(),
    )
    return render(request, "desk/parts/draft_files.html", {"files": kept})


@login_required
@require_POST
def detach(request: HttpRequest, pk: int) -> HttpResponse:
    drafts.detach(actor=actor_of(request), attachment_id=pk, now=timezone.now())
    return HttpResponse()


@login_required
@require_GET
def pick(request: HttpRequest, number: str, what: str) -> HttpResponse:
    """What fits the word after a `/` or an `@`."""
    if what not in _CHOICES:
        raise Http404(what)
    actor = actor_of(request)
    ticket = ticket_page.load(actor, number)
    choices = _CHOICES[what](actor, ticket, request.GET.get("q", "")[:40])
    return render(request, "desk/parts/choices.html", {"choices": choices, "what": what})


@login_required
@require_POST
def used(request: HttpRequest, pk: int) -> HttpResponse:
    canned.used(actor=actor_of(request), pk=pk, now=timezone.now())
    return HttpResponse(status=_DONE)


@login_required
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """Markdown as it will be shown."""
    html = richtext.render(request.POST.get("body", "")[: drafts.MAX_BODY])
    return render(request, "desk/parts/preview.html", {"html": html})


@login_required
@require_POST
def watch(request: HttpRequest, number: str) -> HttpResponse:
    """The browser's heartbeat: open, and written in or not; or closed. Answers with who else is here."""
    actor, now = actor_of(request), timezone.now()
    if "leave" in request.POST:
        watching.leave(actor=actor, number=number, now=now)
        return HttpResponse(status=_DONE)
    ticket = watching.watch(actor=actor, number=number, writes="writes" in request.POST, now=now)
    found = writing.others(actor, ticket, now - watching.ALIVE)
    return render(request, "desk/parts/others.html", {"others": found})


@login_required
@require_GET
def others(request: HttpRequest, number: str) -> HttpResponse:
    actor = actor_of(request)
    found = writing.others(actor, ticket_page.load(actor, number), timezone.now() - watching.ALIVE)
    return render(request, "desk/parts/others.html", {"others": found})
