"""A person's own alerts as a page, as pop-ups and as the bell's number; and the team's for supervisors."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from jiying.alerts import queries
from jiying.alerts.models import Alert
from jiying.alerts.pages.tabs import tabs
from jiying.alerts.services import reading
from jiying.base.context import actor_of
from jiying.base.errors import Invalid

SHOWN = 4  # pop-ups that one can unfold; the list has the rest


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    cursor = request.GET.get("cursor", "")
    page = queries.of_person(_me(request), now, cursor)
    today = timezone.localtime(now).date()
    open_ids = [t.alert.pk for t in page.items if t.alert.state in (Alert.State.NEW, Alert.State.SEEN)]
    context = {
        "tabs": tabs(request, "mine"),
        "today": [t for t in page.items if timezone.localtime(t.alert.at).date() >= today],
        "earlier": [t for t in page.items if timezone.localtime(t.alert.at).date() < today],
        "new_ids": [t.alert.pk for t in page.items if t.alert.state == Alert.State.NEW],
        "up_to": max(open_ids, default=0),
        "first_page": not cursor,
        "page": _pager("alerts:mine", page.cursor, cursor, len(page.items)),
    }
    return render(request, "alerts/mine.html", context)


@login_required
@require_GET
def popups(request: HttpRequest) -> HttpResponse:
    return _popups(request)


@login_required
@require_GET
def count(request: HttpRequest) -> HttpResponse:
    """The bell's number alone, for whoever shows one besides the frame."""
    return render(request, "alerts/count.html")


@login_required
@require_POST
def seen(request: HttpRequest) -> HttpResponse:
    """Mark the alerts `ids` as seen; answers with what is still new."""
    reading.mark_seen(actor=actor_of(request), alert_ids=_ids(request, "ids"), now=timezone.now())
    return _popups(request)


@login_required
@require_POST
def acknowledge(request: HttpRequest) -> HttpResponse:
    """Take note of one alert; htmx gets its row back, a plain form the list."""
    now, ids = timezone.now(), _ids(request, "id")
    if len(ids) != 1:
        raise Invalid.one("id", "required", field="id")
    reading.acknowledge(actor=actor_of(request), alert_id=ids[0], now=now)
    if not getattr(request, "htmx", False):
        return redirect("alerts:mine")
    alert = Alert.objects.get(pk=ids[0])
    day = timezone.localtime(alert.at).date() < timezone.localtime(now).date()
    return render(request, "alerts/row.html", {"item": queries.told([alert], now)[0], "with_day": day})


@login_required
@require_POST
def acknowledge_all(request: HttpRequest) -> HttpResponse:
    up_to = _ids(request, "up_to")
    if len(up_to) != 1:
        raise Invalid.one("up_to", "required", field="up_to")
    reading.acknowledge_all(actor=actor_of(request), up_to=up_to[0], now=timezone.now())
    return redirect("alerts:mine")


@login_required
@require_GET
def team(request: HttpRequest) -> HttpResponse:
    cursor = request.GET.get("cursor", "")
    facts, following = queries.of_team(actor_of(request), timezone.now(), cursor)
    context = {
        "tabs": tabs(request, "team"),
        "facts": facts,
        "days": queries.TEAM_DAYS,
        "page": _pager("alerts:team", following, cursor, len(facts)),
    }
    return render(request, "alerts/team.html", context)


def _me(request: HttpRequest) -> int:
    person_id = actor_of(request).id
    if person_id is None:  # login_required has seen to it; this tells the type checker
        raise PermissionError
    return person_id


def _popups(request: HttpRequest) -> HttpResponse:
    seen_url = reverse("alerts:seen")
    all_ids = queries.new_ids(_me(request))
    found = [
        {
            "id": item.alert.pk,
            "level": item.level,
            "title": f"{item.label} {item.text}",
            "body": item.title,
            "url": item.url,
            "clock": item.pill,
            "sound": True,
            "seen_url": f"{seen_url}?{urlencode({'ids': item.alert.pk})}",
        }
        for item in queries.new(_me(request), timezone.now(), SHOWN)
    ]
    context = {
        "popups": found,
        "n_more": max(0, len(all_ids) - 1),
        "n_unshown": len(all_ids) - len(found),
        "all_seen_url": f"{seen_url}?{urlencode({'ids': all_ids}, doseq=True)}",
    }
    return render(request, "base/parts/popups.html", context)


def _ids(request: HttpRequest, name: str) -> list[int]:
    """The whole numbers that the form, or the address of a button without one, names."""
    values = [*request.POST.getlist(name), *request.GET.getlist(name)]
    for value in values:
        if not (value.isascii() and value.isdigit() and int(value) < 2**63):
            raise Invalid.one(name, "not_a_number", value=value)
    return [int(value) for value in values]


def _pager(name: str, following: str, cursor: str, n_shown: int) -> dict[str, Any]:
    url = reverse(name)
    return {
        "n_shown": n_shown,
        "first_url": url if cursor else "",
        "next_url": f"{url}?{urlencode({'cursor': following})}" if following else "",
    }
