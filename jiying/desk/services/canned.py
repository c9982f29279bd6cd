"""Canned texts (常用语): written for oneself, one's team or everybody; inserted by `/` with what a ticket fills in."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Denied, Fault, Invalid, NotFound
from jiying.base.transactions import short
from jiying.desk.models import CannedText
from jiying.desk.policies import may_edit_canned, sees_canned

REACHES = ("own", "team", "all")
MAX_TITLE, MAX_SHORTCUT, MAX_BODY = 80, 40, 5_000


@dataclass(frozen=True, slots=True)
class Text:
    """What somebody writes down: for themselves (`own`), for their team, or for all."""

    title: str
    body: str
    shortcut: str = ""
    reach: str = "own"


@short
def add(*, actor: Actor, text: Text, now: datetime) -> CannedText:
    """A new canned text."""
    text = _checked(text)
    row = CannedText(**_reach(actor, text.reach))
    if not may_edit_canned(actor, row):
        raise Denied("desk.canned_texts")
    _write(row, text, now)
    row.save(force_insert=True)
    _record(actor, row, "canned_text.added", text.reach, now)
    return row


@short
def change(*, actor: Actor, pk: int, text: Text, revision: int | None = None, now: datetime) -> CannedText:
    """Change a canned text; a stale form is refused. Giving it another reach needs the right to both."""
    text = _checked(text)
    row = _editable(actor, pk)
    if revision is not None and revision != row.revision:
        raise Conflict.one("stale")
    for name, value in _reach(actor, text.reach, row).items():
        setattr(row, name, value)
    if not may_edit_canned(actor, row):
        raise Denied("desk.canned_texts")
    _write(row, text, now)
    row.revision += 1
    row.save()
    _record(actor, row, "canned_text.changed", text.reach, now)
    return row


@short
def remove(*, actor: Actor, pk: int, now: datetime) -> None:
    """Take a canned text away; what was sent with it stays as it is."""
    row = _editable(actor, pk)
    _record(actor, row, "canned_text.removed", reach_of(row), now)
    row.delete()


def used(*, actor: Actor, pk: int, now: datetime) -> None:
    """Count a use. No decision of anybody's, so no journal."""
    row = CannedText.objects.filter(pk=pk).first()
    if row is None or not sees_canned(actor, row):
        raise NotFound("canned_text", pk)
    CannedText.objects.filter(pk=pk).update(n_used=F("n_used") + 1, used_at=now)


def reach_of(row: CannedText) -> str:
    return "own" if row.owner_id else "team" if row.team_id else "all"


def _checked(text: Text) -> Text:
    """All that is wrong at once."""
    text = Text(text.title.strip(), text.body.strip(), text.shortcut.strip().lstrip("/"), text.reach)
    faults = [Fault(name, "required", {"field": name}) for name in ("title", "body") if not getattr(text, name)]
    for name, limit in (("title", MAX_TITLE), ("shortcut", MAX_SHORTCUT), ("body", MAX_BODY)):
        if (length := len(getattr(text, name))) > limit:
            faults.append(Fault(name, "too_long", {"limit": limit, "length": length}))
        if "\x00" in getattr(text, name):
            faults.append(Fault(name, "control_character"))
    if any(c.isspace() for c in text.shortcut):
        faults.append(Fault("shortcut", "no_spaces"))
    if text.reach not in REACHES:
        faults.append(Fault("reach", "unknown_value", {"value": text.reach, "known": ", ".join(REACHES)}))
    if faults:
        raise Invalid(*faults)
    return text


def _reach(actor: Actor, reach: str, row: CannedText | None = None) -> dict[str, int | None]:
    """Whose it is. A text keeps its owner or team where its reach stays as it was."""
    if row is not None and reach_of(row) == reach:
        return {"owner_id": row.owner_id, "team_id": row.team_id}
    if reach == "team" and actor.team_id is None:
        raise Invalid.one("reach", "no_team")
    return {"owner_id": actor.id if reach == "own" else None, "team_id": actor.team_id if reach == "team" else None}


def _editable(actor: Actor, pk: int) -> CannedText:
    row = CannedText.objects.select_for_update().filter(pk=pk).first()
    if row is None or not sees_canned(actor, row):
        raise NotFound("canned_text", pk)
    if not may_edit_canned(actor, row):
        raise Denied("desk.canned_texts")
    return row


def _write(row: CannedText, text: Text, now: datetime) -> None:
    row.title, row.body, row.shortcut, row.changed_at = text.title, text.body, text.shortcut, now


def _record(actor: Actor, row: CannedText, kind: str, reach: str, now: datetime) -> None:
    data = {"title": row.title, "reach": reach, "team": row.team_id}
    journal.record(actor, [journal.Fact("canned_text", row.pk, kind, now, data)], now=now)
