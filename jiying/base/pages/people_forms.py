"""The forms of people: fields with their words and widgets, read into a `Profile`. What is allowed, services decide."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from jiying.base import fields, texts
from jiying.base.errors import Fault, Refused
from jiying.base.models import Department, Person, Role, Team
from jiying.base.personnel import Profile

N_NEW_SKILLS = 2  # empty lines for skills that the person has not yet
MAX_SKILLS = 40


def _of(model: Any) -> list[tuple[str, str]]:
    return [("", "—"), *((row.code, str(row)) for row in model.objects.order_by("name"))]


def _mentors() -> list[tuple[str, str]]:
    return [("", "—"), *Person.objects.filter(is_active=True).order_by("name").values_list("username", "name")]


def languages() -> list[tuple[str, Any]]:
    return [("", _("As the site")), *settings.LANGUAGES]


def add_faults(form: forms.Form, refused: Refused) -> None:
    """The faults of a refusal at their fields; those of no field at the form."""
    for fault in refused.faults:
        form.add_error(fault.field if fault.field in form.fields else None, _text(fault))


def _text(fault: Fault) -> str:
    return fault.text


class OwnForm(forms.Form):
    """What everybody sets for themselves."""

    phone = fields.line(_("Mobile number"), limit=20, hint=_("For text messages. Digits only, +86 may stand before."))
    language = fields.choice(_("Language"), languages)
    time_zone = fields.line(_("Time zone"), limit=60, hint=_("For example Asia/Shanghai. Empty: as the site."))


class PersonForm(forms.Form):
    """A person; skills are lines of their own (`read_skills`). `seen` names the state that the form was made from."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    name = fields.line(_("Name"), required=True)
    username = fields.line(_("User name"), required=True, limit=60, hint=_("For sign-in. Letters, digits or . _ - @"))
    email = fields.line(_("E-mail"), limit=254)
    phone = fields.line(_("Mobile number"), limit=20, hint=_("For text messages. Digits only, +86 may stand before."))
    employee_no = fields.line(_("Employee number"), limit=40)
    team = fields.choice(_("Team"), lambda: _of(Team))
    department = fields.choice(_("Department"), lambda: _of(Department))
    roles = forms.MultipleChoiceField(
        label=_("Roles"),
        required=False,
        choices=lambda: [(role.code, role.label) for role in Role.objects.order_by("pk")],
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
    )
    seniority = forms.TypedChoiceField(
        label=_("Seniority"),
        coerce=int,
        initial=1,
        choices=[(1, _("1 new")), (2, "2"), (3, "3"), (4, "4"), (5, _("5 senior"))],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    hire_date = forms.DateField(
        label=_("Hire date"),
        required=False,
        widget=forms.DateInput(attrs={"class": "form-control", "type": "date"}, format="%Y-%m-%d"),
    )
    shift = fields.line(_("Shift"), limit=120, hint=_("In words, for example: early shift 8:00 to 16:00"))
    mentor = fields.choice(_("Mentor"), _mentors)
    language = fields.choice(_("Language"), languages)
    time_zone = fields.line(_("Time zone"), limit=60, hint=_("For example Asia/Shanghai. Empty: as the site."))
    is_active = fields.tick(_("Active: may sign in"), initial=True)

    def profile(self, skills: dict[str, int]) -> Profile:
        """What the valid form says."""
        data = {name: value for name, value in self.cleaned_data.items() if name != "seen"}
        return Profile(**{**data, "roles": frozenset(data["roles"])}, skills=skills)


def read_skills(form: PersonForm) -> dict[str, int]:
    """The lines skill.0.code, skill.0.level …; a line without a code is none. A false level is a fault of the form."""
    found: dict[str, int] = {}
    for number in range(MAX_SKILLS):
        code = texts.code_of("skill", str(form.data.get(f"skill.{number}.code", "")).strip())
        level = str(form.data.get(f"skill.{number}.level", ""))
        if code:
            found[code] = int(level) if level in ("1", "2", "3", "4", "5") else 0
    return found
