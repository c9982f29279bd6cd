"""What every row that waits for an instant has (see `base.due` for the loop that serves them)."""

from django.db import models


def due_indexes(name: str) -> list[models.Index]:
    """What each concrete table needs: its due rows in order, and its parked ones (which are few, and counted often)."""
    due, parked = models.Q(wake_at__isnull=False), models.Q(parked_at__isnull=False)
    return [
        models.Index(fields=["wake_at", "id"], condition=due, name=f"{name}_due"),
        models.Index(fields=["parked_at"], condition=parked, name=f"{name}_parked"),
    ]


class DueRow(models.Model):
    """`wake_at` empty: nothing to do (done, or parked). Each concrete table has its `due_indexes`."""

    wake_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    parked_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        abstract = True
