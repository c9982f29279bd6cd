"""The kinds of offers: a short list edited in place."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from jiying.base.context import actor_of
from jiying.base.errors import Refused
from jiying.base.policies import require
from jiying.desk.pages.setup import RIGHT, revision_of, tabs
from jiying.desk.queries import offers as queries
from jiying.desk.services import offer_kinds


@login_required
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """The list; a POST saves one line of it."""
    actor = actor_of(request)
    require(actor, RIGHT)
    refused = None
    if request.method == "POST":
        try:
            offer_kinds.save(actor=actor, data=_data(request), revision=revision_of(request), now=timezone.now())
        except Refused as fault:
            refused = fault
        else:
            messages.success(request, _("Saved."))
            return redirect("desk:offer_kinds")
    context = {
        "tabs": tabs("offers"),
        "rows": queries.kinds(timezone.now()).items,
        "refused": refused,
        "tried": request.POST if refused and revision_of(request) is None else {},
    }
    return render(request, "desk/setup/offers.html", context, status=refused.status if refused else 200)


def _data(request: HttpRequest) -> offer_kinds.OfferKindData:
    values = {name: request.POST.get(name, "").strip() for name in ("code", "name_zh", "name_en")}
    return offer_kinds.OfferKindData(**values, active=request.POST.get("active") == "on")
