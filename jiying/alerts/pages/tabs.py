"""The tabs that all pages of alerts share: only what the person may see."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from jiying.alerts import queries
from jiying.base.context import actor_of


def tabs(request: HttpRequest, active: str) -> list[dict[str, Any]]:
    rights = actor_of(request).rights
    found = [("mine", _("Mine"), 0)]
    if "alerts.view_team" in rights:
        found.append(("team", _("My team's"), 0))
        found += [("on_call", _("On call"), 0), ("plan", _("Who is told"), 0)]
    found.append(("wishes", _("My messages"), 0))
    if "system.health" in rights:
        found.append(("deliveries", _("Outgoing messages"), queries.count_dead()))
    return [
        {"label": label, "url": reverse(f"alerts:{name}"), "active": name == active, "count": count}
        for name, label, count in found
    ]
