"""Connections (外部连接): all of them with how they fare, and the form of one, made from the fields of its kind."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base import connection_rows, connections, fields
from jiying.base.connection_rows import ConnectionRow
from jiying.base.connections import ConnectionData, Field, Kind
from jiying.base.context import actor_of
from jiying.base.errors import Refused
from jiying.base.pages.again import proven
from jiying.base.policies import require

_OPTION, _SECRET, _FORGET = "o_", "s_", "forget_"
# Logs of what went over connections, beside their list: (key, label, name of the address). Features add theirs.
MORE: list[tuple[str, Any, str]] = []


def tabs(active: str) -> list[dict[str, Any]]:
    found = [("all", _("Connections"), "connections"), *MORE]
    return [{"label": label, "url": reverse(name), "active": key == active} for key, label, name in found]


@login_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    groups = connection_rows.groups(actor_of(request), timezone.now())
    return render(request, "connections/index.html", {"groups": groups, "tabs": tabs("all")})


@login_required
@require_http_methods(["GET", "POST"])
@proven
def new(request: HttpRequest, kind: str) -> HttpResponse:
    require(actor_of(request), connections.RIGHT)
    return _edit(request, connections.kind_of(kind), None)


@login_required
@require_http_methods(["GET", "POST"])
@proven
def edit(request: HttpRequest, code: str) -> HttpResponse:
    found = connection_rows.row(actor_of(request), code, timezone.now())
    return _edit(request, connections.kind_of(found.kind), found)


@login_required
@require_POST
def test(request: HttpRequest, code: str) -> HttpResponse:
    """Try the stored configuration; the page is drawn again with what came of it."""
    actor, now = actor_of(request), timezone.now()
    try:
        reached, failed = connections.test(actor=actor, code=code, now=now), ""
    except connections.Failed as error:
        reached, failed = "", str(error)
    found = connection_rows.row(actor, code, now)
    kind = connections.kind_of(found.kind)
    tested = {"text": failed or reached, "is_good": not failed}
    return _show(request, kind, found, _form(kind, found), tested=tested)


def _edit(request: HttpRequest, kind: Kind, found: ConnectionRow | None) -> HttpResponse:
    if request.method == "GET":
        return _show(request, kind, found, _form(kind, found))
    form = _form(kind, found, request.POST)
    if not form.is_valid():
        return _show(request, kind, found, form, 422)
    values = form.cleaned_data
    code = found.code if found else values["code"]
    try:
        connections.save(
            actor=actor_of(request),
            kind=kind.code,
            code=code,
            data=_data(kind, values),
            revision=(values["revision"] or 0) if found else None,
            now=timezone.now(),
        )
    except Refused as refused:
        for fault in refused.faults:
            form.add_error(_place(form, fault.field), fault.text)
        return _show(request, kind, found, form, refused.status)
    messages.success(request, _("Saved."))
    return redirect("connection", code)


def _data(kind: Kind, values: dict[str, Any]) -> ConnectionData:
    return ConnectionData(
        name=values["name"],
        options={one.name: _typed(one, values[_OPTION + one.name]) for one in kind.fields},
        secrets={one.name: values[_SECRET + one.name] for one in kind.secrets},
        forget=[one.name for one in kind.secrets if values.get(_FORGET + one.name)],
        active=values["active"],
    )


def _typed(one: Field, value: Any) -> Any:
    if one.kind == "lines" and isinstance(value, str):
        return [line.strip() for line in value.splitlines() if line.strip()]
    return value


def _place(form: forms.Form, name: str) -> str | None:
    """The form's field of a fault; None where it has none."""
    return next((full for full in (name, _OPTION + name, _SECRET + name) if full in form.fields), None)


def _form(kind: Kind, found: ConnectionRow | None, data: Any = None) -> forms.Form:
    form = forms.Form(data)
    form.fields["revision"] = forms.IntegerField(
        required=False, widget=forms.HiddenInput, initial=found.revision if found else 0
    )
    form.fields["name"] = fields.line(_("Title"), required=True)
    form.fields["name"].initial = found.name if found else str(kind.label)
    if not found:
        form.fields["code"] = fields.line(
            _("Code"), required=True, limit=40, hint=_("Small letters, digits, - and _; it stays. Addresses name it.")
        )
    for one in kind.fields:
        form.fields[_OPTION + one.name] = _field(one, found.options[one.name] if found else one.default or one.empty)
    for one in kind.secrets:
        _add_secret(form, one, bool(found and found.secrets[one.name]))
    form.fields["active"] = fields.tick(_("Switched on"), initial=found.active if found else True)
    return form


def _field(one: Field, value: Any) -> forms.Field:
    made = _widget(one)
    made.initial = "\n".join(value) if one.kind == "lines" and not one.options else value
    return made


def _widget(one: Field) -> forms.Field:
    """The form field of a kind of field; what it may hold is the service's to decide."""
    about: dict[str, Any] = {"required": one.required, "hint": one.hint}
    match one.kind:
        case "tick":
            return fields.tick(one.label, hint=one.hint)
        case "number":
            return fields.number(one.label, low=one.low, high=one.high, **about)
        case "choice":
            first = [] if one.required else [("", "—")]
            return fields.choice(one.label, [*first, *one.options], **about)
        case "lines" if one.options:
            return fields.ticks(one.label, one.options, **about)
        case "lines" | "prose":
            return fields.text(one.label, rows=4, **about)
        case _:
            return fields.line(one.label, limit=300, **about)


def _add_secret(form: forms.Form, one: Field, is_kept: bool) -> None:
    """Never filled in; an empty one keeps what there is."""
    make = fields.secret_lines if one.kind == "headers" else fields.secret
    form.fields[_SECRET + one.name] = make(one.label, is_kept=is_kept, hint=one.hint)
    if is_kept and not one.required:
        form.fields[_FORGET + one.name] = fields.tick(_("Forget “%(name)s”") % {"name": one.label})


def _show(
    request: HttpRequest,
    kind: Kind,
    found: ConnectionRow | None,
    form: forms.Form,
    status: int = 200,
    tested: dict[str, Any] | None = None,
) -> HttpResponse:
    context = {
        "kind": kind,
        "found": found,
        "form": form,
        "parts": [field for field in form if not field.is_hidden],
        "can_test": kind.test is not None,
        "tested": tested,
    }
    return render(request, "connections/one.html", context, status=status)


urlpatterns = [
    path("", index, name="connections"),
    path("new/<str:kind>", new, name="new_connection"),
    path("<str:code>/", edit, name="connection"),
    path("<str:code>/test", test, name="test_connection"),
]
