"""Who would be told (C18): the alert plan tried on a ticket, or on a made-up one, with names. Changes nothing."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from jiying.base.actor import Actor
from jiying.base.context import actor_of
from jiying.base.errors import NotFound
from jiying.base.models import Person, Team
from jiying.base.policies import require
from jiying.base.texts import choices, term
from jiying.clocks import queries as clocks
from jiying.core import alerting
from jiying.desk.models import Ticket
from jiying.desk.queries import ticket_page
from jiying.desk.services import telling

VIEW = "alerts.view_team"
TEMPLATE = "desk/who_is_told.html"
ICONS = {"mail": "mail", "sms": "device-mobile", "group": "users-group"}  # messages that leave the house


@dataclass(frozen=True, slots=True)
class Told:
    """One point: which rule decides, and whom it tells, with their capacity and the signs of messages that go out."""

    clock: str
    point: str
    at: datetime | None
    rule: str
    people: tuple[tuple[str, str, list[str]], ...]


class TryForm(forms.Form):
    ticket = forms.CharField(label=_("Ticket number"), required=False, max_length=24)
    metric = forms.ChoiceField(label=_("Clock"), required=False)
    priority = forms.ChoiceField(label=_("Priority"), required=False)
    tier = forms.ChoiceField(label=_("Customer"), required=False)
    team = forms.ModelChoiceField(Team.objects.order_by("name"), label=_("Team"), required=False, empty_label="–")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        metrics = [(code, term("metric", code)) for code in alerting.METRICS if code not in ("line", "collaboration")]
        for name, pairs in (("metric", metrics), ("priority", choices("priority")), ("tier", choices("tier"))):
            self.fields[name].choices = pairs  # type: ignore[attr-defined]
        for field in self.fields.values():
            is_text = isinstance(field, forms.CharField) and not isinstance(field, forms.ChoiceField)
            field.widget.attrs["class"] = "form-control" if is_text else "form-select"


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    require(actor, VIEW)
    form = TryForm(request.GET or None)
    rows: list[Told] = []
    if form.is_valid():
        try:
            rows = _tried(actor, form, now)
        except NotFound as refused:
            form.add_error("ticket", refused.text)
    return render(request, TEMPLATE, {"form": form, "rows": rows}, status=422 if form.errors else 200)


def _tried(actor: Actor, form: TryForm, now: datetime) -> list[Told]:
    about = form.cleaned_data
    if about["ticket"].strip():
        ticket = ticket_page.load(actor, about["ticket"].strip())
        return _told(ticket, _of_clocks(ticket), now)
    team: Team | None = about["team"]
    made_up = Ticket(
        priority=about["priority"] or "P3", tier=about["tier"] or "standard", team_id=team.pk if team else None
    )
    points = [(about["metric"] or "resolution", code, None) for code in alerting.TICKET_POINTS if code not in _AT_ONCE]
    return _told(made_up, points, now)


_AT_ONCE = ("escalated", "vip")


def _of_clocks(ticket: Ticket) -> list[tuple[str, str, datetime | None]]:
    """The points of the open clocks of a ticket that are still to come or have come, in order of time."""
    found = [
        (clock.metric, str(code), clocks.instant_of(int(at)))
        for clock in clocks.of_subject("ticket", ticket.pk)
        if clock.is_open
        for code, at in clock.points
    ]
    return sorted(found, key=lambda row: row[2].timestamp() if row[2] else 0)


def _icons(ways: Collection[str] | None) -> list[str]:
    return [icon for way, icon in ICONS.items() if way in (ways or ())]


def _told(ticket: Ticket, points: Iterable[tuple[str, str, datetime | None]], now: datetime) -> list[Told]:
    watch = telling.watch(now)
    asked = [*(("", code, None) for code in _AT_ONCE), *points]
    found = [(metric, code, at, watch.told(ticket, code, metric, at or now)) for metric, code, at in asked]
    names = dict(
        Person.objects.filter(pk__in={one.person_id for row in found for one in row[3]}).values_list("pk", "name")
    )
    rows = []
    for metric, code, at, people in found:
        rule = watch.plan.decide(watch.occasion(ticket, code, metric, at or now))
        told = tuple((names[p.person_id], term("told_as", p.capacity), _icons(p.ways)) for p in people)
        title = "" if rule is None else rule.name or term("alert_rule", rule.key)
        rows.append(Told(term("metric", metric) if metric else "", term("occasion", code), at, title, told))
    return rows
