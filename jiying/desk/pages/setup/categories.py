"""The category tree and the form of one category."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_http_methods

from jiying.base import fields
from jiying.base.context import actor_of
from jiying.base.errors import Refused
from jiying.base.policies import require
from jiying.base.texts import choices, code_of, term
from jiying.desk.forms import split_tags
from jiying.desk.pages.setup import RIGHT, tabs
from jiying.desk.queries import categories, flows, intake_forms, people
from jiying.desk.services.categories import CODES, CategoryData, save


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    require(actor_of(request), RIGHT)
    named_flows, named_forms = dict(flows.titles()), dict(intake_forms.titles())
    rows = [
        (row, named_flows.get(row.flow, row.flow), named_forms.get(row.form, row.form)) for row in categories.tree()
    ]
    context = {"tabs": tabs("categories"), "rows": rows}
    return render(request, "desk/setup/categories.html", context)


class CategoryForm(forms.Form):
    """What of a category can be changed; the path of an existing one stays."""

    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)
    path = fields.line(
        _l("Code path"), required=True, limit=120, hint=_l("Small letters; the parent first: logistics/lost")
    )
    name_zh = fields.line(_l("Chinese name"), required=True)
    name_en = fields.line(_l("English name"))
    team = fields.choice(_l("Team"), hint=_l("Its tickets come into the queue of this team."))
    skills = fields.line(
        _l("Skills"), limit=400, hint=_l("Skill and least level, parted by commas: refunds 2, logistics 1")
    )
    type = fields.choice(_l("Type"), hint=_l("For tickets that come without one."))
    flow = fields.choice(_l("Task flow"), hint=_l("Starts by itself with each ticket."))
    form = fields.choice(_l("Intake form"), hint=_l("What its requests are asked for."))
    codes = fields.choice(_l("Cause and solution when solved"))
    active = fields.tick(_l("In use"), initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lists: dict[str, list[tuple[str, str]]] = {
            "team": [(t.code, t.name) for t in people.teams()],
            "type": choices("type"),
            "flow": flows.titles(),
            "form": intake_forms.titles(),
        }
        for name, options in lists.items():
            self.fields[name].choices = [("", "–"), *options]  # type: ignore[attr-defined]
        self.fields["codes"].choices = [(c, term("codes", c or "none")) for c in CODES]  # type: ignore[attr-defined]

    def clean_skills(self) -> dict[str, int]:
        """`refunds 2, logistics 1`; a skill without a level needs level 1."""
        found: dict[str, int] = {}
        for part in split_tags(self.cleaned_data["skills"]):
            name, _space, level = part.rpartition(" ")
            if name and level.isdecimal() and len(level) == 1:
                found[code_of("skill", name.strip())] = int(level)
            else:
                found[code_of("skill", part)] = 1
        return found


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, where: str = "") -> HttpResponse:
    """One category; without a path a new one."""
    actor = actor_of(request)
    require(actor, RIGHT)
    found = categories.one(where) if where else None
    if request.method == "GET":
        return _show(request, CategoryForm(initial=_initial(request, found)), found, 200)
    form = CategoryForm({**request.POST.dict(), **({"path": where} if where else {})})
    if not form.is_valid():
        return _show(request, form, found, 422)
    values = dict(form.cleaned_data)
    revision = values.pop("revision")
    try:
        data = CategoryData(**values)
        save(actor=actor, data=data, revision=(revision or 0) if where else None, now=timezone.now())
    except Refused as refused:
        for fault in refused.faults:
            form.add_error(fault.field if fault.field in form.fields else None, fault.text)
        return _show(request, form, found, refused.status)
    messages.success(request, _("Saved."))
    return redirect("desk:categories")


def _initial(request: HttpRequest, found: categories.CategoryRow | None) -> dict[str, Any]:
    if found is None:
        parent = request.GET.get("under", "")[:100]
        return {"path": f"{parent}/" if parent else ""}
    values = {name: getattr(found, name) or "" for name in CategoryForm.base_fields}
    skills = ", ".join(f"{term('skill', name)} {level}" for name, level in found.skills.items())
    return {**values, "skills": skills, "revision": found.revision, "active": found.active}


def _show(request: HttpRequest, form: forms.Form, found: categories.CategoryRow | None, status: int) -> HttpResponse:
    return render(request, "desk/setup/category.html", {"form": form, "found": found}, status=status)
