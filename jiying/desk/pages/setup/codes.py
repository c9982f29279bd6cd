"""Cause and solution codes: three trees edited in place."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from jiying.base import texts
from jiying.base.context import actor_of
from jiying.base.errors import Refused
from jiying.base.policies import require
from jiying.desk.pages.setup import RIGHT, revision_of, tabs
from jiying.desk.queries import categories
from jiying.desk.queries import codes as queries
from jiying.desk.services import codes


@login_required
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """The trees; a POST saves one line of them."""
    actor = actor_of(request)
    require(actor, RIGHT)
    refused = None
    if request.method == "POST":
        try:
            codes.save(actor=actor, data=_data(request), revision=revision_of(request), now=timezone.now())
        except Refused as fault:
            refused = fault
        else:
            messages.success(request, _("Saved."))
            return redirect("desk:codes")
    rows = queries.codes(timezone.now()).items
    context = {
        "tabs": tabs("codes"),
        "trees": [(kind, texts.term("code", kind), [r for r in rows if r.kind == kind]) for kind in codes.KINDS],
        "categories": categories.choices(),
        "refused": refused,
        "tried": request.POST if refused else {},
    }
    return render(request, "desk/setup/codes.html", context, status=refused.status if refused else 200)


def _data(request: HttpRequest) -> codes.CodeData:
    values = {name: request.POST.get(name, "").strip() for name in ("kind", "path", "name_zh", "name_en", "category")}
    return codes.CodeData(**values, active=request.POST.get("active") == "on")
