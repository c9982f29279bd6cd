"""Support lines (D24a): which team stands on which line, and what was handed up."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from jiying.base.models import Team
from jiying.desk.models.tickets import Ticket


class TeamLine(models.Model):
    """The line of a team; a team without a row stands on the first."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, primary_key=True, related_name="support_line")
    line = models.PositiveSmallIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.team_id}: {self.line}"


class HandUp(models.Model):
    """A ticket in the hands of a higher line; its agent on the line below stays responsible (首问负责)."""

    class State(models.TextChoices):
        ASKED = "asked"
        TAKEN = "taken"
        ANSWERED = "answered"
        WITHDRAWN = "withdrawn"

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="hand_ups")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    line = models.PositiveSmallIntegerField()
    reason = models.TextField(blank=True)
    rule = models.CharField(max_length=12, blank=True)  # the event whose rule handed it up; empty: by hand
    state = models.CharField(max_length=10, choices=State, default=State.ASKED)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField()
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    taken_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["ticket"], name="hand_up_ticket"),
            models.Index(
                fields=["team", "state", "asked_at"],
                condition=models.Q(ended_at__isnull=True),
                name="hand_up_open",
            ),
            models.Index(fields=["person", "state"], name="hand_up_person"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} ↑ {self.team_id}"
