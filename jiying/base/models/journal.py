"""The journal: one append-only table of facts, and the positions that a sequencer gives them."""

from django.db import models


class JournalEntry(models.Model):
    """A fact: what happened to a subject, when it was true, who did it. Codes and data, never prose.

    Triggers on both databases refuse deletes, and updates other than blanking `data` and `salt` (erasure).
    """

    id = models.BigAutoField(primary_key=True)
    subject_kind = models.CharField(max_length=20)
    subject_id = models.BigIntegerField()
    kind = models.CharField(max_length=40)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor_kind = models.CharField(max_length=10)
    actor_id = models.BigIntegerField(null=True)
    data = models.JSONField(default=dict)
    rings = models.TextField(blank=True)  # doorbell topics besides the subject: "person:5 team:2"
    salt = models.CharField(max_length=32)
    digest = models.CharField(max_length=64)

    class Meta:
        indexes = (models.Index(fields=["subject_kind", "subject_id", "at", "id"], name="journal_subject"),)

    def __str__(self) -> str:
        return f"{self.subject_kind}:{self.subject_id} {self.kind}"


class AuditMark(models.Model):
    """Beside each fact of administration or access (`base.journal.is_audited`), so that the audit finds it."""

    entry = models.OneToOneField(
        JournalEntry, primary_key=True, on_delete=models.DO_NOTHING, related_name="audit", db_constraint=False
    )
    kind = models.CharField(max_length=40)

    class Meta:
        indexes = (models.Index(fields=["kind", "entry"], name="audit_kind"),)

    def __str__(self) -> str:
        return self.kind


class JournalPending(models.Model):
    """Entries that wait for their position. Filled by a trigger in the entry's own transaction."""

    entry_id = models.BigIntegerField(primary_key=True)

    def __str__(self) -> str:
        return str(self.entry_id)


class JournalPosition(models.Model):
    """The place of a committed entry in the one order that all readers share, with the chain's hash."""

    position = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(JournalEntry, on_delete=models.DO_NOTHING, related_name="place")
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return str(self.position)
