"""What every row that waits for an instant has (see `base.due` for the loop that serves them)."""

from django.db import models


class DueRow(models.Model):
    """`wake_at` empty: nothing to do (done, or parked). Each concrete table indexes `wake_at` where it is set."""

    wake_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    parked_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        abstract = True
