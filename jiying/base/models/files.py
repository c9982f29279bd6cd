"""Files that belong to a subject; the bytes lie in the data folder under their SHA-256."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Attachment(models.Model):
    subject_kind = models.CharField(max_length=20)
    subject_id = models.BigIntegerField()
    name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = (models.Index(fields=["subject_kind", "subject_id"], name="attachment_subject"),)

    def __str__(self) -> str:
        return self.name
