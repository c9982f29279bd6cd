"""Tables in and out (导入导出): a list as a file, with its progress; a file as tickets, mapped and tried first."""

import csv
import io
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base import files
from jiying.base.context import actor_of
from jiying.base.errors import Denied, Invalid, Refused
from jiying.base.models import Job
from jiying.base.policies import require
from jiying.base.texts import choices, term
from jiying.desk.queries.filters import read
from jiying.desk.services import exporting, table_import

SHOWN = 30
MEDIA = {"csv": "text/csv; charset=utf-8", "xlsx": files.TYPES["xlsx"]}


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """One's own exports and imports, the newest first; asked again while one runs."""
    actor = actor_of(request)
    if actor.rights.isdisjoint((exporting.RIGHT, table_import.RIGHT)):
        raise Denied(exporting.RIGHT)
    jobs = Job.objects.filter(created_by_id=actor.id or 0, kind__in=(exporting.JOB, table_import.JOB))
    rows = [_row(job) for job in jobs.order_by("-pk")[:SHOWN]]
    context = {
        "rows": rows,
        "is_running": any(row["state"] == "running" for row in rows),
        "may_import": table_import.RIGHT in actor.rights,
        "accept": ".csv,.tsv,.txt,.xlsx",
        "kept_days": exporting.KEPT.days,
    }
    template = "desk/exchange.html#jobs" if getattr(request, "htmx", False) else "desk/exchange.html"
    return render(request, template, context)


def _row(job: Job) -> dict[str, Any]:
    if job.kind == exporting.JOB:
        about = exporting.describe(job)
        words = exporting.name_of(job)
        return {**about, "is_export": True, "name": words, "word": term("export_state", about["state"])}
    failed = job.parked_at or job.result.get("fault")
    state = "failed" if failed else "ready" if job.finished_at else "running"
    return {
        "id": job.pk,
        "is_export": False,
        "name": job.params["name"],
        "state": state,
        "word": term("export_state", "done" if state == "ready" else state),
        "n_rows": job.n_done,
        "n_opened": job.result.get("n_opened", 0),
        "n_refused": job.result.get("n_refused", 0),
        "faults": table_import.faults_of(job),
        "created_at": job.created_at,
    }


@login_required
@require_POST
def export(request: HttpRequest) -> HttpResponse:
    """The list whose filters the form carries, as a file."""
    exporting.start(
        actor=actor_of(request),
        filters=read(request.POST.dict()),
        form=request.POST.get("format", "xlsx"),
        plain=request.POST.get("plain") == "on",
        now=timezone.now(),
    )
    return redirect("desk:exchange")


@login_required
@require_GET
def download(request: HttpRequest, job_id: int) -> HttpResponseBase:
    """A finished file, for who asked for it."""
    actor = actor_of(request)
    require(actor, exporting.RIGHT)
    job = exporting.of_actor(actor, job_id)
    path = exporting.file_of(job)
    if path is None:
        raise Http404(str(job_id))
    response = FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=exporting.name_of(job),
        content_type=MEDIA[job.params["format"]],
    )
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    found = request.FILES.get("files")
    if found is None:
        raise Invalid.one("files", "required", field="files")
    kept = table_import.keep(actor=actor_of(request), upload=found, now=timezone.now())
    return redirect("desk:import_table", kept.pk)


@login_required
@require_http_methods(["GET", "POST"])
def import_table(request: HttpRequest, file_id: int) -> HttpResponse:
    """Which column is what; a trial of all rows; then the import."""
    actor, now = actor_of(request), timezone.now()
    require(actor, table_import.RIGHT)
    kept = table_import.of_actor(actor, file_id)
    table = table_import.opened(kept)
    mapping = _mapping(request) if request.method == "POST" else table_import.guess(table.columns)
    channel = request.POST.get("channel", "other")
    context: dict[str, Any] = {"kept": kept, "channel": channel, "channels": choices("channel"), "rows": table.head[:5]}
    status = 200
    if request.method == "POST":
        try:
            about: dict[str, Any] = {"actor": actor, "file_id": file_id, "mapping": mapping, "channel": channel}
            if "start" in request.POST:
                table_import.start(**about, now=now)
                return redirect("desk:exchange")
            context["trial"] = table_import.try_out(**about, now=now)
        except Refused as refused:
            context["refused"], status = refused, refused.status
    context["fields"] = [(field, term("import_field", field), mapping.get(field, "")) for field in table_import.FIELDS]
    context["columns"] = table.columns
    return render(request, "desk/import_table.html", context, status=status)


def _mapping(request: HttpRequest) -> dict[str, str]:
    return {field: request.POST.get(f"map.{field}", "") for field in table_import.FIELDS}


@login_required
@require_GET
def template(request: HttpRequest) -> HttpResponse:
    """An empty table with the columns that an import knows, and one row to show how."""
    require(actor_of(request), table_import.RIGHT)
    words = [term("import_field", field) for field in table_import.FIELDS]
    example = {
        "subject": _("The lamp does not switch on"),
        "channel": term("channel", "phone"),
        "type": term("type", "fault"),
        "priority": "P3",
        "received_at": f"{timezone.localtime():%Y-%m-%d %H:%M}",
        "customer_name": _("Zhang San"),
        "customer_phone": "13800000000",
    }
    text = io.StringIO()
    csv.writer(text).writerows([words, [example.get(field, "") for field in table_import.FIELDS]])
    response = HttpResponse(b"\xef\xbb\xbf" + text.getvalue().encode(), content_type=MEDIA["csv"])
    response["Content-Disposition"] = 'attachment; filename="tickets-template.csv"'
    return response
