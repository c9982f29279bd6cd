"""Audit (审计): the list with its filters, and the check of the journal's chain as a job."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from jiying.base import audit, audit_words
from jiying.base.context import actor_of
from jiying.base.errors import Invalid
from jiying.base.models import Person
from jiying.base.policies import require

ASKED = ("person", "kind", "since", "until", "subject_kind", "subject_id")


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    require(actor, audit.RIGHT)
    asked = {name: request.GET.get(name, "").strip()[:60] for name in ASKED}
    found = audit.page(actor, _wanted(asked), _number(request.GET.get("before", "")))
    kept = {name: value for name, value in asked.items() if value}
    here = reverse("audit")
    job = audit.last_check()
    context: dict[str, Any] = {
        "rows": found.items,
        "asked": asked,
        "asked_subject": audit_words.subject_words(asked["subject_kind"], _number(asked["subject_id"]) or 0),
        "kinds": audit.kinds(),
        "people": Person.objects.order_by("name").values_list("pk", "name"),
        "page": {
            "next_url": f"{here}?{urlencode({**kept, 'before': found.next_cursor})}" if found.next_cursor else "",
            "first_url": f"{here}?{urlencode(kept)}" if "before" in request.GET else "",
            "n_shown": len(found.items),
        },
        "job": job,
        "job_faults": audit.faults_of(job),
    }
    return render(request, "people/audit.html", context)


def _wanted(asked: dict[str, str]) -> audit.Wanted:
    return audit.Wanted(
        person=_number(asked["person"]),
        kind=asked["kind"],
        since=_day("since", asked["since"]),
        until=_day("until", asked["until"]),
        subject_kind=asked["subject_kind"],
        subject_id=_number(asked["subject_id"]),
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _day(name: str, text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid.one(name, "bad_day", value=text[:20]) from None


@login_required
@require_POST
def check(request: HttpRequest) -> HttpResponse:
    audit.check_chain(actor=actor_of(request), now=timezone.now())
    return redirect("audit")


urlpatterns = [path("", show, name="audit"), path("check", check, name="audit_check")]
