"""What is on its way to customers."""

from typing import ClassVar

from django.db import models

from jiying.base.models import Connection, DueRow, due_indexes
from jiying.desk.models import Message, Ticket


class Outbox(DueRow):
    """A reply on its way to the customer, by the connection that they wrote through: one for each message.

    `about` is what its way must know: addresses, ids of the other side. `key` stays the same over all tries.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"  # given up: people see it on the message, and can send it again
        WITHHELD = "withheld"  # there was nothing left to send

    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="outbox")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="outbox")
    connection = models.ForeignKey(Connection, null=True, on_delete=models.SET_NULL, related_name="+")
    about = models.JSONField(default=dict)
    key = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    remote_id = models.CharField(max_length=200, blank=True)  # the other side's own, where it tells one
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [*due_indexes("outbox")]

    def __str__(self) -> str:
        return f"{self.message_id} {self.state}"
