"""Ties between tickets: about the same thing, split off another one, the same problem again (D7)."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jiying.desk.models.tickets import Ticket


class TicketLink(models.Model):
    """`ticket` is the later one: split off `other`, or the same problem again; related ones are in order of id.

    A tie that was taken away keeps its row: what is no repeat contact after all is not found a second time.
    """

    class Kind(models.TextChoices):
        RELATED = "related"
        SPLIT = "split"
        REPEAT = "repeat"

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="links_back")
    other = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="links_on")
    kind = models.CharField(max_length=10, choices=Kind)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField()
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["ticket", "other", "kind"], name="ticket_link_once"),
            models.CheckConstraint(condition=~Q(ticket=models.F("other")), name="ticket_link_of_two"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.kind} {self.other_id}"


class RepeatContact(models.Model):
    """What was found of a repeat contact, and the root cause that QA names: why the customer had to come again."""

    class State(models.TextChoices):
        OPEN = "open"
        NAMED = "named"
        DISMISSED = "dismissed"  # not the same problem after all

    link = models.OneToOneField(TicketLink, on_delete=models.CASCADE, primary_key=True, related_name="repeat")
    by = models.CharField(max_length=10)  # category | text: by what it was found
    likeness = models.FloatField()  # of the two texts, 0 to 1
    gap_s = models.PositiveIntegerField()  # between the two receipts
    found_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    cause = models.CharField(max_length=20, blank=True)
    note = models.TextField(blank=True)
    judged_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    judged_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["state", "link"], name="repeat_state")]

    def __str__(self) -> str:
        return f"{self.link_id} {self.state}"
