"""The kinds of outside events with their rules: the list, and the form of one kind."""

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
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.pages.setup import RIGHT, tabs
from jiying.desk.queries import categories
from jiying.desk.queries import outside as queries
from jiying.desk.services import outside_kinds as services


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    require(actor_of(request), RIGHT)
    context = {"tabs": tabs("outside"), "rows": queries.kinds(timezone.now()).items}
    return render(request, "desk/setup/outside.html", context)


_PLACES = fields.with_codes(_l("Places that are filled in: {customer}, {reference}, {text}, {kind}."))


class OutsideKindForm(forms.Form):
    """What of a kind can be changed; the code of an existing one stays."""

    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)
    code = fields.line(_l("Code"), required=True, limit=40, hint=_l("As the other system names it: order_late"))
    name_zh = fields.line(_l("Chinese name"), required=True)
    name_en = fields.line(_l("English name"))
    active = fields.tick(_l("In use"))
    warns = fields.tick(_l("Warn the agents of the customer's open tickets: a note and an alert"))
    tells = fields.tick(_l("Tell the customer: an automatic reply on the ticket"))
    message = fields.text(_l("Message to the customer"), limit=2_000, hint=_PLACES)
    opens = fields.choice(_l("Open a ticket ahead of the complaint"))
    subject = fields.line(_l("Subject of the ticket"), limit=200, hint=_PLACES)
    channel = fields.choice(_l("Channel"))
    priority = fields.choice(_l("Priority"))
    category = fields.choice(_l("Category"))
    window_h = forms.IntegerField(
        label=_l("Window in hours"),
        min_value=0,
        max_value=services.MAX_WINDOW_H,
        help_text=_l(
            "An equal event of the same customer and reference within it opens and tells nothing again; 0: none."
        ),
        widget=forms.NumberInput(attrs={"class": "form-control"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lists = {
            "opens": [("", _("never")), *choices("outside_opens")],
            "channel": [(code, term("channel", code)) for code in CHANNELS],
            "priority": [("", _("By the rules")), *((p, f"{p} {term('priority', p)}") for p in PRIORITIES)],
            "category": [("", "–"), *((c.path, c.label) for c in categories.choices())],
        }
        for name, options in lists.items():
            self.fields[name].choices = options  # type: ignore[attr-defined]


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, key: str = "") -> HttpResponse:
    """One kind; without a code a new one."""
    actor, now = actor_of(request), timezone.now()
    require(actor, RIGHT)
    found = queries.kind(key, now) if key else None
    if request.method == "GET":
        initial = {name: getattr(found, name) for name in OutsideKindForm.base_fields} if found else _FRESH
        return _show(request, OutsideKindForm(initial=initial), found, 200)
    form = OutsideKindForm({**request.POST.dict(), **({"code": key} if key else {})})
    if not form.is_valid():
        return _show(request, form, found, 422)
    values = dict(form.cleaned_data)
    revision = values.pop("revision")
    values["channel"] = values["channel"] or "other"
    try:
        data = services.OutsideKindData(**values)
        services.save(actor=actor, data=data, revision=(revision or 0) if key else None, now=now)
    except Refused as refused:
        for fault in refused.faults:
            form.add_error(fault.field if fault.field in form.fields else None, fault.text)
        return _show(request, form, found, refused.status)
    messages.success(request, _("Saved."))
    return redirect("desk:outside_kinds")


_FRESH = {"active": True, "warns": True, "channel": "other", "window_h": 24}


def _show(request: HttpRequest, form: forms.Form, found: queries.OutsideKindRow | None, status: int) -> HttpResponse:
    return render(request, "desk/setup/outside_kind.html", {"form": form, "found": found}, status=status)
