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

from jiying.base.context import actor_of
from jiying.base.errors import Refused
from jiying.base.policies import require
from jiying.base.texts import choices, code_of, term
from jiying.desk.forms import split_tags
from jiying.desk.pages.setup import RIGHT, tabs
from jiying.desk.queries import categories, people
from jiying.desk.services.categories import CODES, CategoryData, save


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    require(actor_of(request), RIGHT)
    context = {"tabs": tabs("categories"), "rows": categories.tree()}
    return render(request, "desk/setup/categories.html", context)


def _line(label: Any, *, required: bool = False, limit: int = 80, hint: Any = "") -> forms.CharField:
    widget = forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"})
    return forms.CharField(label=label, required=required, max_length=limit, help_text=hint, widget=widget)


def _choice(label: Any, hint: Any = "") -> forms.ChoiceField:
    widget = forms.Select(attrs={"class": "form-select"})
    return forms.ChoiceField(label=label, required=False, help_text=hint, widget=widget)


class CategoryForm(forms.Form):
    """What of a category can be changed; the path of an existing one stays."""

    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)
    path = _line(_l("Path"), required=True, limit=120, hint=_l("Small letters; the parent first: logistics/lost"))
    name_zh = _line(_l("Chinese name"), required=True)
    name_en = _line(_l("English name"))
    team = _choice(_l("Team"), _l("Its tickets come into the queue of this team."))
    skills = _line(_l("Skills"), limit=400, hint=_l("Skill and least level, parted by commas: refunds 2, logistics 1"))
    type = _choice(_l("Type"), _l("For tickets that come without one."))
    codes = _choice(_l("Cause and solution when solved"))
    active = forms.BooleanField(
        label=_l("In use"),
        required=False,
        initial=True,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lists: dict[str, list[tuple[str, str]]] = {
            "team": [(t.code, t.name) for t in people.teams()],
            "type": choices("type"),
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
        kept = {"flow": found.flow, "form": found.form} if found else {}
        data = CategoryData(**{**kept, **values})
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
