"""People (人员): the list, one person with journal and what other floors add, hiring, changing, a new password."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base import journal, personnel, roster, second_factor, sessions, texts
from jiying.base.context import actor_of
from jiying.base.errors import NotFound, Refused
from jiying.base.models import Department, JournalEntry, Person, Role, Team
from jiying.base.pages import organisation
from jiying.base.pages.again import proven
from jiying.base.pages.people_forms import N_NEW_SKILLS, PersonForm, add_faults, read_skills
from jiying.base.policies import has, require

VIEW = "people.view"
MOST = 300  # shown at once; more are narrowed by the filter
MOST_FACTS = 30
MOST_PRESENCE = 20


@login_required
@require_GET
def show_all(request: HttpRequest) -> HttpResponse:
    require(actor_of(request), VIEW)
    asked = {name: request.GET.get(name, "") for name in ("q", "team", "role", "active")}
    people = Person.objects.select_related("team", "department").prefetch_related("roles").filter(_wanted(asked))
    rows = list(people.order_by("-is_active", "team__name", "name", "pk")[: MOST + 1])
    columns = [(one.heading, one.cells([p.pk for p in rows])) for one in personnel.EXTENSIONS]
    context = {
        "rows": [(p, _skills(p), [cells.get(p.pk, "") for _heading, cells in columns]) for p in rows[:MOST]],
        "headings": [heading for heading, _cells in columns],
        "is_cut": len(rows) > MOST,
        "most": MOST,
        "asked": asked,
        "teams": Team.objects.order_by("name"),
        "roles": Role.objects.order_by("pk"),
        "may_edit": has(actor_of(request), personnel.RIGHT),
        "tabs": organisation.tabs("people", actor_of(request)),
    }
    return render(request, "people/list.html", context)


def _wanted(asked: dict[str, str]) -> Q:
    wanted = Q() if asked["active"] == "all" else Q(is_active=True)
    if asked["team"]:
        wanted &= Q(team__code=asked["team"])
    if asked["role"]:
        wanted &= Q(roles__code=asked["role"])
    if text := asked["q"].strip()[:80]:
        wanted &= Q(name__icontains=text) | Q(username__icontains=text) | Q(employee_no__icontains=text)
    return wanted


def _skills(person: Person) -> list[tuple[str, int]]:
    return sorted(person.skills.items(), key=lambda skill: (-skill[1], skill[0]))


@login_required
@require_GET
def show(request: HttpRequest, person_id: int) -> HttpResponse:
    require(actor_of(request), VIEW)
    return _render(request, _person(person_id))


def _render(request: HttpRequest, person: Person, password: str = "") -> HttpResponse:
    actor = actor_of(request)
    sections = [one.section(actor, person.pk) for one in personnel.EXTENSIONS]
    context = {
        "person": person,
        "skills": _skills(person),
        "roles": person.roles.order_by("pk"),
        "sections": [part for part in sections if part is not None],
        "holdings": personnel.holdings(person.pk),
        "facts": [_told(entry) for entry in _facts(person.pk)],
        "password": password,
        "may_edit": has(actor, personnel.RIGHT),
        "factors": [texts.term("factor", str(one.type)) for one in second_factor.factors(person.pk)],
        "sessions": sessions.of_person(person.pk, "") if has(actor, personnel.RIGHT) else [],
        "presence": _presence(person.pk),
    }
    return render(request, "people/person.html", context)


def _facts(person_id: int) -> list[JournalEntry]:
    """The last changes of a person, the newest first; presence has its own place."""
    kinds = list(texts.TERMS["person_fact"])
    found = [entry for entry in journal.of("person", person_id) if entry.kind in kinds]
    return found[::-1][:MOST_FACTS]


def _presence(person_id: int) -> list[dict[str, Any]]:
    """The last changes of presence, the newest first, each with how long it lasted."""
    found = JournalEntry.objects.filter(subject_kind="person", subject_id=person_id, kind="person.presence")
    entries = list(found.order_by("-at", "-pk")[:MOST_PRESENCE])
    ends = [timezone.now(), *(entry.at for entry in entries)]
    return [
        {
            "at": entry.at,
            "presence": str(entry.data.get("to", "")),
            "reason": str(entry.data.get("reason", "")),
            "lasted": _hours(until - entry.at),
        }
        for entry, until in zip(entries, ends, strict=False)
    ]


def _hours(lasted: timedelta) -> str:
    minutes = int(lasted.total_seconds()) // 60
    return f"{minutes // 60}:{minutes % 60:02}"


def _told(entry: JournalEntry) -> dict[str, Any]:
    by = roster.person(entry.actor_id) if entry.actor_kind in ("person", "token") else None
    changes = entry.data.get("changes") or {}
    words = "channel" if entry.kind == "person.capacity" else "person_field"
    return {
        "at": entry.at,
        "by": by.name if by else texts.term("actor", entry.actor_kind),
        "what": texts.term("person_fact", entry.kind),
        "note": entry.data.get("name", "") if entry.kind.startswith("token.") else "",
        "changes": [(texts.term(words, name), _value(old), _value(new)) for name, (old, new) in changes.items()],
    }


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, dict):
        return ", ".join(f"{code} {level}" for code, level in value.items()) or "—"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "—"
    return str(value) if value not in (None, "") else "—"


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
@proven
def new(request: HttpRequest) -> HttpResponse:
    """The form of a new person; its answer shows the generated password, once."""
    actor = actor_of(request)
    require(actor, personnel.RIGHT)
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person, password = personnel.hire(actor=actor, profile=form.profile(read_skills(form)), now=timezone.now())
        except Refused as refused:
            add_faults(form, refused)
        else:
            return _render(request, person, password)
    return _render_form(request, form, None)


@login_required
@require_http_methods(["GET", "POST"])
@proven
def edit(request: HttpRequest, person_id: int) -> HttpResponse:
    actor = actor_of(request)
    require(actor, personnel.RIGHT)
    person = _person(person_id)
    if request.method == "GET":
        profile = personnel.profile_of(person)
        initial = {**profile.facts(), "hire_date": profile.hire_date, "seen": personnel.fingerprint(person)}
        return _render_form(request, PersonForm(initial=initial), person)
    form = PersonForm(request.POST)
    if form.is_valid():
        try:
            personnel.change(
                actor=actor,
                person_id=person_id,
                profile=form.profile(read_skills(form)),
                seen=form.cleaned_data["seen"],
                now=timezone.now(),
            )
        except Refused as refused:
            add_faults(form, refused)
        else:
            return redirect("people:person", person_id)
    return _render_form(request, form, person)


def _render_form(request: HttpRequest, form: PersonForm, person: Person | None) -> HttpResponse:
    if form.is_bound:
        skills = [(code, level) for code, level in read_skills(form).items()]
    else:
        skills = _skills(person) if person else []
    context = {
        "form": form,
        "person": person,
        "skills": [*skills, *[("", 3)] * N_NEW_SKILLS],
        "known_skills": _known_skills(),
        "levels": range(1, 6),
        "holdings": personnel.holdings(person.pk) if person else [],
        "departments": Department.objects.order_by("name"),
    }
    return render(request, "people/edit.html", context, status=422 if form.errors else 200)


def _known_skills() -> list[str]:
    """Words of the skills that somebody has, and of those that are shipped."""
    rows = Person.objects.filter(is_active=True).values_list("skills", flat=True)
    codes = {code for skills in rows for code in skills} | texts.TERMS["skill"].keys()
    return sorted(texts.term("skill", code) for code in codes)


@login_required
@never_cache
@require_POST
@proven
def reset_password(request: HttpRequest, person_id: int) -> HttpResponse:
    password = personnel.reset_password(actor=actor_of(request), person_id=person_id, now=timezone.now())
    return _render(request, _person(person_id), password)


@login_required
@require_POST
@proven
def take_factors(request: HttpRequest, person_id: int) -> HttpResponse:
    """A lost phone: the second factors go, the password stays."""
    second_factor.take_away(actor=actor_of(request), person_id=person_id, now=timezone.now())
    return redirect("people:person", person_id)


@login_required
@require_POST
@proven
def end_sessions(request: HttpRequest, person_id: int) -> HttpResponse:
    sessions.end_all(actor=actor_of(request), person_id=person_id, now=timezone.now())
    return redirect("people:person", person_id)


def _person(person_id: int) -> Person:
    person = Person.objects.select_related("team", "department", "mentor").filter(pk=person_id).first()
    if person is None:
        raise NotFound("person", person_id)
    return person


app_name = "people"
urlpatterns = [
    path("", show_all, name="all"),
    path("new", new, name="new"),
    path("<int:person_id>/", show, name="person"),
    path("<int:person_id>/edit", edit, name="edit"),
    path("<int:person_id>/password", reset_password, name="reset_password"),
    path("<int:person_id>/factors", take_factors, name="take_factors"),
    path("<int:person_id>/sessions", end_sessions, name="end_sessions"),
    path("teams/", organisation.teams, name="teams"),
    path("teams/save", organisation.save_team, name="save_team"),
    path("departments/save", organisation.save_department, name="save_department"),
    path("roles/", organisation.roles, name="roles"),
    path("roles/new", organisation.role, name="new_role"),
    path("roles/<slug:code>/", organisation.role, name="role"),
    path("roles/<slug:code>/take-shipped", organisation.take_shipped, name="take_shipped"),
    path("roles/<slug:code>/remove", organisation.remove_role, name="remove_role"),
]
