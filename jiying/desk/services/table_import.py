"""Tickets from a table (D10): columns mapped to fields, tried without writing, then opened one by one by a job.

Each row is opened by `intake.open_ticket` with the rights of who imports: the same checks, priority, clocks and routing
as for any request. A row that is refused is told with its number and reason; the others go on. The same file again
opens nothing twice: a row's key is its external number, or the row's own words.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from jiying.base import files, jobs, journal
from jiying.base.actor import Actor, of_person
from jiying.base.errors import Denied, Fault, Invalid, NotFound, Refused
from jiying.base.models import Attachment, Job, Person
from jiying.base.policies import require
from jiying.base.texts import TERMS
from jiying.base.transactions import short
from jiying.core import sheets
from jiying.desk.models import Category
from jiying.desk.queries import categories
from jiying.desk.services import intake
from jiying.desk.services.customers import CustomerData
from jiying.desk.services.history.readers import open_log
from jiying.desk.services.history.rows import LogFile, LogFileError, Row, RowNote

JOB = "desk.table_import"
RIGHT = "desk.import"
FIELDS = (
    "subject", "description", "channel", "type", "category", "priority", "tags", "received_at", "external_id",
    "customer_ref", "customer_name", "customer_phone", "customer_email", "customer_tier", "customer_region",
)  # fmt: skip
ROWS_A_BATCH = 50
MAX_FAULTS = 200
SHOWN = 5


@dataclass(frozen=True, slots=True)
class RowFault:
    """Why a row was not taken: its number as in the spreadsheet, the column, a code and the values of its sentence."""

    row: int
    column: str
    code: str
    params: Mapping[str, Any]

    @property
    def text(self) -> str:
        return Fault(self.column, self.code, self.params).text


# --- the file --------------------------------------------------------------------------------------------------------


@short
def keep(*, actor: Actor, upload: Any, now: datetime) -> Attachment:
    """Store an uploaded table, so that mapping, trial and import read the same bytes."""
    require(actor, RIGHT)
    if actor.id is None:
        raise Denied(RIGHT)
    [kept] = files.keep([upload], actor=actor, subject_kind="import", subject_id=actor.id, now=now)
    opened(kept)
    return kept


def of_actor(actor: Actor, file_id: int) -> Attachment:
    """One's own upload; another's does not exist."""
    kept = Attachment.objects.filter(pk=file_id, subject_kind="import", subject_id=actor.id or 0).first()
    if kept is None:
        raise NotFound("file", file_id)
    return kept


def opened(kept: Attachment) -> LogFile:
    """The table of a stored file. Raises Invalid where it is damaged, empty or of another kind."""
    try:
        return open_log(_named(kept))
    except LogFileError as error:
        raise Invalid.one("file", f"history_{error.code}", **error.params) from error


def _named(kept: Attachment) -> Path:
    """The stored bytes under a name with their ending, by which the reader knows the format."""
    ending = kept.name.rpartition(".")[2].lower()
    named = Path(settings.MEDIA_ROOT) / "imports" / f"{kept.sha256[:16]}.{ending}"
    if not named.exists():
        named.parent.mkdir(parents=True, exist_ok=True)
        os.link(files.path_of(kept), named)
    return named


def guess(columns: Sequence[str]) -> dict[str, str]:
    """{field: column} by the names that people give columns, in both languages."""
    found: dict[str, str] = {}
    for column in columns:
        name = column.strip().lower().replace("_", " ")
        for field, words in _NAMES.items():
            if field not in found and name in words:
                found[field] = column
    return found


_NAMES: Mapping[str, frozenset[str]] = {
    "subject": frozenset({"subject", "title", "主题", "标题", "工单标题", "问题"}),
    "description": frozenset({"description", "details", "描述", "内容", "问题描述", "详情"}),
    "channel": frozenset({"channel", "渠道", "来源", "来源渠道"}),
    "type": frozenset({"type", "类型", "工单类型"}),
    "category": frozenset({"category", "分类", "问题分类", "类别"}),
    "priority": frozenset({"priority", "优先级", "紧急程度"}),
    "tags": frozenset({"tags", "标签"}),
    "received_at": frozenset({"received", "received at", "created", "created at", "受理时间", "创建时间", "来单时间"}),
    "external_id": frozenset({"external id", "external number", "外部编号", "原编号", "编号"}),
    "customer_ref": frozenset({"customer ref", "customer id", "客户编号"}),
    "customer_name": frozenset({"customer", "customer name", "name", "客户", "客户姓名", "姓名"}),
    "customer_phone": frozenset({"phone", "phone number", "电话", "手机", "手机号", "联系电话"}),
    "customer_email": frozenset({"email", "e-mail", "e-mail address", "邮箱", "电子邮箱"}),
    "customer_tier": frozenset({"tier", "客户等级", "会员等级"}),
    "customer_region": frozenset({"region", "地区", "区域", "所在地区", "省份", "城市"}),
}


# --- trial and import ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trial:
    """What an import would do: rows read, those that would be refused and why, the first ones as they would be."""

    n_rows: int
    n_good: int
    faults: tuple[RowFault, ...]
    sample: tuple[intake.NewTicket, ...]


def try_out(*, actor: Actor, file_id: int, mapping: Mapping[str, str], channel: str, now: datetime) -> Trial:
    """Check every row as the import would, and write nothing."""
    require(actor, RIGHT)
    kept = of_actor(actor, file_id)
    n_rows, n_good, faults, sample = 0, 0, list[RowFault](), list[intake.NewTicket]()
    reading = _Reading(kept, _checked(kept, mapping), channel)
    for number, found in reading.rows():
        n_rows += 1
        problems = _row_faults(actor, number, found, now)
        n_good += not problems
        faults.extend(problems[: MAX_FAULTS - len(faults)])
        if not problems and isinstance(found, intake.NewTicket) and len(sample) < SHOWN:
            sample.append(found)
    return Trial(n_rows, n_good, tuple(faults), tuple(sample))


def _row_faults(actor: Actor, number: int, found: "intake.NewTicket | RowFault", now: datetime) -> list[RowFault]:
    if isinstance(found, RowFault):
        return [found]
    return [RowFault(number, f.field, f.code, f.params) for f in intake.faults_of(actor=actor, new=found, now=now)]


@short
def start(*, actor: Actor, file_id: int, mapping: Mapping[str, str], channel: str, now: datetime) -> Job:
    """Queue the import."""
    require(actor, RIGHT)
    kept = of_actor(actor, file_id)
    params = {"file": kept.pk, "mapping": dict(_checked(kept, mapping)), "channel": channel, "name": kept.name}
    job = jobs.start(kind=JOB, params=params, by=actor.person, now=now)
    journal.record(actor, [journal.Fact("import", job.pk, "import.started", now, {"file": kept.name})], now=now)
    return job


def step(job: Job, now: datetime) -> bool:
    """Open the next rows; a refused one is kept with its reason. True when the file is at its end."""
    person = Person.objects.filter(pk=job.created_by_id or 0, is_active=True).first()
    if person is None or RIGHT not in of_person(person).rights:
        job.result = {**job.result, "fault": "denied"}
        return True
    actor = of_person(person)
    kept = of_actor(actor, job.params["file"])
    reading = _Reading(kept, job.params["mapping"], job.params["channel"])
    behind = job.cursor.get("rows", 0)
    n_read = 0
    for number, found in islice(reading.rows(), behind, behind + ROWS_A_BATCH):
        n_read += 1
        _take(job, actor, number, found, now)
    job.cursor = {"rows": behind + n_read}
    job.n_done = job.n_total = behind + n_read
    return n_read < ROWS_A_BATCH


def _take(job: Job, actor: Actor, number: int, found: "intake.NewTicket | RowFault", now: datetime) -> None:
    result = {"n_opened": 0, "n_refused": 0, "faults": [], **job.result}
    if isinstance(found, intake.NewTicket):
        try:
            with transaction.atomic():
                intake.open_ticket(actor=actor, new=found, now=now)
            result["n_opened"] += 1
            problems = []
        except Refused as refused:
            problems = [RowFault(number, f.field, f.code, f.params) for f in refused.faults]
    else:
        problems = [found]
    if problems:
        result["n_refused"] += 1
        told = [{"row": p.row, "column": p.column, "code": p.code, "params": dict(p.params)} for p in problems]
        result["faults"] = [*result["faults"], *told][:MAX_FAULTS]
    job.result = result


def faults_of(job: Job) -> list[RowFault]:
    return [RowFault(f["row"], f["column"], f["code"], f["params"]) for f in job.result.get("faults", ())]


def _checked(kept: Attachment, mapping: Mapping[str, str]) -> dict[str, str]:
    """The mapping without what is not mapped. Invalid for a column that the file lacks, or no subject."""
    columns = set(opened(kept).columns)
    wanted = {field: column for field, column in mapping.items() if column}
    faults = [
        Fault(field, "unknown_value", {"value": column[:40], "known": ", ".join(sorted(columns))[:200]})
        for field, column in wanted.items()
        if field not in FIELDS or column not in columns
    ]
    if "subject" not in wanted:
        faults.append(Fault("subject", "required", {"field": "subject"}))
    if faults:
        raise Invalid(*faults)
    return wanted


class _Reading:
    """The rows of a stored file as requests: words in both languages become codes, times get the site's zone."""

    def __init__(self, kept: Attachment, mapping: Mapping[str, str], channel: str) -> None:
        self._file = opened(kept)
        self._kept, self._mapping, self._channel = kept, mapping, channel
        self._words = {group: _codes(group) for group in ("channel", "type", "priority", "tier")}
        self._words["category"] = _category_paths()

    def rows(self) -> Iterator[tuple[int, intake.NewTicket | RowFault]]:
        fields = list(self._mapping)
        for row in self._file.rows([self._mapping[field] for field in fields]):
            if isinstance(row, RowNote):
                if row.row:
                    yield row.row, RowFault(row.row, row.column, f"history_{row.code}", {"value": row.value})
            elif any(row.values):
                cells = {f: sheets.from_csv(v.strip(" ")) for f, v in zip(fields, row.values, strict=True)}
                yield row.number, self._request(row, cells)

    def _request(self, row: Row, cells: Mapping[str, str]) -> intake.NewTicket | RowFault:
        received = None
        if text := cells.get("received_at", ""):
            received = _instant(text)
            if received is None:
                return RowFault(row.number, self._mapping["received_at"], "bad_time", {"value": text[:40]})
        customer = {name: cells.get(f"customer_{name}", "") for name in ("ref", "name", "phone", "email", "region")}
        customer["tier"] = self._code("tier", cells.get("customer_tier", ""))
        tags = tuple(t for t in (part.strip() for part in cells.get("tags", "").replace("，", ",").split(",")) if t)
        return intake.NewTicket(
            subject=cells.get("subject", ""),
            description=cells.get("description", ""),
            channel=self._code("channel", cells.get("channel", "")) or self._channel,
            type=self._code("type", cells.get("type", "")),
            category=self._code("category", cells.get("category", "")),
            priority=self._code("priority", cells.get("priority", "")) or None,
            tags=tags,
            received_at=received,
            customer=CustomerData(**customer) if any(customer.values()) else None,
            idempotency_key=f"table:{cells['external_id']}" if cells.get("external_id") else f"row:{row.digest.hex()}",
        )

    def _code(self, group: str, text: str) -> str:
        """The code of a word; a word that nobody knows stays as it is, and is refused by the checks of intake."""
        return self._words[group].get(text.strip().lower(), text.strip())


def _codes(group: str) -> dict[str, str]:
    """{word in any language, or the code itself: code}."""
    from django.utils import translation

    found = {}
    for language in ("en", "zh-hans"):
        with translation.override(language):
            found.update({str(word).lower(): code for code, word in TERMS[group].items()})
    return {**found, **{code.lower(): code for code in TERMS[group]}}


def _category_paths() -> dict[str, str]:
    """{a category's name in any language, its whole way down, or its path: path}; a name that two share is left out."""
    found: dict[str, str] = {}
    twice = set()
    for path, zh, en in Category.objects.filter(active=True).values_list("path", "name_zh", "name_en"):
        for name in {zh.lower(), en.lower()} - {""}:
            twice |= {name} & found.keys()
            found[name] = path
    whole = {choice.label.lower(): choice.path for choice in categories.choices()}
    return {name: path for name, path in found.items() if name not in twice} | whole


def _instant(text: str) -> datetime | None:
    """A time as people write it in tables; without an offset in the site's zone."""
    try:
        found = parse_datetime(text.strip().replace("/", "-").replace("T", " "))
    except ValueError:
        return None
    if found is None:
        return None
    return timezone.make_aware(found) if timezone.is_naive(found) else found
