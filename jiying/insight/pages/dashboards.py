"""Dashboards: one's own arrangement of cards, each with its chart, its rows and its file; arranging them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base.actor import Actor
from jiying.base.context import actor_of
from jiying.base.errors import Invalid, NotFound, Refused
from jiying.base.models import Team
from jiying.base.texts import term
from jiying.core.metrics import KPIS
from jiying.core.metrics.correlation import METHODS
from jiying.core.periods import RECENT
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.policies import scope
from jiying.desk.queries import categories
from jiying.insight.queries import (
    arrangements,
    card_charts,
    card_tables,
    card_words,
    cards,
    dashboards,
    kpis,
    reports,
    wording,
)
from jiying.insight.queries.arrangements import KeptCard
from jiying.insight.queries.cards import Card
from jiying.insight.queries.dashboards import CardData, Spread
from jiying.insight.queries.reports import KpiFigure
from jiying.insight.services import arranging, card_book
from jiying.warehouse import reader

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    part, held = scope(actor), arrangements.of(actor)
    about = {
        "is_arranging": request.GET.get("arrange") == "1",
        "is_own": held.is_own,
        "is_full": len(held.cards) >= cards.MAX_CARDS,
    }
    try:
        at = reader.state().at
        found = [
            _shown(one, dashboards.data(part, one.card, now), dashboards.spread(part, one.card, now))
            for one in held.cards
        ]
    except reader.Missing as missing:
        return render(request, "insight/dashboard.html", {"why": str(missing)}, status=503)
    return render(request, "insight/dashboard.html", {**about, "cards": found, "at": at})


@login_required
@require_GET
def file(request: HttpRequest) -> HttpResponse:
    """A card's rows as a workbook."""
    part, card = scope(actor_of(request)), cards.read(request.GET)
    try:
        found = dashboards.data(part, card, timezone.now())
    except reader.Missing as missing:
        return render(request, "insight/dashboard.html", {"why": str(missing)}, status=503)
    response = HttpResponse(card_book.make(found), content_type=_XLSX)
    name = f"{card.kind}-{card.kpi.replace('.', '-')}-{found.first}-{found.last}.xlsx"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# --- arranging -------------------------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest) -> HttpResponse:
    """The form of a card: a new one, or (`key`) one of one's own."""
    actor, key = actor_of(request), _key(request.GET)
    held = {one.key: one.card for one in arrangements.of(actor).cards}
    if key is not None and key not in held:
        raise NotFound("card", key)
    if request.method == "GET":
        return _form(request, actor, cards.asked(held[key]) if key is not None else request.GET.dict(), key, None)
    given = request.POST.dict()
    try:
        card, now = cards.read(given), timezone.now()
        if key is None:
            key = arranging.add(actor=actor, card=card, now=now).cards[-1].key
        else:
            arranging.change(actor=actor, key=key, card=card, now=now)
    except Refused as refused:
        return _form(request, actor, given, key, refused)
    return _back(key)


@login_required
@require_POST
def arrange(request: HttpRequest) -> HttpResponse:
    """A button of a card (`up`, `down`, `size`, `remove`), or back to the usual arrangement (`reset`)."""
    actor, now, action = actor_of(request), timezone.now(), request.POST.get("action", "")
    if action == "reset":
        arranging.reset(actor=actor, now=now)
        return _back(None)
    if action not in _ACTIONS:
        raise Invalid.one("action", "unknown_value", value=action[:40], known=", ".join((*_ACTIONS, "reset")))
    key = _key(request.POST)
    if key is None:
        raise Invalid.one("key", "required", field="key")
    _ACTIONS[action](actor, key, now)
    return _back(None if action == "remove" else key)


_ACTIONS: dict[str, Callable[[Actor, int, datetime], object]] = {
    "up": lambda actor, key, now: arranging.move(actor=actor, key=key, by=-1, now=now),
    "down": lambda actor, key, now: arranging.move(actor=actor, key=key, by=1, now=now),
    "size": lambda actor, key, now: arranging.resize(actor=actor, key=key, now=now),
    "remove": lambda actor, key, now: arranging.remove(actor=actor, key=key, now=now),
}


def _key(given: QueryDict) -> int | None:
    text = given.get("key", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid.one("key", "not_a_number", value=text[:40])
    return int(text)


def _back(key: int | None) -> HttpResponse:
    return redirect(f"{reverse('dashboards:show')}?arrange=1{'' if key is None else f'#card-{key}'}")


def _form(
    request: HttpRequest, actor: Actor, given: dict[str, str], key: int | None, refused: Refused | None
) -> HttpResponse:
    """What was chosen stays chosen; unknown values fall back to the usual ones."""
    usual = Card(kind="trend", other="first_response_time")
    chosen = {name: given.get(name) or getattr(usual, name, "") for name in (*_FIELDS, *reports.FILTERS)}
    context = {
        "key": key,
        "refused": refused,
        "fields": [
            {"name": name, "label": label, "of": of, "chosen": chosen[name], "options": options}
            for name, label, of, options in _fields()
        ],
        "filters": [
            {"name": name, "label": term("report_any", name), "chosen": chosen[name], "options": options}
            for name, options in _filters(actor)
        ],
    }
    return render(request, "insight/card_form.html", context, status=refused.status if refused else 200)


_FIELDS = ("kind", "kpi", "other", "period", "step", "by", "across", "method", "size")


def _fields() -> list[tuple[str, str, str, list[tuple[str, str]]]]:
    """(name, label, of which kinds, options)."""
    library = [(key, kpis.name(key)) for key in KPIS]
    return [
        ("kind", _("Chart"), "", [(code, term("card_kind", code)) for code in cards.KINDS]),
        ("kpi", "KPI", "trend slices heat correlation", library),
        ("other", _("Second KPI"), "correlation", library),
        ("period", _("Period"), "", [(code, term("card_period", code)) for code in RECENT]),
        ("step", _("Points"), "trend", [(code, term("card_step", code)) for code in cards.STEPS]),
        ("by", _("Cut by"), "slices", [(code, term("report_filter", code)) for code in cards.BY]),
        ("across", _("Columns"), "heat", [(code, term("card_across", code)) for code in cards.ACROSS]),
        ("method", _("Coefficient"), "correlation", [(code, term("card_method", code)) for code in METHODS]),
        ("size", _("Width"), "", [(code, term("card_size", code)) for code in cards.SIZES]),
    ]


def _filters(actor: Actor) -> list[tuple[str, list[tuple[str, str]]]]:
    part = scope(actor)
    teams = Team.objects.order_by("name") if part.team_id is None else Team.objects.filter(pk=part.team_id)
    return [
        ("channel", [(code, term("channel", code)) for code in CHANNELS]),
        ("priority", [(code, f"{code} {term('priority', code)}") for code in PRIORITIES]),
        ("team", [(str(team.pk), team.name) for team in teams]),
        ("category", [(choice.path, choice.label) for choice in categories.choices()]),
    ]


# --- what templates show ---------------------------------------------------------------------------------------------


def _shown(kept: KeptCard, data: CardData, spread: Spread | None) -> dict[str, Any]:
    """A card in words, with the addresses of its file and of the tickets behind it."""
    card = data.card
    return {
        "key": kept.key,
        "card": card,
        "title": card_tables.title(card),
        "hint": kpis.hint(card.kpi),
        "period": f"{data.first} – {data.last}",
        "stretch": term("card_period", card.period),
        "slices": [word for _name, word in card_words.slices(card)],
        "figures": [_figure(data, one) for one in _figures(data)],
        "spread": _spread(card.kpi, spread) if spread else None,
        "chart_id": f"chart-{kept.key}",
        "chart": card_charts.chart(data),
        "table": card_tables.table(data),
        "is_open": card.kind in ("heat", "topics"),  # their table is their chart
        "sentences": card_words.sentences(data),
        "n_out": data.trend.n_out if data.trend else data.topics.n_hot if data.topics else 0,
        "file_url": f"{reverse('dashboards:file')}?{urlencode(cards.asked(card))}",
        "edit_url": f"{reverse('dashboards:edit')}?key={kept.key}",
    }


def _figures(data: CardData) -> list[KpiFigure]:
    if data.correlation:
        return [data.correlation.figure, data.correlation.other_figure]
    held = data.trend or data.slices or data.heat or data.topics
    return [held.figure] if held else []


def _figure(data: CardData, row: KpiFigure) -> dict[str, Any]:
    counts = f"{row.hits}/{row.n}" if row.hits is not None else ""
    return {
        "row": row,
        "name": kpis.name(row.kpi),
        "hint": kpis.hint(row.kpi),
        "text": wording.told(row.kpi, row.value),
        "counts": f"{counts} · {row.low}–{row.high}%" if row.low is not None else counts,
        "url": card_tables.whole_url(data, row.kpi) if row.n else "",
    }


def _spread(key: str, found: Spread) -> dict[str, str]:
    near = _("Within %(error)s of the exact value, from what is kept of each day. Reports count each ticket.")
    sign = "≈ " if found.is_near else ""
    return {
        "median": sign + wording.told(key, found.median),
        "p90": sign + wording.told(key, found.p90),
        "hint": near % {"error": "2%"} if found.is_near else "",
    }


app_name = "dashboards"
urlpatterns = [
    path("", show, name="show"),
    path("card/", edit, name="edit"),
    path("card.xlsx", file, name="file"),
    path("arrange", arrange, name="arrange"),
]
