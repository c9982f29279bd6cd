"""Call-backs after bad ratings (差评溯源): the list by due time, and the form of one, in the dialog or as a page."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from jiying.base import fields
from jiying.base.context import actor_of
from jiying.base.errors import Refused
from jiying.base.texts import choices, term
from jiying.quality.queries import callbacks as queries
from jiying.quality.queries.callbacks import ORDERS, STATES, CallbackRow, Wanted
from jiying.quality.services import callbacks as services

TEMPLATE, FORM = "quality/callback.html", "quality/callback.html#form"
VERBS = ("tried", "reached", "close")


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """Those in one state, a page at a time."""
    actor, asked = actor_of(request), request.GET
    state, order, cause = asked.get("state", ""), asked.get("order", ""), asked.get("cause", "")
    wanted = Wanted(
        state if state in STATES else STATES[0],
        order if order in ORDERS else ORDERS[0],
        cause if cause in services.CAUSES else "",
    )
    page = queries.page(actor, wanted, asked.get("cursor", ""))
    faces = queries.faces(page.items, timezone.now())
    counts = queries.counts(actor)
    context = {
        "wanted": wanted,
        "tabs": [_tab(code, wanted.state, counts.get(code, 0)) for code in STATES],
        "rows": [{"row": one, "clock": faces.get(one.id)} for one in page.items],
        "causes": choices("callback_cause"),
        "orders": {code: _address(wanted.state, order=code) for code in ORDERS},
        "here": request.get_full_path(),
        "page": {
            "n_shown": len(page.items),
            "first_url": _address(wanted.state, wanted.order, wanted.cause) if asked.get("cursor") else "",
            "next_url": _address(wanted.state, wanted.order, wanted.cause, page.next_cursor or "")
            if page.next_cursor
            else "",
        },
    }
    return render(request, "quality/callbacks.html", context)


def _tab(code: str, active: str, n: int) -> dict[str, Any]:
    count = n if code != "closed" else ""
    return {"label": term("callback_state", code), "url": _address(code), "active": code == active, "count": count}


def _address(state: str, order: str = "due", cause: str = "", cursor: str = "") -> str:
    asked = {"state": state if state != "open" else "", "order": order if order != "due" else ""}
    kept = {name: value for name, value in {**asked, "cause": cause, "cursor": cursor}.items() if value}
    return reverse("quality:callbacks") + (f"?{urlencode(kept)}" if kept else "")


class CallbackForm(forms.Form):
    cause = fields.choice(pgettext_lazy("call-back", "Cause"), lambda: [("", "–"), *choices("callback_cause")])
    note = fields.text(
        _l("What the customer said, and what was done"),
        limit=services.MAX_NOTE,
        hint=_l("The customer does not see it."),
    )


@login_required
@require_http_methods(["GET", "POST"])
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """What was rated, and the next step: nobody reached, reached, or closed with its cause."""
    row = queries.one(actor_of(request), pk)
    if request.method == "GET":
        return _show(request, row, CallbackForm(initial={"cause": row.cause, "note": row.note}), 200)
    form = CallbackForm(request.POST)
    if not form.is_valid():
        return _show(request, row, form, 422)
    try:
        _steps(request, pk, form.cleaned_data)[request.POST.get("verb", "close")]()
    except KeyError:
        return _show(request, row, form, 422)
    except Refused as refused:
        for fault in refused.faults:
            form.add_error(fault.field if fault.field in form.fields else None, fault.text)
        return _show(request, row, form, refused.status)
    messages.success(request, _("Saved."))
    url = reverse("quality:callbacks")
    return HttpResponse(headers={"HX-Redirect": url}) if getattr(request, "htmx", False) else redirect(url)


def _steps(request: HttpRequest, pk: int, said: dict[str, str]) -> dict[str, Callable[[], object]]:
    actor, now, note = actor_of(request), timezone.now(), said["note"]
    return {
        "tried": lambda: services.tried(actor=actor, callback_id=pk, now=now),
        "reached": lambda: services.reached(actor=actor, callback_id=pk, note=note, now=now),
        "close": lambda: services.close(actor=actor, callback_id=pk, cause=said["cause"], note=note, now=now),
    }


def _show(request: HttpRequest, row: CallbackRow, form: forms.Form, status: int) -> HttpResponse:
    clock = queries.faces([row], timezone.now()).get(row.id)
    is_fragment = bool(getattr(request, "htmx", False))
    context = {"row": row, "form": form, "clock": clock}
    response = render(request, FORM if is_fragment else TEMPLATE, context, status=status)
    if is_fragment and request.method == "POST":
        response["HX-Retarget"], response["HX-Reswap"] = "#d-verb-body", "innerHTML"
    return response
