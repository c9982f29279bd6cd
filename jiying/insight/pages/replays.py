"""Replay (推演): what to try out, the figures beside what happened, the tickets behind each, and a workbook."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base import texts
from jiying.base.actor import Actor
from jiying.base.context import actor_of
from jiying.base.errors import Fault, Invalid, Refused
from jiying.base.models import VersionedDocument
from jiying.clocks import queries as clocks
from jiying.core.standards import CHANNELS, PRIORITIES, TICKET_METRICS
from jiying.core.standards.what_if import Cell
from jiying.desk.policies import WATCHING, scope
from jiying.desk.queries import priority_rules
from jiying.desk.services.rules import READING
from jiying.insight import forms
from jiying.insight.queries import replay_book, replays
from jiying.insight.queries.rejudged import LISTED as MOVED
from jiying.insight.queries.replay_portions import LISTED
from jiying.insight.queries.replays import Compared, MetricRow, ReplayRow, Slice
from jiying.insight.services import replaying, sharing
from jiying.warehouse import reader

DAYS = 30
State = VersionedDocument.State
_TRIED = {"standard": "standard", "calendar": "calendar", "priority": "rules"}  # kind of document: field of the form
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@login_required
@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """What to try out, and the last replays."""
    actor = actor_of(request)
    scope(actor)
    if request.method == "POST":
        try:
            draft, since, until = read(request)
            made = replaying.start(actor=actor, draft=draft, since=since, until=until, now=timezone.now())
            return redirect("replays:show", made.pk)
        except Refused as refused:
            return _form(request, actor, refused)
    return _form(request, actor, None)


def _form(request: HttpRequest, actor: Actor, refused: Refused | None) -> HttpResponse:
    given = request.POST if request.method == "POST" else request.GET
    today = timezone.localdate()
    context = {
        "refused": refused,
        "standards": clocks.history("standard", clocks.STANDARD),
        "calendars": _calendars(),
        "rules": priority_rules.history() if actor.rights.intersection(READING) else [],
        "asked": {
            "standard": given.get("standard", ""),
            "calendar": given.get("calendar", ""),
            "rules": given.get("rules", ""),
            "since": given.get("since") or (today - timedelta(days=DAYS)).isoformat(),
            "until": given.get("until") or today.isoformat(),
            "channel": given.get("channel", ""),
            "priority": given.get("priority", ""),
            "metric": given.get("metric", "first_response"),
            "minutes": given.get("minutes", ""),
        },
        "channels": texts.choices("channel"),
        "priorities": PRIORITIES,
        "metrics": [(m, texts.term("metric", m)) for m in TICKET_METRICS],
        "rows": [(row, replay_book.words(row)) for row in replays.latest(actor)],
        "missing": _missing(),
    }
    return render(request, "insight/replays.html", context, status=refused.status if refused else 200)


def _missing() -> str:
    try:
        reader.state()
    except reader.Missing as missing:
        return missing.text
    return ""


def _calendars() -> list[tuple[str, str]]:
    """Versions of calendars, those given up aside: (what the form sends, label)."""
    rows = VersionedDocument.objects.filter(kind="calendar").exclude(state=State.REJECTED).order_by("key", "-number")
    return [
        (f"{one.key}:{one.number}", f"{one.title or one.key} v{one.number} · {texts.term('document_state', one.state)}")
        for one in rows[:40]
    ]


def read(request: HttpRequest) -> tuple[replaying.Draft, datetime, datetime]:
    """What the form says; raises Invalid with every fault."""
    post, faults = request.POST, []
    found: dict[str, Any] = {}
    for name in ("since", "until"):
        try:
            found[name] = date.fromisoformat(post.get(name, ""))
        except ValueError:
            faults.append(Fault(name, "replay_date", {"value": post.get(name, "")[:40]}))
        else:
            if not replaying.YEARS[0] < found[name].year < replaying.YEARS[1]:  # beyond, instants have no day after
                faults.append(Fault(name, "replay_date", {"value": post[name]}))
    key, _colon, version = post.get("calendar", "").partition(":")
    numbers = {name: post.get(name, "").strip() for name in ("standard", "rules", "minutes")} | {"calendar": version}
    for name, text in numbers.items():
        if text and not (text.isascii() and text.isdigit() and len(text) < 8):
            faults.append(Fault(name, "not_a_number", {"value": text[:40]}))
    if faults:
        raise Invalid(*faults)
    cell = None
    if numbers["minutes"]:
        about = post.get("channel", "") or None, post.get("priority", "") or None
        cell = Cell(*about, post.get("metric", ""), int(numbers["minutes"]))
    draft = replaying.Draft(int(numbers["standard"] or 0), key, int(version or 0), cell, int(numbers["rules"] or 0))
    zone = timezone.get_current_timezone()
    since = datetime.combine(found["since"], time(), zone)
    return draft, since, datetime.combine(found["until"] + timedelta(days=1), time(), zone)


@login_required
@require_GET
def show(request: HttpRequest, replay_id: int) -> HttpResponse:
    """One replay; asked again every second while the worker computes it."""
    row = replays.of(actor_of(request), replay_id)
    chosen = next((m for m in row.metrics if m.metric == request.GET.get("metric")), None)
    chosen = chosen or (row.metrics[0] if row.metrics else None)
    context = {
        "row": row,
        "words": replay_book.words(row),
        "again": reverse("replays:index") + "?" + urlencode(_again(row)),
        "until_day": row.until - timedelta(seconds=1),
        "metrics": row.metrics,
        "chosen": chosen,
        "priorities": PRIORITIES,
        "lines": _lines(row, chosen) if chosen else [],
        "teams": _teams(row, chosen) if chosen else [],
        "bars": _bars(chosen) if chosen else [],
        "ways": _ways(row) if row.rules else [],
        "readers": sharing.readers(actor_of(request)) if row.state == "done" else [],
        "send_url": reverse("replays:send", args=[replay_id]),
    }
    template = "insight/replay.html#state" if request.headers.get("HX-Request") else "insight/replay.html"
    response = render(request, template, context)
    if request.headers.get("HX-Request") and row.state != "waiting":
        response["HX-Refresh"] = "true"
    return response


def _again(row: ReplayRow) -> dict[str, Any]:
    """The form filled in as this replay was asked for."""
    draft, cell = row.draft, row.draft["cell"] or {}
    zone = timezone.get_current_timezone()
    values = {
        "standard": draft["standard"],
        "calendar": f"{draft['calendar']}:{draft['calendar_version']}" if draft["calendar"] else "",
        "rules": draft.get("rules") or "",
        "since": row.since.astimezone(zone).date().isoformat(),
        "until": (row.until - timedelta(seconds=1)).astimezone(zone).date().isoformat(),
        **{name: cell.get(name) or "" for name in ("channel", "priority", "metric", "minutes")},
    }
    return {name: value for name, value in values.items() if value != ""}


def _ways(row: ReplayRow) -> list[dict[str, Any]]:
    """A line for each first priority as it was, with a number for each under the rules; changes open their tickets."""
    address = reverse("replays:cases", args=[row.id]) + "?"
    ways = row.rules.ways if row.rules else {}
    return [
        {
            "was": was,
            "cells": [
                {"n": n, "url": address + urlencode({"was": was, "now": now}) if n and was != now else ""}
                for now, n in line.items()
            ],
        }
        for was, line in ways.items()
    ]


def _lines(row: ReplayRow, chosen: MetricRow) -> list[dict[str, Any]]:
    return [
        {
            "channel": channel,
            "cells": [_cell(row, chosen, one, channel=channel, priority=p) for p, one in cells.items()],
        }
        for channel, cells in chosen.by_channel.items()
    ]


def _teams(row: ReplayRow, chosen: MetricRow) -> list[dict[str, Any]]:
    names = replays.team_names(list(chosen.by_team))
    return [
        {"name": names.get(team, _("No team")), "cell": _cell(row, chosen, one, team=team)}
        for team, one in chosen.by_team.items()
    ]


def _cell(row: ReplayRow, chosen: MetricRow, one: Compared, **about: Any) -> dict[str, Any]:
    address = reverse("replays:cases", args=[row.id]) + "?"
    change = None
    if one.happened.percent is not None and one.draft.percent is not None:
        change = round(one.draft.percent - one.happened.percent, 1)
    return {
        "it": one,
        "change": change,
        "happened_url": address + urlencode({"metric": chosen.metric, "show": "happened", **about}),
        "draft_url": address + urlencode({"metric": chosen.metric, "show": "draft", **about}),
        "url": address + urlencode({"metric": chosen.metric, **about}),
    }


def _bars(chosen: MetricRow) -> list[dict[str, Any]]:
    """Two bars an hour, in a drawing of 100 units height."""
    most = max(1, *chosen.hours_happened, *chosen.hours_draft)
    return [
        {
            "hour": hour,
            "x": hour * 30,
            "happened": was,
            "draft": would,
            "was_h": round(100 * was / most, 1),
            "was_y": round(100 - 100 * was / most, 1),
            "would_h": round(100 * would / most, 1),
            "would_y": round(100 - 100 * would / most, 1),
        }
        for hour, (was, would) in enumerate(zip(chosen.hours_happened, chosen.hours_draft, strict=True))
    ]


@login_required
@require_GET
def cases(request: HttpRequest, replay_id: int) -> HttpResponse:
    """The tickets behind a number."""
    actor = actor_of(request)
    row = replays.of(actor, replay_id)
    if "was" in request.GET:
        return _moved(request, actor, row)
    wanted = _slice(request)
    missing = _missing()
    found = [] if missing else replays.cases(actor, replay_id, wanted)
    named = [texts.term("metric", wanted.metric), texts.term("channel", wanted.channel) if wanted.channel else ""]
    if wanted.team is not None:
        named.append(replays.team_names([wanted.team]).get(wanted.team, _("No team")))
    context = {
        "row": row,
        "words": replay_book.words(row),
        "title": " · ".join(part for part in [*named, wanted.priority] if part),
        "wanted": wanted,
        "missing": missing,
        "cases": found[: replays.SHOWN],
        "is_cut": len(found) > replays.SHOWN,
        "shown": replays.SHOWN,
        "kept": LISTED,
    }
    return render(request, "insight/replay_cases.html", context)


def _moved(request: HttpRequest, actor: Actor, row: ReplayRow) -> HttpResponse:
    """The tickets whose first priority the rules would have changed in one way."""
    ways = {name: request.GET.get(name, "") for name in ("was", "now")}
    _check(ways, dict.fromkeys(ways, PRIORITIES))
    missing = _missing()
    context = {
        **ways,
        "row": row,
        "words": replay_book.words(row),
        "missing": missing,
        "cases": [] if missing else replays.moved(actor, row.id, **ways),
        "n": row.rules.ways[ways["was"]][ways["now"]] if row.rules else 0,
        "kept": MOVED,
    }
    return render(request, "insight/replay_moved.html", context)


def _check(asked: Mapping[str, str], known: Mapping[str, Sequence[str]]) -> None:
    """Raises Invalid for a value that is none of those."""
    for name, values in known.items():
        if name in asked and asked[name] not in values:
            raise Invalid(Fault(name, "unknown_value", {"value": asked[name][:40], "known": ", ".join(values)}))


def _slice(request: HttpRequest) -> Slice:
    asked = request.GET
    _check(asked.dict(), {"metric": TICKET_METRICS, "channel": ("", *CHANNELS), "priority": ("", *PRIORITIES)})
    metric = asked.get("metric", replays.FIRST[0])
    team = asked.get("team", "")
    show = asked.get("show", "all")
    return Slice(
        metric,
        asked.get("channel", ""),
        asked.get("priority", ""),
        int(team) if team.isascii() and team.isdigit() and len(team) < 19 else None,
        show if show in ("draft", "happened") else "all",
    )


@login_required
@require_GET
def book(request: HttpRequest, replay_id: int) -> HttpResponse:
    """The same figures as a workbook."""
    row = replays.of(actor_of(request), replay_id)
    response = HttpResponse(replay_book.write(row, replay_book.words(row)), content_type=_XLSX)
    response["Content-Disposition"] = f'attachment; filename="replay-{row.id}.xlsx"'
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_POST
def send(request: HttpRequest, replay_id: int) -> HttpResponse:
    """To somebody who may see such figures too."""
    person, note = forms.addressed(request.POST)
    sharing.send_replay(actor=actor_of(request), replay_id=replay_id, person_id=person, note=note, now=timezone.now())
    messages.success(request, _("Sent."))
    return redirect("replays:show", replay_id)


def link(actor: Actor, document: VersionedDocument) -> tuple[str, str] | None:
    """For the page of a standard, a calendar or priority rules that are still to be approved: (label, address)."""
    if WATCHING not in actor.rights or document.kind not in _TRIED:
        return None
    what = f"{document.key}:{document.number}" if document.kind == "calendar" else document.number
    asked = urlencode({_TRIED[document.kind]: what})
    return _("Try it out on the last 30 days"), f"{reverse('replays:index')}?{asked}"


app_name = "replays"
urlpatterns = [
    path("", index, name="index"),
    path("<int:replay_id>/", show, name="show"),
    path("<int:replay_id>/tickets/", cases, name="cases"),
    path("<int:replay_id>/book.xlsx", book, name="book"),
    path("<int:replay_id>/send", send, name="send"),
]
