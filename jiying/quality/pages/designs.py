"""Who is asked what after closing: the list of designs, and the form of one."""

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
from jiying.base.texts import choices, term
from jiying.core.standards import CHANNELS
from jiying.desk.queries import categories
from jiying.desk.queries.filters import TYPES
from jiying.quality.pages import tabs
from jiying.quality.policies import EDIT
from jiying.quality.queries import designs as queries
from jiying.quality.services import designs as services

LISTS = ("items", "channels", "categories", "types")


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    names = {one.path: one.label for one in categories.choices()}
    rows = [{"row": one, "about": _about(one, names)} for one in queries.designs(actor, timezone.now()).items]
    context = {"tabs": tabs(actor, "designs"), "rows": rows}
    return render(request, "quality/designs.html", context)


def _about(row: queries.DesignRow, names: dict[str, str]) -> list[str]:
    """Which tickets it asks about, in words; empty: all of them."""
    words = [term("channel", code) for code in row.channels] + [term("type", code) for code in row.types]
    return words + [names.get(path, path) for path in row.categories]


def _number(name: str, label: Any, hint: Any = "") -> forms.IntegerField:
    low, high = services.NUMBERS[name]
    return fields.number(label, low=low, high=high, required=True, hint=hint)


class DesignForm(forms.Form):
    """What of a design can be changed; the code of an existing one stays."""

    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)
    code = fields.line(_l("Code"), required=True, limit=40)
    name_zh = fields.line(_l("Chinese name"), required=True)
    name_en = fields.line(_l("English name"))
    active = fields.tick(_l("In use"))
    kind = fields.choice(_l("Scale"), lambda: choices("survey_kind"), required=True)
    items = fields.ticks(
        _l("Also asked, from 1 to 5"), lambda: choices("survey_item"), hint=_l("With the scale 1–5 only.")
    )
    question_zh = fields.line(_l("Own question in Chinese"), limit=200, hint=_l("Empty: the usual one of the scale."))
    question_en = fields.line(_l("Own question in English"), limit=200)
    channels = fields.ticks(_l("Channels"), (), hint=_l("Nothing ticked: all of them."))
    types = fields.ticks(_l("Types"), ())
    categories = forms.MultipleChoiceField(
        label=_l("Categories"),
        required=False,
        help_text=_l("Nothing chosen: all of them. A category takes those below it too."),
        widget=forms.SelectMultiple(attrs={"class": "form-select", "size": "6"}),
    )
    share = _number("share", _l("Share of these tickets in per cent"), _l("Drawn from the ticket's number."))
    quiet_days = _number(
        "quiet_days", _l("No customer twice within days"), _l("0: everybody after each of their tickets.")
    )
    delay_h = _number("delay_h", _l("Asked so many hours after closing"))
    expires_days = _number("expires_days", _l("Ends after days"), _l("Until then an answer can be changed."))
    tells = fields.tick(
        _l("Write the link to the customer, as an automatic reply on the ticket"),
        hint=_l("It goes the way that replies on the ticket go. Without it the survey stands on the customer's page."),
    )
    reminder_h = _number("reminder_h", _l("Remind them once after hours"), _l("0: no reminder."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lists = {
            "channels": [(code, term("channel", code)) for code in CHANNELS],
            "types": [(code, term("type", code)) for code in TYPES],
            "categories": [(one.path, one.label) for one in categories.choices()],
        }
        for name, options in lists.items():
            self.fields[name].choices = options  # type: ignore[attr-defined]


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, key: str = "") -> HttpResponse:
    """One design; without a code a new one."""
    actor, now = actor_of(request), timezone.now()
    require(actor, EDIT)
    found = queries.design(actor, key, now) if key else None
    if request.method == "GET":
        initial = {name: getattr(found, name) for name in DesignForm.base_fields} if found else _fresh()
        return _show(request, DesignForm(initial=initial), found, 200)
    posted = request.POST.copy()
    if key:
        posted["code"] = key
    form = DesignForm(posted)
    if not form.is_valid():
        return _show(request, form, found, 422)
    values: dict[str, Any] = dict(form.cleaned_data)
    values |= {name: tuple(values[name]) for name in LISTS}
    revision = values.pop("revision")
    try:
        data = services.DesignData(**values)
        services.save(actor=actor, data=data, revision=(revision or 0) if key else None, now=now)
    except Refused as refused:
        for fault in refused.faults:
            form.add_error(fault.field if fault.field in form.fields else None, fault.text)
        return _show(request, form, found, refused.status)
    messages.success(request, _("Saved."))
    return redirect("quality:designs")


def _fresh() -> dict[str, Any]:
    usual = services.DesignData("", "")
    return {name: getattr(usual, name) for name in DesignForm.base_fields if name not in ("revision", "code")}


def _show(request: HttpRequest, form: forms.Form, found: queries.DesignRow | None, status: int) -> HttpResponse:
    return render(request, "quality/design.html", {"form": form, "found": found}, status=status)
