"""Mail (邮件): what came and what became of it; what could not be taken in is taken over here."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base import texts
from jiying.base.context import actor_of
from jiying.base.errors import Refused
from jiying.channels.queries import mail as queries
from jiying.channels.services.mail import quarantine
from jiying.channels.services.mail.originals import open_original


@login_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """In quarantine first; the rest by choice."""
    state = request.GET.get("state", "quarantine").strip()[:20]
    state = state if state in dict(texts.choices("mail_state")) else ""
    found = queries.mails(actor_of(request), state=state, cursor=request.GET.get("cursor", "")[:200])
    context = {
        "rows": found.items,
        "state": state,
        "states": texts.choices("mail_state"),
        "older": urlencode({"state": state, "cursor": found.next}) if found.next else "",
    }
    return render(request, "channels/mails.html", context)


@login_required
@require_GET
def show(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, pk)


@login_required
@require_POST
def take_over(request: HttpRequest, pk: int) -> HttpResponse:
    """Into a new ticket or one that is named; then there."""
    number = request.POST.get("number", "").strip()[:24] if request.POST.get("into") == "known" else ""
    if request.POST.get("into") == "known" and not number:
        return _page(request, pk, 422, error=_("Fill in %(field)s.") % {"field": _("the ticket's number")})
    try:
        row = quarantine.take_over(actor=actor_of(request), mail_id=pk, number=number, now=timezone.now())
    except Refused as refused:
        if refused.status in (403, 404):
            raise
        return _page(request, pk, refused.status, error=refused.text, number=number)
    into = queries.one(actor_of(request), row.pk).row.ticket or ""
    messages.success(request, _("The mail was taken over into %(number)s.") % {"number": into})
    return redirect("mail:show", pk)


@login_required
@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    quarantine.discard(actor=actor_of(request), mail_id=pk, now=timezone.now())
    messages.success(request, _("The mail is ignored. It can still be found here."))
    return redirect("mail:index")


@login_required
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    quarantine.retry(actor=actor_of(request), mail_id=pk, now=timezone.now())
    messages.success(request, _("The mail is taken in once more."))
    return redirect("mail:show", pk)


@login_required
@require_http_methods(["GET", "POST"])
def original(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The mail as it came, as a download; a POST reveals it to those whose pages are masked."""
    reveals = request.method == "POST"
    file = open_original(actor=actor_of(request), mail_id=pk, reveals=reveals, now=timezone.now())
    if file is None:
        raise Http404(str(pk))
    name = f"mail-{pk}.eml"
    response = FileResponse(file, as_attachment=True, filename=name, content_type="message/rfc822")
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, no-store"
    return response


def _page(request: HttpRequest, pk: int, status: int = 200, *, error: str = "", number: str = "") -> HttpResponse:
    found = queries.one(actor_of(request), pk)
    return render(request, "channels/mail.html", {"mail": found, "error": error, "number": number}, status=status)


app_name = "mail"
urlpatterns = [
    path("", index, name="index"),
    path("<int:pk>/", show, name="show"),
    path("<int:pk>/take-over", take_over, name="take_over"),
    path("<int:pk>/discard", discard, name="discard"),
    path("<int:pk>/retry", retry, name="retry"),
    path("<int:pk>/original", original, name="original"),
]
