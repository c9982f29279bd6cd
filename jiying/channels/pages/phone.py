"""Calls: the list of those to be called back (/calls/), and the form that wraps a call up."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base import texts
from jiying.base.context import actor_of
from jiying.base.errors import NotFound, Refused
from jiying.channels.queries import phone as queries
from jiying.channels.services import call_backs, extensions, wrap_ups
from jiying.desk.models import Ticket
from jiying.desk.queries import categories

TEMPLATE, FORM = "channels/wrap_up.html", "channels/wrap_up.html#form"


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """Who is to be called back, the most urgent first."""
    actor = actor_of(request)
    context = {"board": queries.board(actor, timezone.now()), "extension": queries.own_extension(actor)}
    return render(request, "channels/calls.html", context)


_VERBS: dict[str, tuple[Callable[..., Any], Any]] = {
    "claim": (call_backs.claim, _l("They are yours to call.")),
    "reached": (call_backs.reached, _l("Done.")),
    "not-reached": (call_backs.not_reached, _l("Back on the list for a later try.")),
    "release": (call_backs.release, _l("Back on the list.")),
}


@login_required
@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """One of the verbs of a call-back; back to the list with a word of what came of it."""
    run, said = _VERBS[verb]
    try:
        run(actor=actor_of(request), call_back_id=pk, now=timezone.now())
    except Refused as refused:
        if refused.status != 409:
            raise
        messages.warning(request, refused.text)
    else:
        messages.success(request, str(said))
    return redirect("calls:show")


class WrapUpForm(forms.Form):
    result = forms.ChoiceField(label=_l("Result"), widget=forms.Select(attrs={"class": "form-select"}))
    category = forms.ChoiceField(
        label=_l("Category"), required=False, widget=forms.Select(attrs={"class": "form-select"})
    )
    note = forms.CharField(
        label=_l("What was said"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 4}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["result"].choices = texts.choices("call_result")  # type: ignore[attr-defined]
        named = [(choice.path, choice.label) for choice in categories.choices()]
        self.fields["category"].choices = [("", _("as it is")), *named]  # type: ignore[attr-defined]


@login_required
@require_http_methods(["GET", "POST"])
def wrap_up(request: HttpRequest, pk: int) -> HttpResponse:
    """In the ticket's dialog, or as a page of its own."""
    call = queries.call(actor_of(request), pk)
    if not call.may_wrap_up:
        raise NotFound("phone_call", pk)
    ticket = Ticket.objects.get(number=call.ticket)
    if request.method == "GET":
        return _form(request, WrapUpForm(initial={"category": ticket.category}), call, 200)
    form = WrapUpForm(request.POST)
    if not form.is_valid():
        return _form(request, form, call, 422)
    try:
        done = wrap_ups.WrapUp(**form.cleaned_data)
        wrap_ups.wrap_up(actor=actor_of(request), call_id=pk, done=done, now=timezone.now())
    except Refused as refused:
        for fault in refused.faults:
            form.add_error(fault.field if fault.field in form.fields else None, fault.text)
        return _form(request, form, call, refused.status)
    url = reverse("desk:ticket", args=[call.ticket])
    messages.success(request, _("The call is wrapped up."))
    return HttpResponse(headers={"HX-Redirect": url}) if getattr(request, "htmx", False) else redirect(url)


@login_required
@require_GET
def wrap_up_mine(request: HttpRequest) -> HttpResponse:
    """The form of one's own call that has just ended, for the dialog; nothing where it is wrapped up already."""
    call = queries.to_wrap_up(actor_of(request), timezone.now())
    if call is None:
        return HttpResponse(status=204)
    ticket = Ticket.objects.get(number=call.ticket)
    return _form(request, WrapUpForm(initial={"category": ticket.category}), call, 200)


@login_required
@require_POST
def sit(request: HttpRequest) -> HttpResponse:
    """One's own extension."""
    try:
        number = extensions.choose(
            actor=actor_of(request), number=request.POST.get("extension", ""), now=timezone.now()
        )
    except Refused as refused:
        if refused.status not in (409, 422):
            raise
        messages.warning(request, refused.text)
    else:
        said = _("Calls at extension %(number)s pop up on your screen now.") % {"number": number}
        messages.success(request, said if number else _("Your own extension is as your administrator set it up."))
    return redirect("calls:show")


def _form(request: HttpRequest, form: forms.Form, call: queries.CallRow, status: int) -> HttpResponse:
    is_part = getattr(request, "htmx", False)
    response = render(request, FORM if is_part else TEMPLATE, {"form": form, "call": call}, status=status)
    if is_part and request.method == "POST":
        response["HX-Retarget"], response["HX-Reswap"] = "#d-verb-body", "innerHTML"
    return response


app_name = "calls"
urlpatterns = [
    path("", show, name="show"),
    path("extension", sit, name="sit"),
    path("wrap-up", wrap_up_mine, name="wrap_up_mine"),
    path("<int:pk>/wrap-up", wrap_up, name="wrap_up"),
    *(path(f"<int:pk>/{verb}", act, {"verb": verb}, name=verb.replace("-", "_")) for verb in _VERBS),
]
