"""Documents with versions and two-person approval: standards, calendars, priority rules."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from jiying.base import texts


class VersionedDocument(models.Model):
    """One immutable version of a document; only a draft can be edited."""

    class State(models.TextChoices):
        DRAFT = "draft"
        PROPOSED = "proposed"
        APPROVED = "approved"  # effective from `effective_from` on
        REJECTED = "rejected"

    kind = models.CharField(max_length=20)  # standard | calendar | priority
    key = models.SlugField(max_length=40)
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=120, blank=True)
    body = models.JSONField()
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    effective_from = models.DateTimeField(null=True, blank=True)
    redate = models.BooleanField(default=False)  # re-date running clocks when it becomes effective
    redated_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)
    revision = models.PositiveIntegerField(default=0)  # of the draft; a stale form is refused
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["kind", "key", "number"], name="document_version"),)
        indexes = (models.Index(fields=["kind", "state", "effective_from"], name="document_in_force"),)

    def __str__(self) -> str:
        return f"{self.kind}/{self.key} v{self.number}"

    @property
    def label(self) -> str:
        """The title for the reader: a shipped one in their language until somebody renames it; else the key."""
        return texts.named(f"{self.kind}_title", self.key, self.title)


class Approval(models.Model):
    """Who approved a version, in which capacity."""

    document = models.ForeignKey(VersionedDocument, on_delete=models.CASCADE, related_name="approvals")
    capacity = models.CharField(max_length=20)  # supervisor | operations
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["document", "capacity"], name="approval_capacity"),
            models.UniqueConstraint(fields=["document", "person"], name="approval_person"),
        )

    def __str__(self) -> str:
        return f"{self.document} {self.capacity}"
