"""Inbound calls, kept as they came until they were acted on and could come again no more."""

from typing import ClassVar

from django.db import models

from jiying.base.models import Connection, DueRow, due_indexes
from jiying.desk.models import Customer, Ticket


class HookCall(DueRow):
    """A verified call of the other side, kept as it came before anything is done with it; sealed, since it tells of
    customers. `key` is the same when it comes again: while these rows are kept, nothing is done twice."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        NOTHING = "nothing"  # there was nothing in it to be done
        REFUSED = "refused"  # kept with the reason, and can be tried again

    connection = models.ForeignKey(Connection, null=True, on_delete=models.SET_NULL, related_name="+")
    kind = models.CharField(max_length=30)
    key = models.CharField(max_length=80)
    body = models.TextField(blank=True)  # sealed; blank once its customer was erased
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    fault = models.JSONField(default=dict)  # {code, params}: why it could not be done
    customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL, related_name="+")
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    received_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["connection", "key"], name="hook_call_once")]
        indexes: ClassVar = [
            *due_indexes("hook_call"),
            models.Index(fields=["received_at", "id"], name="hook_call_log"),
            models.Index(fields=["state", "received_at", "id"], name="hook_call_state"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
