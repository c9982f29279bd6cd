"""A file of days as it comes in (faults name the line) and goes out; what days mean, `core.calendar_files` knows."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse

from jiying.base import texts
from jiying.base.errors import Fault, Invalid, NotFound
from jiying.base.models import VersionedDocument
from jiying.core.calendar_files import Day, Read, Unread, days_of, read_csv, read_ics, write_csv, write_ics
from jiying.core.calendars import CalendarSpec

MAX_BYTES = 1_000_000
FORMATS = ("csv", "ics")


@dataclass(frozen=True, slots=True)
class Taken:
    """The days that could be read, and what could not, each with its line."""

    days: tuple[Day, ...]
    unread: tuple[Unread, ...]

    @property
    def problems(self) -> list[tuple[int, str]]:
        return [(one.line, texts.fault(f"days_{one.code}", one.params)) for one in self.unread]

    def whole(self) -> tuple[Day, ...]:
        """All days; Invalid with every line that could not be read: nothing is half taken over."""
        if self.unread:
            raise Invalid(*(Fault(f"line {one.line}", f"days_{one.code}", dict(one.params)) for one in self.unread))
        return self.days


def take(kind: str, data: bytes) -> Taken:
    """Read by kind (`csv`, `ics`). Spreadsheets of Chinese offices write GB18030: taken where it is no UTF-8."""
    if len(data) > MAX_BYTES:
        raise Invalid.one("file", "file_size", limit=MAX_BYTES // 1_000_000)
    if kind not in FORMATS:
        raise Invalid.one("file", "days_format")
    found = read_ics(data) if kind == "ics" else _csv(data)
    return Taken(found.days, found.unread)


def _csv(data: bytes) -> Read:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return read_csv(text) if "\x00" not in text else Read((), (Unread(1, "bad_encoding", {}),))
    return Read((), (Unread(1, "bad_encoding", {}),))


def kind_of(name: str) -> str:
    """The kind of a file by its name's end."""
    return name.rpartition(".")[2].lower()


def written(document: VersionedDocument, kind: str, year: int | None, now: datetime) -> HttpResponse:
    """The special days of a calendar, of one year or all, as a file to keep."""
    if kind not in FORMATS:
        raise NotFound("calendar", f"{document.key}.{kind}")
    days = days_of(CalendarSpec.from_json(document.body), year)
    if kind == "ics":
        body, media = write_ics(days, document.label, now), "text/calendar; charset=utf-8"
    else:
        body, media = write_csv(days).encode(), "text/csv; charset=utf-8"
    name = f"{document.key}{f'-{year}' if year else ''}.{kind}"
    return HttpResponse(body, content_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})
