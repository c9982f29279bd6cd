"""The tables of base, one module a noun."""

from jiying.base.models.connections import Connection
from jiying.base.models.documents import Approval, VersionedDocument
from jiying.base.models.due import DueRow, due_indexes
from jiying.base.models.files import Attachment
from jiying.base.models.journal import AuditMark, JournalEntry, JournalPending, JournalPosition
from jiying.base.models.people import ApiToken, Department, Person, Role, Team
from jiying.base.models.plumbing import CacheRow, Counter, IdempotencyKey, Job, Setting, Tick, Whisper

__all__ = [
    "ApiToken",
    "Approval",
    "Attachment",
    "AuditMark",
    "CacheRow",
    "Connection",
    "Counter",
    "Department",
    "DueRow",
    "IdempotencyKey",
    "Job",
    "JournalEntry",
    "JournalPending",
    "JournalPosition",
    "Person",
    "Role",
    "Setting",
    "Team",
    "Tick",
    "VersionedDocument",
    "Whisper",
    "due_indexes",
]
