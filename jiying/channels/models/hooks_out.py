"""Events on their way to subscribers by web hook."""

from typing import ClassVar

from django.db import models

from jiying.base.models import Connection, DueRow, JournalEntry, due_indexes


class HookDelivery(DueRow):
    """One event on its way to one subscription (D20): what came of the last try, and when the next one is.

    No payload is kept: it is made of the fact at each try, so that erasing a customer leaves nothing here.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"  # refused by the subscriber time and again

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    position = models.BigIntegerField()  # of the fact in the journal
    entry = models.ForeignKey(JournalEntry, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    event = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    status = models.PositiveSmallIntegerField(null=True)
    duration_ms = models.PositiveIntegerField(null=True)
    answer = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    failing_since = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["connection", "position"], name="hook_delivery_once"),)
        indexes: ClassVar = [
            *due_indexes("hook_delivery"),
            models.Index(
                fields=["connection", "position"],
                condition=models.Q(wake_at__isnull=False),
                name="hook_delivery_order",
            ),
            models.Index(fields=["created_at"], name="hook_delivery_age"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.position} {self.state}"
