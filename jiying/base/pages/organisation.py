"""Teams, departments and roles: short lists that are edited in place, and the rights of a role by name."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base import organisation, texts
from jiying.base.actor import Actor
from jiying.base.context import actor_of
from jiying.base.errors import NotFound, Refused
from jiying.base.models import Department, Role, Team
from jiying.base.pages.again import proven
from jiying.base.personnel import RIGHT, mark
from jiying.base.policies import RIGHTS, has, require

VIEW = "people.view"
ACTIVE = Count("people", filter=Q(people__is_active=True))


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
    require(actor_of(request), VIEW)
    return _render_teams(request, None)


def _render_teams(request: HttpRequest, refused: Refused | None) -> HttpResponse:
    teams = Team.objects.select_related("department").annotate(n_people=ACTIVE).order_by("name")
    departments = Department.objects.annotate(n_people=ACTIVE).order_by("name")
    context = {
        "tabs": tabs("teams", actor_of(request)),
        "teams": [(one, mark(organisation.team_facts(one))) for one in teams],
        "departments": [(one, mark(organisation.department_facts(one))) for one in departments],
        "may_edit": has(actor_of(request), RIGHT),
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
    require(actor_of(request), VIEW)
    context = {
        "tabs": tabs("roles", actor_of(request)),
        "roles": Role.objects.annotate(n_people=ACTIVE).order_by("pk"),
        "n_rights": len(RIGHTS),
        "may_edit": has(actor_of(request), RIGHT),
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
def remove_role(request: HttpRequest, code: str) -> HttpResponse:
    organisation.remove_role(actor=actor_of(request), code=code, now=timezone.now())
    return redirect("people:roles")
