"""Results of surveys: figures by group, each opening its answers; and the list of answers."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.views.decorators.http import require_GET, require_POST

from jiying.base.context import actor_of
from jiying.base.policies import has
from jiying.base.texts import term
from jiying.core.surveys import SCALES
from jiying.desk.queries import categories
from jiying.quality.pages import tabs
from jiying.quality.policies import EDIT, RESULTS
from jiying.quality.queries import figures as figure_queries
from jiying.quality.queries import surveys as queries
from jiying.quality.queries.figures import BY, FigureRow
from jiying.quality.queries.surveys import SHOWN, Wanted
from jiying.quality.services import exporting

DAYS = (7, 30, 90, 365)
MEDIA = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The whole, and one row for each team, agent, channel, category or week."""
    actor = actor_of(request)
    if not has(actor, RESULTS) and has(actor, EDIT):
        return redirect("quality:designs")
    wanted = _wanted(request)
    asked = request.GET.get("by", "")
    by = asked if asked in BY else BY[0]
    found = figure_queries.figures(actor, wanted, by, timezone.now())
    context = {
        **_frame(request, wanted),
        "tabs": tabs(actor, "results"),
        "by": by,
        "bys": BY,
        "whole": _figure(found.whole, wanted, ""),
        "rows": [_figure(one, wanted, by) for one in found.items],
        "is_nps": wanted.kind == "nps",
    }
    return render(request, "quality/results.html", context)


@login_required
@require_GET
def answers(request: HttpRequest) -> HttpResponse:
    """What customers said, or all whom a figure counts."""
    actor, wanted = actor_of(request), _wanted(request)
    page = queries.answers(actor, wanted, timezone.now(), request.GET.get("cursor", ""))
    names = {choice.path: choice.label for choice in categories.choices()}
    context = {
        **_frame(request, wanted),
        "tabs": tabs(actor, "answers"),
        "shown": SHOWN,
        "group": _group(wanted),
        "ungrouped_url": _address("quality:answers", wanted, by="", value=""),
        "rows": [{"row": one, "category": names.get(one.category, one.category)} for one in page.items],
        "page": {
            "n_shown": len(page.items),
            "first_url": _address("quality:answers", wanted) if request.GET.get("cursor") else "",
            "next_url": _address("quality:answers", wanted, cursor=page.next_cursor) if page.next_cursor else "",
        },
    }
    return render(request, "quality/answers.html", context)


@login_required
@require_POST
def export(request: HttpRequest) -> HttpResponse:
    """The answers of the list, or the table of figures, as a file."""
    actor, now, asked = actor_of(request), timezone.now(), request.POST
    wanted, form = _read(asked), asked.get("format", "xlsx")
    if asked.get("what") == "figures":
        by = asked.get("by", "")
        made = exporting.figures(actor=actor, wanted=wanted, by=by if by in BY else BY[0], form=form, now=now)
    else:
        plain = asked.get("plain") == "on"
        made = exporting.answers(actor=actor, wanted=wanted, form=form, plain=plain, now=now)
    name = f"surveys-{timezone.localtime(now):%Y%m%d-%H%M%S}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(made, content_type=MEDIA[form], headers=headers)


def _wanted(request: HttpRequest) -> Wanted:
    return _read(request.GET)


def _read(asked: QueryDict) -> Wanted:
    """As the address says; what it does not know is left at the usual."""
    kind, days, show = asked.get("kind", ""), asked.get("days", ""), asked.get("show", "")
    by, value = asked.get("by", ""), asked.get("value", "")[:120]
    has_group = by in BY and "value" in asked and "\x00" not in value
    return Wanted(
        kind=kind if kind in SCALES else "rating",
        days=int(days) if days in map(str, DAYS) else 30,
        by=by if has_group else "",
        value=value if has_group else "",
        show=show if show in SHOWN else SHOWN[0],
    )


def _frame(request: HttpRequest, wanted: Wanted) -> dict[str, Any]:
    rights = actor_of(request).rights
    may = {"may_export": exporting.RIGHT in rights, "may_reveal": "desk.reveal" in rights}
    return {"wanted": wanted, "kinds": tuple(SCALES), "days": DAYS, **may}


def _address(name: str, wanted: Wanted, **changed: Any) -> str:
    """The address of a list; what is usual is left out."""
    values = {n: getattr(wanted, n) for n in ("kind", "days", "by", "value", "show")} | changed
    usual = {"kind": "rating", "days": 30, "by": "", "show": SHOWN[0], "cursor": None}
    if not values["by"]:
        values.pop("value")
    kept = {name: value for name, value in values.items() if value != usual.get(name, object())}
    return reverse(name) + (f"?{urlencode(kept)}" if kept else "")


def _figure(one: FigureRow, wanted: Wanted, by: str) -> dict[str, Any]:
    """A row in words; each number knows the answers that it counts."""
    urls = {f"{band}_url": _address("quality:answers", wanted, by=by, value=one.value, show=band) for band in SHOWN}
    return {
        "row": one,
        "response": _percent(one.response_rate),
        "mean": "–" if one.mean is None else number_format(one.mean, 2),
        "good": _percent(one.good_rate),
        "range": "" if one.good_low is None else f"{_percent(one.good_low)} – {_percent(one.good_high)}",
        "nps": "–" if one.nps is None else f"{one.nps:+.0f}",
        **urls,
    }


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f}%"


def _group(wanted: Wanted) -> str:
    """The group that the list is cut to, in words."""
    if not wanted.by:
        return ""
    label = figure_queries.label(wanted.by, wanted.value)
    return f"{term('survey_by', wanted.by)}: {label}"
