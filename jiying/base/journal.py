"""The journal's only door: record facts, read a subject's facts, number committed facts, check the chain.

Readers that follow the journal (push, exports, maps) go by `position`: id order is not commit order on PostgreSQL.
"""

import hashlib
import json
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Max

from jiying.base.actor import Actor
from jiying.base.databases import prepared
from jiying.base.inserting import insert
from jiying.base.loading import instant, write
from jiying.base.models import AuditMark, JournalEntry, JournalPosition

_SEQUENCER_LOCK = 0x6A69_7969  # "jiyi": advisory lock of the one sequencer
GENESIS = "0" * 64
SEQUENCED = 1000  # entries that get their positions in one transaction


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened to (`subject_kind`, `subject_id`) at `at`; `rings` are doorbell topics besides it."""

    subject_kind: str
    subject_id: int
    kind: str
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    rings: Sequence[str] = ()


def record(actor: Actor, facts: Iterable[Fact], *, now: datetime) -> list[JournalEntry]:
    """Append facts in the caller's transaction, in the given order; returns the entries with their ids."""
    entries = [_entry(actor, fact, now) for fact in facts]
    insert(entries)
    if marks := [
        AuditMark(entry_id=one.pk, kind=one.kind) for one in entries if is_audited(one.subject_kind, one.kind)
    ]:
        AuditMark.objects.bulk_create(marks)
    return entries


# Facts about these are administration, those of work on tickets are not; features add theirs in `AppConfig.ready`.
AUDITED = {"person", "team", "department", "role", "setting", "sign_in", "customer"}
NOT_AUDITED = {"person.presence", "customer.changed"}  # daily work


def is_audited(subject_kind: str, kind: str) -> bool:
    return subject_kind in AUDITED and kind not in NOT_AUDITED


def record_each(facts: Iterable[tuple[Actor, Fact]], *, now: datetime) -> int:
    """Append many facts, each with its own actor (histories written in bulk), in the caller's transaction."""
    rows, recorded_at = [], instant(now)
    for actor, fact in facts:
        salt, text = secrets.token_hex(8), _canonical(fact.data)
        at = instant(fact.at)
        rows.append(
            (fact.subject_kind, fact.subject_id, fact.kind, at, recorded_at, actor.kind, actor.id, text, "", salt,
             _digest(salt, text))
        )  # fmt: skip
    write(JournalEntry, _LOADED, rows)
    return len(rows)


_LOADED = (
    "subject_kind", "subject_id", "kind", "at", "recorded_at", "actor_kind", "actor_id", "data", "rings", "salt",
    "digest",
)  # fmt: skip


def _entry(actor: Actor, fact: Fact, now: datetime) -> JournalEntry:
    salt = secrets.token_hex(8)
    data = dict(fact.data)
    return JournalEntry(
        subject_kind=fact.subject_kind,
        subject_id=fact.subject_id,
        kind=fact.kind,
        at=fact.at,
        recorded_at=now,
        actor_kind=actor.kind,
        actor_id=actor.id if actor.run is None else actor.run,
        data=data,
        rings=" ".join(dict.fromkeys(fact.rings)),
        salt=salt,
        digest=_digest(salt, _canonical(data)),
    )


def _canonical(data: Mapping[str, Any]) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _digest(salt: str, canonical: str) -> str:
    return hashlib.sha256(f"{salt}{canonical}".encode()).hexdigest()


def of(subject_kind: str, subject_id: int) -> list[JournalEntry]:
    """All facts of one subject in the order in which clocks fold them: (`at`, id)."""
    return list(
        JournalEntry.objects.filter(subject_kind=subject_kind, subject_id=subject_id).order_by("at", "id").all()
    )


def last_at(subject_kind: str, subject_id: int, kinds: Collection[str]) -> datetime | None:
    """The instant of a subject's latest fact of these kinds."""
    rows = JournalEntry.objects.filter(subject_kind=subject_kind, subject_id=subject_id, kind__in=kinds)
    return rows.aggregate(at=Max("at"))["at"]  # type: ignore[no-any-return]


def erase(kept: Mapping[int, Mapping[str, Any]]) -> int:
    """Leave of these facts' data only what is named here (a customer's erasure): a part, which the database checks.

    The chain still holds, since it covers a salted digest.
    """
    rows = [JournalEntry(pk=pk, data=dict(data), salt="") for pk, data in kept.items()]
    return JournalEntry.objects.bulk_update(rows, ["data", "salt"], batch_size=100)


# --- positions -------------------------------------------------------------------------------------------------------


class _Linked(NamedTuple):
    """What the chain covers of an entry: columns of its table."""

    id: int
    subject_kind: str
    subject_id: int
    kind: str
    at: datetime
    recorded_at: datetime
    actor_kind: str
    actor_id: int | None
    digest: str


_WAITING = f"""
SELECT {", ".join(f"entry.{name}" for name in _Linked._fields)}
FROM base_journalpending AS pending JOIN base_journalentry AS entry ON entry.id = pending.entry_id
ORDER BY pending.entry_id LIMIT %s"""  # noqa: S608


def sequence(limit: int = SEQUENCED) -> int:
    """Give positions to committed entries; 0 if there are none or another sequencer is at it."""
    with transaction.atomic():
        if not _hold_sequencer():
            return 0
        with connection.cursor() as cursor:
            cursor.execute(_WAITING, [limit])
            entries = [_Linked._make(row) for row in cursor.fetchall()]
        if not entries:
            return 0
        last = JournalPosition.objects.order_by("-position").first()
        position, chain = (last.position, last.hash) if last else (0, GENESIS)
        rows = []
        for entry in entries:
            position, chain = position + 1, link(chain, entry)
            rows.append((position, entry.id, chain))
        write(JournalPosition, ("position", "entry_id", "hash"), rows)
        _number_no_more([entry.id for entry in entries])
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("NOTIFY jiying_position")
        return len(rows)


def _number_no_more(ids: Sequence[int]) -> None:
    """By name, never by range: on PostgreSQL an entry with a lower id may be committed at any moment."""
    wanted = ",".join(str(int(one)) for one in ids)
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM base_journalpending WHERE entry_id IN ({wanted})")  # noqa: S608 - whole numbers


def _hold_sequencer() -> bool:
    """True in the one process that may number entries now; SQLite's write transaction is that lock already."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_SEQUENCER_LOCK])
        return bool(cursor.fetchone()[0])


def link(previous: str, entry: Any) -> str:
    """The chain's next hash: SHA-256 over the previous one and the entry, its data by their salted digest only.

    `entry` is a JournalEntry, or a row with the fields of `_Linked`.
    """
    parts = (
        previous,
        str(entry.id),
        entry.subject_kind,
        str(entry.subject_id),
        entry.kind,
        _instant(entry.at),
        _instant(entry.recorded_at),
        entry.actor_kind,
        str(entry.actor_id),
        entry.digest,
    )
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _instant(at: datetime) -> str:
    """In UTC; SQLite's own rows hold UTC without saying so."""
    if at.tzinfo is not None:
        at = at.astimezone(UTC)
    return f"{at.isoformat(timespec='microseconds')[:26]}Z"


def last_position() -> int:
    return JournalPosition.objects.order_by("-position").values_list("position", flat=True).first() or 0


def after(position: int, limit: int = 500) -> list[JournalPosition]:
    """The places after a position, in order, each with its entry."""
    return list(
        JournalPosition.objects.filter(position__gt=position).order_by("position").select_related("entry")[:limit]
    )


_RINGS = """
SELECT place.position, entry.subject_kind, entry.subject_id, entry.kind, entry.rings
FROM base_journalposition AS place JOIN base_journalentry AS entry ON entry.id = place.entry_id
WHERE place.position > %s ORDER BY place.position LIMIT %s"""


def rings_after(position: int, limit: int) -> list[tuple[int, str, int, str, str]]:
    """(position, subject, kind, rings) after a position: what each web process reads of every fact, and no more."""
    cursor = prepared()
    cursor.execute(_RINGS, [position, limit])
    return list(cursor.fetchall())


def broken_links(batch: int = 5000) -> Iterable[tuple[int, str]]:
    """Walk the whole chain; yields (position, what is wrong): "hash" or "data"."""
    position: int | None = 0
    chain = GENESIS
    while position is not None:
        position, chain, found = check_part(position, chain, batch)
        yield from found


def check_part(position: int, chain: str, batch: int) -> tuple[int | None, str, list[tuple[int, str]]]:
    """Check the links after a position whose hash is `chain`: where it came to (None: the end), and what is wrong."""
    faults = []
    places = after(position, batch)
    for place in places:
        entry, expected = place.entry, link(chain, place.entry)
        if expected != place.hash or place.position != position + 1:
            faults.append((place.position, "hash"))
        if entry.salt and _digest(entry.salt, _canonical(entry.data)) != entry.digest:
            faults.append((place.position, "data"))
        position, chain = place.position, place.hash
    return (position if places else None), chain, faults
