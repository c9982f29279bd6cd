"""Ticket setup (工单设置): categories and what hangs on them, edited by those who may edit rules."""

from typing import Any

from django.http import HttpRequest
from django.urls import path, reverse
from django.utils.translation import gettext as _

RIGHT = "desk.edit_rules"


def revision_of(request: HttpRequest) -> int | None:
    """The state that a line of a list was made from; None where it is a new line."""
    seen = request.POST.get("revision", "")
    return int(seen) if seen.isdecimal() and len(seen) < 10 else None


def tabs(active: str) -> list[dict[str, Any]]:
    """The places of the setup; the one shown is marked."""
    found = [
        ("categories", _("Categories"), "desk:categories"),
        ("flows", _("Task flows"), "desk:flows"),
        ("forms", _("Intake forms"), "desk:forms"),
        ("codes", _("Solution codes"), "desk:codes"),
        ("offers", _("Offer kinds"), "desk:offer_kinds"),
        ("lines", _("Support lines"), "desk:line_setup"),
        ("automations", _("Automations"), "desk:automations"),
        ("outside", _("Outside events"), "desk:outside_kinds"),
        ("priority", _("Priority rules"), "desk:priority"),
    ]
    return [{"label": label, "url": reverse(name), "active": key == active} for key, label, name in found]


def urls() -> list[Any]:
    """Their addresses, below `setup/`."""
    from jiying.desk.pages.setup import (
        automations,
        categories,
        codes,
        flows,
        intake_forms,
        lines,
        offers,
        outside,
        priority_rules,
    )

    return [
        path("categories/", categories.show, name="categories"),
        path("categories/new", categories.edit, name="new_category"),
        path("automations/", automations.show, name="automations"),
        path("automations/new", automations.edit, name="new_automation"),
        path("automations/log", automations.log, name="automation_log"),
        path("automations/<slug:key>", automations.edit, name="automation"),
        path("automations/<slug:key>/switch", automations.switch, name="switch_automation"),
        path("offers/", offers.show, name="offer_kinds"),
        path("outside/", outside.show, name="outside_kinds"),
        path("outside/new", outside.edit, name="new_outside_kind"),
        path("outside/<slug:key>", outside.edit, name="outside_kind"),
        path("codes/", codes.show, name="codes"),
        path("priority/", priority_rules.in_force, name="priority"),
        path("priority/begin", priority_rules.begin, name="begin_priority"),
        path("priority/<int:number>/", priority_rules.version, name="priority_version"),
        path("priority/<int:number>/edit", priority_rules.edit, name="edit_priority"),
        path("priority/<int:number>/discard", priority_rules.discard, name="discard_priority"),
        path("priority/<int:number>/<slug:verb>", priority_rules.do, name="do_priority"),
        path("forms/", intake_forms.show, name="forms"),
        path("forms/new", intake_forms.edit, name="new_form"),
        path("forms/<slug:key>", intake_forms.edit, name="form"),
        path("flows/", flows.show, name="flows"),
        path("flows/new", flows.edit, name="new_flow"),
        path("flows/<slug:key>", flows.edit, name="flow"),
        path("lines/", lines.show, name="line_setup"),
        path("lines/team", lines.set_line, name="set_line"),
        path("categories/edit/<path:where>", categories.edit, name="category"),
    ]
