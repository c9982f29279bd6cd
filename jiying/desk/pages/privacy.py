"""What a customer may ask for (D13): their data as a file, their erasure in two steps; and two records made one."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base import files
from jiying.base.context import actor_of
from jiying.base.errors import NotFound, Refused
from jiying.base.pages.again import proven
from jiying.base.policies import require
from jiying.desk.models import Customer
from jiying.desk.policies import PRIVACY_RIGHT
from jiying.desk.queries import customers, privacy
from jiying.desk.services import handing_out, merging
from jiying.desk.services import privacy as services


@login_required
@require_http_methods(["GET", "POST"])
@proven
def erase(request: HttpRequest, pk: int) -> HttpResponse:
    """First what will go; then, with the number typed in, the order."""
    actor = actor_of(request)
    require(actor, PRIVACY_RIGHT)
    if request.method == "GET":
        return _render(request, pk, None)
    try:
        services.order_erasure(
            actor=actor,
            customer_id=pk,
            typed=request.POST.get("typed", "")[:40],
            with_texts=request.POST.get("with_texts") == "on",
            now=timezone.now(),
        )
    except NotFound:
        raise
    except Refused as refused:
        return _render(request, pk, refused)
    return redirect("desk:customer", pk)


def _render(request: HttpRequest, pk: int, refused: Refused | None) -> HttpResponse:
    customer = Customer.objects.select_related("dedicated").filter(pk=pk).first()
    if customer is None:
        raise NotFound("customer", pk)
    actor = actor_of(request)
    context: dict[str, Any] = {
        "card": customers.card(actor, customer),
        "beside": privacy.beside(actor, customer),
        "number": str(pk),
        "with_texts": request.method == "GET" or request.POST.get("with_texts") == "on",
        "refused": refused,
    }
    return render(request, "desk/erase_customer.html", context, status=refused.status if refused else 200)


@login_required
@require_POST
def export(request: HttpRequest, pk: int) -> HttpResponse:
    handing_out.order(actor=actor_of(request), customer_id=pk, now=timezone.now())
    return redirect("desk:customer", pk)


@login_required
@require_GET
def download(request: HttpRequest, file_id: int) -> HttpResponseBase:
    """Fetching is journalled; the link alone opens nothing."""
    found = handing_out.download(actor=actor_of(request), file_id=file_id, now=timezone.now())
    if not files.path_of(found).exists():
        raise Http404(str(file_id))
    response = FileResponse(files.path_of(found).open("rb"), as_attachment=True, filename=found.name)
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_POST
def merge(request: HttpRequest, pk: int) -> HttpResponse:
    other = request.POST.get("other", "")
    drop = int(other) if other.isascii() and other.isdigit() and len(other) < 19 else 0
    merging.merge(actor=actor_of(request), keep_id=pk, drop_id=drop, now=timezone.now())
    return redirect("desk:customer", pk)
