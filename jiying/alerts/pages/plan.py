"""Who is told of what (告警规则): the plan's rules in order, one rule's form, quiet times, versions."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.alerts.pages.tabs import tabs
from jiying.alerts.queries import duty
from jiying.alerts.services import plans
from jiying.alerts.services.ways.kinds import ROBOT_KINDS, SMS
from jiying.base import connections, documents
from jiying.base.context import actor_of
from jiying.base.errors import Invalid, NotFound, Refused
from jiying.base.models import VersionedDocument
from jiying.base.policies import require
from jiying.base.texts import term
from jiying.core import alerting

VIEW = "alerts.view_team"
GROUPS = {"point": "occasion", "metric": "metric", "priority": "priority", "tier": "tier", "hours": "hours"}
N_VERSIONS = 10
ICONS = {"app": "bell", "mail": "mail", "sms": "device-mobile", "group": "users-group"}
WORDS = {"app": _("pop-up"), "mail": _("e-mail"), "sms": _("text message"), "group": _("group robots")}


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    require(actor_of(request), VIEW)
    return _render(request)


def _render(request: HttpRequest, refused: Refused | None = None) -> HttpResponse:
    now = timezone.now()
    body = plans.body(now)
    quiet = body.get("quiet") or {}
    calendars = VersionedDocument.objects.filter(kind="calendar", key__in=documents.in_force("calendar", now))
    context = {
        "tabs": tabs(request, "plan"),
        "rules": [_row(rule) for rule in body["rules"]],
        "seen": duty.version(now),
        "may_edit": plans.RIGHT in actor_of(request).rights,
        "quiet": quiet,
        "severities": [
            (code, term("severity", code), code in quiet.get("through", ())) for code in alerting.SEVERITIES
        ],
        "calendar": body.get("calendar", ""),
        "calendars": sorted({row.key: row.title or row.key for row in calendars.order_by("number")}.items()),
        "versions": VersionedDocument.objects.filter(kind=duty.KIND, key=duty.KEY)
        .select_related("created_by")
        .order_by("-number")[:N_VERSIONS],
        "refused": refused,
    }
    return render(request, "alerts/plan.html", context, status=refused.status if refused else 200)


def _row(rule: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": rule["key"],
        "name": _name(rule),
        "when": [(fact, [_word(fact, code) for code in codes]) for fact, codes in rule.get("when", {}).items()],
        "tell": [(term("told_as", who), _icons(ways)) for who, ways in rule["tell"].items()],
    }


def _icons(ways: Sequence[str]) -> list[tuple[str, str]]:
    """An icon and its word for each way."""
    return [(ICONS[way], str(WORDS[way])) for way in alerting.WAYS if way in ways]


def _name(rule: dict[str, Any]) -> str:
    return str(rule.get("name") or term("alert_rule", rule["key"]))


def _word(fact: str, code: str) -> str:
    return code if fact == "priority" else term(GROUPS[fact], code)


@login_required
@require_http_methods(["GET", "POST"])
def rule(request: HttpRequest, key: str = "") -> HttpResponse:
    """One rule as a form: what must hold, and who is told by which ways."""
    actor, now = actor_of(request), timezone.now()
    require(actor, plans.RIGHT)
    kept = _kept(key, plans.body(now)["rules"])
    if request.method == "GET":
        return _rule_form(request, key, kept, duty.version(now))
    wanted = _read(request.POST)
    try:
        plans.put_rule(actor=actor, rule=wanted, key=key, seen=_seen(request), now=now)
    except Refused as refused:
        return _rule_form(request, key, wanted, _seen(request), refused)
    return redirect("alerts:plan")


def _kept(key: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    if not key:
        return {"when": {}, "tell": {"assignee": ["app"]}}
    found = next((one for one in rules if one["key"] == key), None)
    if found is None:
        raise NotFound("alert_rule", key)
    return {**found, "name": _name(found)}


def _rule_form(
    request: HttpRequest, key: str, rule: dict[str, Any], seen: int, refused: Refused | None = None
) -> HttpResponse:
    context = {
        "key": key,
        "name": rule.get("name", ""),
        "seen": seen,
        "facts": [(fact, _choices(fact, rule["when"].get(fact, []))) for fact in GROUPS],
        "people": [(who, term("told_as", who), _ways(rule, who)) for who in alerting.CAPACITIES],
        "may_connect": connections.RIGHT in actor_of(request).rights,
        "has_robots": bool(connections.opened(*ROBOT_KINDS)),
        "has_gateway": bool(connections.opened(SMS)),
        "refused": refused,
    }
    return render(request, "alerts/plan_rule.html", context, status=refused.status if refused else 200)


def _choices(fact: str, chosen: list[str]) -> list[tuple[str, str, bool]]:
    codes = alerting.CONDITIONS[fact] or ("standard", "vip")
    return [(code, _word(fact, code), code in chosen) for code in (*codes, *(c for c in chosen if c not in codes))]


def _ways(rule: dict[str, Any], who: str) -> list[tuple[str, str, bool]]:
    return [(way, str(WORDS[way]), way in rule["tell"].get(who, ())) for way in alerting.WAYS]


def _read(form: QueryDict) -> dict[str, Any]:
    when = {fact: form.getlist(f"when.{fact}") for fact in GROUPS}
    tell = {who: form.getlist(f"tell.{who}") for who in alerting.CAPACITIES}
    return {
        "name": form.get("name", "").strip(),
        "when": {fact: codes for fact, codes in when.items() if codes},
        "tell": {who: list(dict.fromkeys(["app", *ways])) for who, ways in tell.items() if ways},
    }


def _seen(request: HttpRequest) -> int:
    text = request.POST.get("seen", "")
    if not text.isdecimal() or len(text) > 9:
        raise Invalid.one("seen", "required", field="seen")
    return int(text)


@login_required
@require_POST
def change(request: HttpRequest, key: str, verb: str) -> HttpResponse:
    """Move a rule up or down, or remove it."""
    actor, now = actor_of(request), timezone.now()
    if verb == "remove":
        plans.remove_rule(actor=actor, key=key, seen=_seen(request), now=now)
    else:
        plans.move_rule(actor=actor, key=key, by=-1 if verb == "up" else 1, seen=_seen(request), now=now)
    return redirect("alerts:plan")


@login_required
@require_POST
def times(request: HttpRequest) -> HttpResponse:
    """The quiet time of the house and the calendar of open hours."""
    start, end = request.POST.get("from", "").strip(), request.POST.get("to", "").strip()
    quiet = {"from": start, "to": end, "through": request.POST.getlist("through")} if start or end else None
    try:
        plans.set_times(
            actor=actor_of(request), quiet=quiet, calendar=request.POST.get("calendar", ""), seen=_seen(request),
            now=timezone.now(),
        )  # fmt: skip
    except Invalid as refused:
        return _render(request, refused)
    return redirect("alerts:plan")
