"""How pages of the desk answer: where to go next, fragment or whole page, a form with its faults in place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from jiying.base.errors import Refused


def is_fragment(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))


def next_url(request: HttpRequest) -> str:
    """The page to go back to, if it was named and is one of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    return wanted if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()) else ""


def go(request: HttpRequest, url: str, message: str = "") -> HttpResponse:
    """To another page, with a word of what was done there."""
    if message:
        messages.success(request, message)
    if is_fragment(request):
        return _stay(request) if _is_there(request, url) else HttpResponse(headers={"HX-Redirect": url})
    return redirect(url)


def _is_there(request: HttpRequest, url: str) -> bool:
    """Whether the form was opened over a board that fetches itself anew: nobody is sent away from where they are."""
    here, there = urlsplit(request.headers.get("HX-Current-URL", "")).path, urlsplit(url).path
    return here == there and here in (reverse("desk:supervise"), reverse("desk:asked"))


def _stay(request: HttpRequest) -> HttpResponse:
    """The dialog closes and the page's live parts are fetched; scroll, opened cards and the chosen row stay."""
    response = render(request, "desk/parts/stayed.html")
    response["HX-Reswap"], response["HX-Trigger"] = "none", '{"jy:stay": {"target": "body"}}'
    return response


@dataclass(frozen=True)
class Task:
    """A form in a dialog, or as a page of its own: what it asks, what it runs, what its answer is."""

    title: str
    submit: str
    action: str
    make: Callable[..., forms.Form]
    run: Callable[[dict[str, Any]], object]
    done: Callable[[], HttpResponse]
    extra: Mapping[str, Any] = field(default_factory=dict)
    is_danger: bool = False
    text: str = ""
    target: str = "#ticket"  # what an htmx answer replaces
    revision: Callable[[], int] | None = None  # of now, where the form carries the one that it was made from


TEMPLATE, FORM = "desk/verb.html", "desk/verb.html#form"


def ask(request: HttpRequest, task: Task) -> HttpResponse:
    """Show the form, or run it; what is wrong stands in the form, which keeps what was filled in."""
    if request.method != "POST":
        return _show(request, task, task.make(), 200)
    form = task.make(data=request.POST)
    if not form.is_valid():
        return _show(request, task, form, 422)
    try:
        task.run(form.cleaned_data)
    except Refused as refused:
        for fault in refused.faults:
            text = _renewed(form, task.revision()) if fault.code == "stale" and task.revision else fault.text
            form.add_error(fault.field if fault.field in form.fields else None, text)
        return _show(request, task, form, refused.status)
    return task.done()


def _renewed(form: forms.Form, revision: int) -> str:
    """Others changed it meanwhile: what was filled in stays, and pressing again after a look is no dead end."""
    if isinstance(form.data, QueryDict):
        form.data = form.data.copy()
        form.data["revision"] = str(revision)
    return _("The ticket changed meanwhile. Look at what is new, then press again to do it all the same.")


def _show(request: HttpRequest, task: Task, form: forms.Form, status: int) -> HttpResponse:
    context = {"task": task, "form": form, "next": next_url(request), **task.extra}
    response = render(request, FORM if is_fragment(request) else TEMPLATE, context, status=status)
    if is_fragment(request) and request.method == "POST":
        response["HX-Retarget"], response["HX-Reswap"] = "#d-verb-body", "innerHTML"
    return response
