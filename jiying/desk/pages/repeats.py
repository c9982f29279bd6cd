"""Repeat contacts (重复进线): what came again within a day, and why; the cause is named here, or that it is none."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from jiying.alerts.texts import duration
from jiying.base.context import actor_of
from jiying.base.texts import term
from jiying.desk import forms as desk_forms
from jiying.desk.pages import filtering
from jiying.desk.pages.answers import Task, ask, go, next_url
from jiying.desk.queries import categories
from jiying.desk.queries import repeats as queries
from jiying.desk.services import repeats

DAYS = (7, 30, 90)  # how far back the list may be cut


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The ones in one state, a page at a time."""
    actor = actor_of(request)
    wanted = request.GET.get("state", "")
    state = wanted if wanted in queries.STATES else "open"
    cursor = request.GET.get("cursor", "")
    choices = categories.choices()
    names = {choice.path: choice.label for choice in choices}
    asked = request.GET.get("days", "")
    category, days = request.GET.get("category", ""), int(asked) if asked in map(str, DAYS) else 0
    kept = {"category": category if category in names else "", "days": str(days or "")}
    page = queries.page(actor, queries.Wanted(state, kept["category"], days), timezone.now(), cursor)
    url = reverse("desk:repeats")
    context = {
        "state": state,
        "asked": kept,
        "is_narrowed": any(kept.values()),
        "categories": choices,
        "days": DAYS,
        "here": request.get_full_path(),
        "rows": [{"row": row, "why": _why(row, names), "gap": duration(row.gap_s)} for row in page.items],
        "tabs": [_tab(url, code, state, queries.n_open(actor), kept) for code in queries.STATES],
        "page": {
            "n_shown": len(page.items),
            "first_url": filtering.address(url, {"state": state, **kept}) if cursor else "",
            "next_url": filtering.address(url, {"state": state, **kept, "cursor": page.next_cursor or ""})
            if page.next_cursor
            else "",
        },
    }
    return render(request, "desk/repeats.html", context)


def _tab(url: str, code: str, state: str, n_open: int, kept: dict[str, str]) -> dict[str, Any]:
    return {
        "label": term("repeat_state", code),
        "url": filtering.address(url, {"state": "" if code == "open" else code, **kept}),
        "active": code == state,
        "count": n_open if code == "open" else "",
    }


def _why(row: queries.RepeatRow, names: dict[str, str]) -> str:
    if row.by == "category":
        return _("Same category: %(category)s") % {"category": names.get(row.category, row.category)}
    return _("Similar wording: %(n)s%%") % {"n": row.likeness}


@login_required
@require_http_methods(["GET", "POST"])
def cause(request: HttpRequest, pk: int) -> HttpResponse:
    """Why the customer had to come again."""
    actor = actor_of(request)
    row = queries.one(actor, pk)
    initial = {"cause": row.cause, "note": row.note}
    task = Task(
        title=_("Root cause of the repeat contact"),
        submit=_("Save"),
        action=reverse("desk:repeat_cause", args=[pk]),
        make=lambda **kwargs: desk_forms.RepeatCauseForm(initial=initial, **kwargs),
        run=lambda values: repeats.name_cause(actor=actor, link_id=pk, **values, now=timezone.now()),
        done=lambda: _back(request),
        text=_both(row),
    )
    return ask(request, task)


@login_required
@require_http_methods(["GET", "POST"])
def dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    """It only looks like the same problem."""
    actor = actor_of(request)
    row = queries.one(actor, pk)
    task = Task(
        title=_("Not a repeat contact"),
        submit=_("Not a repeat"),
        action=reverse("desk:repeat_dismiss", args=[pk]),
        make=desk_forms.DismissForm,
        run=lambda values: repeats.dismiss(actor=actor, link_id=pk, **values, now=timezone.now()),
        done=lambda: _back(request),
        text=_both(row),
    )
    return ask(request, task)


def _both(row: queries.RepeatRow) -> str:
    """The two tickets that the form is about, the later one first."""
    return "\n".join(f"{half.number} {half.subject}" for half in (row.later, row.earlier))


def _back(request: HttpRequest) -> HttpResponse:
    return go(request, next_url(request) or reverse("desk:repeats"), _("Saved."))
