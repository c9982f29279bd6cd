"""Teams, departments and roles: short lists that are edited in place, and the rights of a role by name."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base import organisation, organisation_rows, texts
from jiying.base.actor import Actor
from jiying.base.context import actor_of
from jiying.base.errors import NotFound, Refused
from jiying.base.models import Role
from jiying.base.organisation_rows import VIEW
from jiying.base.pages.again import proven
from jiying.base.personnel import RIGHT, mark
from jiying.base.policies import RIGHTS, has, require


def tabs(active: str, actor: Actor) -> list[dict[str, Any]]:
    found = [
        ("people", _("People"), "people:all"),
        ("teams", _("Teams and departments"), "people:teams"),
        ("roles", _("Roles"), "people:roles"),
    ]
    if has(actor, RIGHT):
        found.append(("tokens", _("API tokens"), "all_tokens"))
    return [{"label": label, "url": reverse(name), "active": key == active} for key, label, name in found]


@login_required
@require_GET
def teams(request: HttpRequest) -> HttpResponse:
    return _render_teams(request, None)


def _render_teams(request: HttpRequest, refused: Refused | None) -> HttpResponse:
    actor = actor_of(request)
    context = {
        "tabs": tabs("teams", actor),
        "teams": organisation_rows.teams(actor),
        "departments": organisation_rows.departments(actor),
        "may_edit": has(actor, RIGHT),
        "refused": refused,
    }
    return render(request, "people/teams.html", context, status=refused.status if refused else 200)


@login_required
@require_POST
def save_team(request: HttpRequest) -> HttpResponse:
    try:
        organisation.save_team(
            actor=actor_of(request),
            code=request.POST.get("code", "").strip(),
            name=request.POST.get("name", ""),
            department=request.POST.get("department", ""),
            seen=request.POST.get("seen"),
            now=timezone.now(),
        )
    except Refused as refused:
        require(actor_of(request), RIGHT)
        return _render_teams(request, refused)
    return redirect("people:teams")


@login_required
@require_POST
def save_department(request: HttpRequest) -> HttpResponse:
    try:
        organisation.save_department(
            actor=actor_of(request),
            code=request.POST.get("code", "").strip(),
            name=request.POST.get("name", ""),
            seen=request.POST.get("seen"),
            now=timezone.now(),
        )
    except Refused as refused:
        require(actor_of(request), RIGHT)
        return _render_teams(request, refused)
    return redirect("people:teams")


@login_required
@require_GET
def roles(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    context = {
        "tabs": tabs("roles", actor),
        "roles": [(one, _words(one.lacking)) for one in organisation_rows.roles(actor)],
        "n_rights": len(RIGHTS),
        "may_edit": has(actor, RIGHT),
    }
    return render(request, "people/roles.html", context)


@login_required
@require_http_methods(["GET", "POST"])
@proven
def role(request: HttpRequest, code: str = "") -> HttpResponse:
    """The rights of a role, by group; without a code a new one."""
    actor = actor_of(request)
    require(actor, VIEW if request.method == "GET" and code else RIGHT)
    found = Role.objects.filter(code=code).first()
    if code and found is None:
        raise NotFound("role", code)
    if request.method == "GET":
        return _render_role(request, found, None)
    try:
        organisation.save_role(
            actor=actor,
            code=code or request.POST.get("code", "").strip(),
            name=request.POST.get("name", ""),
            rights=request.POST.getlist("rights"),
            needs_second_factor=request.POST.get("needs_second_factor") == "on",
            seen=request.POST.get("seen", "") if code else None,
            now=timezone.now(),
        )
    except Refused as refused:
        return _render_role(request, found, refused)
    return redirect("people:roles")


def _words(rights: list[str]) -> str:
    return _("; ").join(texts.term("right", right) for right in rights)


def _render_role(request: HttpRequest, role: Role | None, refused: Refused | None) -> HttpResponse:
    chosen = set(request.POST.getlist("rights") if refused else role.rights if role else ())
    groups: dict[str, list[tuple[str, Any, bool]]] = {}
    for right, words in RIGHTS.items():
        group = texts.term("right_group", right.partition(".")[0])
        groups.setdefault(group, []).append((right, words, right in chosen))
    context = {
        "role": role,
        "seen": request.POST.get("seen", "") if refused else mark(organisation.role_facts(role)) if role else "",
        "name": request.POST.get("name", "") if refused else role.label if role else "",
        "code": request.POST.get("code", ""),
        "groups": groups,
        "lacking": _words(organisation.lacking(role)) if role else "",
        "needs_second_factor": request.POST.get("needs_second_factor") == "on"
        if refused
        else bool(role and role.needs_second_factor),
        "people": role.people.filter(is_active=True).order_by("name") if role else [],
        "refused": refused,
        "may_edit": has(actor_of(request), RIGHT),
    }
    return render(request, "people/role.html", context, status=refused.status if refused else 200)


@login_required
@require_POST
@proven
def take_shipped(request: HttpRequest, code: str) -> HttpResponse:
    """One press: the role gets what it ships with and lacks."""
    organisation.take_shipped(actor=actor_of(request), code=code, now=timezone.now())
    return redirect("people:roles")


@login_required
@require_POST
@proven
def remove_role(request: HttpRequest, code: str) -> HttpResponse:
    organisation.remove_role(actor=actor_of(request), code=code, now=timezone.now())
    return redirect("people:roles")
