"""Lists of tickets as CSV or XLSX (D10), made by a job in bounded batches: masked, and never a formula.

A batch cuts the file to what the last one had written before it adds its own, so a crash between doubles nothing.
Rights are asked again in each batch: who lost them meanwhile gets no more rows.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from jiying.base import jobs, journal
from jiying.base.actor import Actor, of_person
from jiying.base.errors import Denied, Invalid, NotFound
from jiying.base.models import Job, Person
from jiying.base.policies import require
from jiying.base.texts import term
from jiying.base.transactions import short
from jiying.core import masking, sheets
from jiying.desk.models import Customer, Ticket
from jiying.desk.queries import categories, lists
from jiying.desk.queries.filters import Filters

JOB = "desk.export"
RIGHT = "desk.export"
FORMATS = ("csv", "xlsx")
PAGES_A_BATCH = 20
KEPT = timedelta(days=7)


@short
def start(*, actor: Actor, filters: Filters, form: str, plain: bool = False, language: str = "", now: datetime) -> Job:
    """Queue an export of what the actor sees under these filters. `plain` shows personal data, for who may reveal it.

    Who took which list, and whether unmasked, is journalled (D12).
    """
    require(actor, RIGHT)
    if plain:
        require(actor, "desk.reveal")
    if form not in FORMATS:
        raise Invalid.one("format", "unknown_value", value=form[:20], known=", ".join(FORMATS))
    if actor.person is None:
        raise Denied(RIGHT)
    about = {"filters": asdict(filters), "format": form, "plain": plain}
    language = language or translation.get_language() or settings.LANGUAGE_CODE
    job = jobs.start(kind=JOB, params={**about, "language": language}, by=actor.person, now=now)
    journal.record(actor, [journal.Fact("export", job.pk, "export.started", now, about)], now=now)
    return job


def of_actor(actor: Actor, job_id: int) -> Job:
    """One's own export; another's does not exist."""
    job = Job.objects.filter(pk=job_id, kind=JOB, created_by_id=actor.id or 0).first()
    if job is None:
        raise NotFound("job", job_id)
    return job


def file_of(job: Job) -> Path | None:
    """The finished file, as long as it is kept."""
    path = _path(job, job.params["format"])
    return path if job.finished_at and not job.cancelled_at and path.exists() else None


def name_of(job: Job) -> str:
    return f"tickets-{timezone.localtime(job.created_at):%Y%m%d-%H%M%S}.{job.params['format']}"


def step(job: Job, now: datetime) -> bool:
    """One batch of pages; the last one finishes the file. True when it is done."""
    person = Person.objects.filter(pk=job.created_by_id or 0, is_active=True).first()
    if person is None or not _may(of_person(person), job):
        job.result = {"fault": "denied"}
        return True
    with translation.override(job.params["language"]):
        done = _batch(job, of_person(person), now)
        if done and job.params["format"] == "xlsx":
            _to_workbook(_path(job, "csv"), _path(job, "xlsx"))
    return done


def _may(actor: Actor, job: Job) -> bool:
    return RIGHT in actor.rights and (not job.params["plain"] or "desk.reveal" in actor.rights)


def _batch(job: Job, actor: Actor, now: datetime) -> bool:
    filters = Filters(**job.params["filters"])
    cursor, is_first = job.cursor.get("page", ""), not job.cursor
    names = {choice.path: choice.label for choice in categories.choices()}
    made: list[Sequence[str]] = [_heading()] if is_first else []
    for _page in range(PAGES_A_BATCH):
        page = lists.page(actor, filters, now, cursor)
        made.extend(_rows([row.id for row in page.rows], names, plain=job.params["plain"]))
        cursor = page.cursor
        if not cursor:
            break
    job.cursor = {"page": cursor, "size": _append(_path(job, "csv"), made, job.cursor.get("size", 0))}
    job.n_done += len(made) - is_first
    job.n_total = job.n_done
    return not cursor


def _append(path: Path, rows: Iterable[Sequence[str]], size: int) -> int:
    """Write behind the first `size` bytes, dropping what a batch that was rolled back has left; the new size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(b"\xef\xbb\xbf")  # spreadsheets take a CSV without it for the local code page
    with path.open("r+", encoding="utf-8", newline="") as file:
        file.truncate(max(size, 3))
        file.seek(0, 2)
        csv.writer(file).writerows([sheets.for_csv(cell) for cell in row] for row in rows)
        return file.tell()


def _to_workbook(source: Path, target: Path) -> None:
    """The finished CSV as a workbook of texts, row by row; it appears whole or not at all."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("Tickets"))
    sheet.freeze_panes = "A2"
    with source.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.reader(file):
            cells = []
            for text in row:
                cell = WriteOnlyCell(sheet, value=sheets.for_workbook(sheets.from_csv(text)))
                cell.data_type, cell.number_format = "s", "@"
                cells.append(cell)
            sheet.append(cells)
    half = target.with_suffix(".part")
    book.save(half)
    half.replace(target)
    source.unlink()


def _path(job: Job, form: str) -> Path:
    return Path(settings.MEDIA_ROOT) / "exports" / f"{job.pk}.{form}"


def sweep(now: datetime) -> None:
    """Remove files that are older than `KEPT`: copies of personal data do not lie about."""
    folder = Path(settings.MEDIA_ROOT) / "exports"
    for path in folder.glob("*") if folder.exists() else ():
        if datetime.fromtimestamp(path.stat().st_mtime, tz=now.tzinfo) < now - KEPT:
            path.unlink(missing_ok=True)


# --- the columns -----------------------------------------------------------------------------------------------------


def _heading() -> tuple[str, ...]:
    return (
        _("Number"), _("Subject"), _("State"), _("Priority"), _("Channel"), _("Type"), _("Category"), _("Customer"),
        _("Phone number"), _("E-mail address"), _("Tier"), _("Assignee"), _("Team"), _("Tags"), _("Received"),
        _("Next due"), _("Overdue"), _("Resolved at"), _("Ended at"),
    )  # fmt: skip


def _rows(ids: Sequence[int], names: Mapping[str, str], *, plain: bool) -> list[tuple[str, ...]]:
    found = Ticket.objects.select_related("customer", "assignee", "team").in_bulk(ids)
    return [_row(found[pk], names, plain) for pk in ids if pk in found]


def _row(ticket: Ticket, names: Mapping[str, str], plain: bool) -> tuple[str, ...]:
    return (
        ticket.number,
        ticket.subject,
        term("status", ticket.status),
        ticket.priority,
        term("channel", ticket.channel),
        term("type", ticket.type),
        names.get(ticket.category, ticket.category),
        *_customer(ticket.customer, plain),
        term("tier", ticket.tier),
        ticket.assignee.name if ticket.assignee else "",
        ticket.team.name if ticket.team else "",
        ", ".join(map(str, ticket.tags)),
        _when(ticket.received_at),
        _when(ticket.next_due_at),
        _("yes") if ticket.is_late else "",
        _when(ticket.resolved_at),
        _when(ticket.ended_at),
    )


def _customer(customer: Customer | None, plain: bool) -> tuple[str, str, str]:
    if customer is None:
        return "", "", ""
    told = customer.name, customer.phone, customer.email
    return told if plain else (masking.name(told[0]), masking.phone(told[1]), masking.email(told[2]))


def _when(at: datetime | None) -> str:
    return "" if at is None else f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S}"


def describe(job: Job) -> dict[str, Any]:
    """An export as pages and API show it."""
    return {
        "id": job.pk,
        "format": job.params["format"],
        "plain": job.params["plain"],
        "n_rows": job.n_done,
        "state": _state(job),
        "created_at": job.created_at,
        "finished_at": job.finished_at,
    }


def _state(job: Job) -> str:
    if job.parked_at or job.result.get("fault"):
        return "failed"
    if not job.finished_at:
        return "running"
    return "ready" if file_of(job) else "gone"
